"""Profiles of model families: prompts, pooling, limits; a table and a look-up by name.

A model trained with an instruction in front of its queries loses without it, one trained without
loses with it (MiniLM on SciFact: nDCG@10 .645 bare, .585 behind Qwen's instruction). So the template
belongs to the model. Where no row matches, prompts come from the folder's own
`config_sentence_transformers.json`; without that, queries are encoded as they are and `known` is False.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.builtin import BUILTIN
from qembed.models.model_folder import Folder

TASKS: dict[str, str] = {
    "web": "Given a web search query, retrieve relevant passages that answer the query",
    "memory": "Given a user query, retrieve relevant memories",
    "document": "Given a question, find relevant documents",
    "code": "Given a coding query, retrieve relevant code snippets",
    "qa": "Given a user question, retrieve the best answer",
}
"""Named tasks, for templates that hold `{task}`. In English for every language of the corpus."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Input format of a family of models.

    patterns: shell patterns on the lower-case model name without its organisation; first row wins.
    query, passage: templates over `{query}` and `{task}`, `{text}` and `{title}`.
    task: task for a `{task}` template when the user names none.
    pooling: reduction of token states to one vector; "" where it differs within the family.
    max_tokens: limit that the authors recommend or trained with; a folder's own limit goes before it.
    min_dim: smallest dimension for truncated vectors, None if the family was not trained for it.
    languages: BCP 47, or "multilingual".
    end_token: token that every text must end with, "" if the tokenizer sees to that.
    dtype: advice on precision, "" for none.
    verified: True if the templates were read in the authors' own words.
    known: False for a model without a profile.
    prompts: the folder's own prompts for other tasks, (name, text put before a query) each.
    default_prompt: the folder's own prompt for texts that are neither query nor passage.
    similarity: the model's own; "cosine" also where cosines have the same order.
    """

    name: str
    patterns: tuple[str, ...] = ()
    query: str = "{query}"
    passage: str = "{text}"
    task: str | None = None
    pooling: str = ""
    max_tokens: int = 512
    min_dim: int | None = None
    languages: tuple[str, ...] = ("en",)
    url: str = ""
    end_token: str = ""
    dtype: str = ""
    verified: bool = True
    known: bool = True
    prompts: tuple[tuple[str, str], ...] = ()
    default_prompt: str = ""
    similarity: str = "cosine"

    def reads(self, script: str) -> bool:
        """True if it was trained on text in a script (`Latin`, `Han`, …; "" for no letters)."""
        if not script or not self.known or "multilingual" in self.languages:
            return True
        return any(script in _SCRIPTS.get(language, ("Latin",)) for language in self.languages)

    def check_dim(self, dim: int | None, width: int, name: str) -> int:
        """Dimensions of a model's vectors: `dim`, or its `width` for None. `name`: for messages.

        Raises UsageError for a truncation that the family was not trained for.
        """
        if dim is None or dim == width:
            return width
        if self.min_dim is None:
            raise UsageError(
                f"--dim {dim}: {name} was not trained to be cut; it has {width} dimensions"
            )
        if not self.min_dim <= dim <= width:
            raise UsageError(
                f"--dim {dim}: {name} can be cut to {self.min_dim} to {width} dimensions"
            )
        return dim


_SCRIPTS = {
    "zh": ("Han", "Latin"),
    "ja": ("Han", "Hiragana", "Katakana", "Latin"),
    "ko": ("Hangul", "Han", "Latin"),
    "ru": ("Cyrillic", "Latin"),
    "ar": ("Arabic", "Latin"),
}
"""Scripts of languages that use more than Latin letters; such models are trained on some English too."""
_INSTRUCT = "Instruct: {task}\nQuery: {query}"
_REPRESENT = "Represent this sentence for searching relevant passages: {query}"
_MANY = ("multilingual",)
_HUB = "https://huggingface.co/"

# No space after "Query:" here, unlike every other instruct model: a space changes the tokens.
_QWEN = Profile(
    "Qwen3-Embedding",
    query="Instruct: {task}\nQuery:{query}",
    task=TASKS["web"],
    pooling="lasttoken",
    max_tokens=32768,
    min_dim=32,
    languages=_MANY,
    end_token="<|endoftext|>",
    dtype="bfloat16 or float32: float16 gives NaN on some texts",
)

PROFILES: tuple[Profile, ...] = (
    *(
        replace(
            _QWEN,
            name=f"Qwen3-Embedding-{size}",
            patterns=(f"*qwen3-embedding-{size.lower()}*",),
            url=f"{_HUB}Qwen/Qwen3-Embedding-{size}",
        )
        for size in ("0.6B", "4B", "8B")
    ),
    Profile(
        "bge-en",
        ("*bge-*-en-v1.5*", "bge-small-en", "bge-base-en", "bge-large-en"),
        query=_REPRESENT,
        pooling="cls",
        url=_HUB + "BAAI/bge-base-en-v1.5",
    ),
    Profile(
        "bge-zh",
        ("*bge-*-zh-v1.5*", "bge-small-zh", "bge-base-zh", "bge-large-zh"),
        query="为这个句子生成表示以用于检索相关文章：{query}",
        pooling="cls",
        languages=("zh",),
        url=_HUB + "BAAI/bge-base-zh-v1.5",
    ),
    Profile(
        "bge-m3",
        ("*bge-m3*",),
        pooling="cls",
        max_tokens=8192,
        languages=_MANY,
        url=_HUB + "BAAI/bge-m3",
    ),
    Profile(
        "e5-mistral-instruct",
        ("*e5-mistral-7b-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="lasttoken",
        max_tokens=4096,
        url=_HUB + "intfloat/e5-mistral-7b-instruct",
    ),
    Profile(
        "e5-instruct",
        ("*e5-*-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="mean",
        languages=_MANY,
        url=_HUB + "intfloat/multilingual-e5-large-instruct",
    ),
    Profile(
        "multilingual-e5",
        ("*multilingual-e5-*",),
        query="query: {query}",
        passage="passage: {text}",
        pooling="mean",
        languages=_MANY,
        url=_HUB + "intfloat/multilingual-e5-base",
    ),
    Profile(
        "e5",
        ("e5-small*", "e5-base*", "e5-large*"),
        query="query: {query}",
        passage="passage: {text}",
        pooling="mean",
        url=_HUB + "intfloat/e5-base-v2",
    ),
    Profile(
        "gte-qwen2-instruct",
        ("*gte-qwen*-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="lasttoken",
        max_tokens=32768,
        languages=_MANY,
        url=_HUB + "Alibaba-NLP/gte-Qwen2-1.5B-instruct",
        verified=False,
    ),
    Profile(
        "gte",
        ("gte-small*", "gte-base*", "gte-large*", "gte-multilingual-base*", "gte-modernbert-*"),
        # Mean for the first generation, [CLS] from v1.5 on: the folder says which.
        url=_HUB + "thenlper/gte-base",
    ),
    Profile(
        "all-MiniLM",
        ("*all-minilm-l*",),
        pooling="mean",
        max_tokens=256,
        url=_HUB + "sentence-transformers/all-MiniLM-L6-v2",
    ),
    Profile(
        "all-mpnet",
        ("*all-mpnet-base*",),
        pooling="mean",
        max_tokens=384,
        url=_HUB + "sentence-transformers/all-mpnet-base-v2",
    ),
    Profile(
        "snowflake-arctic-embed-v2.0",
        ("*arctic-embed-*-v2*",),
        query="query: {query}",
        pooling="cls",
        max_tokens=8192,
        min_dim=256,
        languages=_MANY,
        url=_HUB + "Snowflake/snowflake-arctic-embed-l-v2.0",
        verified=False,
    ),
    Profile(
        "snowflake-arctic-embed-v1.5",
        ("*arctic-embed-*-v1.5*",),
        query=_REPRESENT,
        pooling="cls",
        min_dim=256,
        url=_HUB + "Snowflake/snowflake-arctic-embed-m-v1.5",
    ),
    Profile(
        "snowflake-arctic-embed",
        ("*arctic-embed-*",),
        query=_REPRESENT,
        pooling="cls",
        url=_HUB + "Snowflake/snowflake-arctic-embed-m",
    ),
    Profile(
        "EmbeddingGemma",
        ("*embeddinggemma*",),
        query="task: search result | query: {query}",
        passage="title: {title} | text: {text}",
        pooling="mean",
        max_tokens=2048,
        min_dim=128,
        languages=_MANY,
        dtype="bfloat16 or float32: its activations do not fit into float16",
        url=_HUB + "google/embeddinggemma-300m",
    ),
    Profile(
        "nomic-embed-text",
        ("*nomic-embed-text*",),
        query="search_query: {query}",
        passage="search_document: {text}",
        pooling="mean",
        max_tokens=8192,
        # v1.5 may be cut, but only behind a layer norm of its own, which we don't apply: so None.
        url=_HUB + "nomic-ai/nomic-embed-text-v1.5",
    ),
    Profile(
        "jina-embeddings-v3",
        ("*jina-embeddings-v3*",),
        query="Represent the query for retrieving evidence documents: {query}",
        passage="Represent the document for retrieval: {text}",
        pooling="mean",
        max_tokens=8192,
        min_dim=32,
        languages=_MANY,
        url=_HUB + "jinaai/jina-embeddings-v3",
        verified=False,  # the texts are the authors'; which LoRA adapter gets loaded is not checked
    ),
    Profile(
        "jina-embeddings-v2",
        ("*jina-embeddings-v2*", "*jina-embedding-*-v1*"),
        pooling="mean",
        max_tokens=8192,
        url=_HUB + "jinaai/jina-embeddings-v2-base-en",
    ),
)
"""Specific rows before general ones: the first pattern that matches decides."""


def short_name(name: str) -> str:
    """Name of a model without its organisation or path.

    `models--Org--name/snapshots/<commit>`, the layout of the hub's cache, gives `name`.
    """
    parts = [p for p in name.replace("\\", "/").split("/") if p]
    if len(parts) >= 3 and parts[-2] == "snapshots":
        parts = parts[-3].split("--")
    return parts[-1] if parts else ""


def profile_for(name: str, folder: Path | None = None) -> Profile:
    """Profile of a model: by its name, else from its folder's own prompts, else unknown.

    name: a hub id, a folder name or a built-in model's. folder: the model's files, if they are here.
    Never raises: an unreadable configuration counts as none.
    """
    short = short_name(name).lower()
    if short in BUILTIN:
        short = BUILTIN[short].model.lower()
    found = next(
        (p for p in PROFILES if any(fnmatchcase(short, pattern) for pattern in p.patterns)), None
    )
    if folder is None:
        return found or Profile(short or name, known=False)
    return _with_files(found or Profile(short or name, known=False), Folder(folder))


def _with_files(profile: Profile, folder: Folder) -> Profile:
    """Complete a profile by what its folder's own files say; an unknown one takes its prompts from them."""
    prompts = folder.prompts()
    if not profile.known and prompts.found:
        profile = replace(
            profile,
            query=prompts.query + "{query}",
            passage=prompts.passage + "{text}",
            verified=False,
            known=True,
        )
    try:
        similarity = folder.similarity()
    except ModelUnavailable:  # opening the folder says so
        similarity = "cosine"
    return replace(
        profile,
        prompts=tuple(prompts.tasks.items()),
        default_prompt=prompts.default,
        similarity=similarity,
    )
