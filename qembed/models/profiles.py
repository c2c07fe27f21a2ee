"""What each family of models wants to be told: a table to read, and a look-up by name.

A model trained with an instruction in front of its queries loses without it, one trained without
loses with it (MiniLM on SciFact: nDCG@10 .645 bare, .585 behind Qwen's instruction). So the template
belongs to the model. Where no row fits, the folder's own `config_sentence_transformers.json` is
asked; where that is silent too, the query goes in bare and `known` is False.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

TASKS: dict[str, str] = {
    "web": "Given a web search query, retrieve relevant passages that answer the query",
    "memory": "Given a user query, retrieve relevant memories",
    "document": "Given a question, find relevant documents",
    "code": "Given a coding query, retrieve relevant code snippets",
    "qa": "Given a user question, retrieve the best answer",
}
"""Tasks with a name, for templates that hold `{task}`. English whatever the corpus' language."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a family of models was trained to see.

    patterns: shell patterns on the lower-case model name without its organisation; first row wins.
    query, passage: templates over `{query}` and `{task}`, `{text}` and `{title}`.
    task: the task a `{task}` template is given when the user names none.
    pooling: how token states become one vector; "" where it differs within the family.
    max_tokens: what the authors recommend or trained with; a folder's own limit goes before it.
    min_dim: the smallest dimension vectors may be cut to, None if not trained for cutting.
    languages: BCP 47, or "multilingual".
    end_token: a token every text must end with, "" if the tokenizer is trusted with that.
    dtype: advice on precision, "" where any does.
    verified: whether the templates were read in the authors' own words.
    known: False for a model that nothing is known about.
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

    def reads(self, script: str) -> bool:
        """Whether it was trained on text in a script (`Latin`, `Han`, …; "" for no letters)."""
        if not script or not self.known or "multilingual" in self.languages:
            return True
        return any(script in _SCRIPTS.get(language, ("Latin",)) for language in self.languages)


_SCRIPTS = {
    "zh": ("Han", "Latin"),
    "ja": ("Han", "Hiragana", "Katakana", "Latin"),
    "ko": ("Hangul", "Han", "Latin"),
    "ru": ("Cyrillic", "Latin"),
    "ar": ("Arabic", "Latin"),
}
"""Scripts of the languages that are not written in Latin letters alone; models see some English anyway."""
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
"""Specific rows before general ones: the first pattern that fits decides."""


def short_name(name: str) -> str:
    """A model's name without its organisation or path.

    `models--Org--name/snapshots/<commit>`, as the hub's cache lays models out, gives `name`.
    """
    parts = [p for p in name.replace("\\", "/").split("/") if p]
    if len(parts) >= 3 and parts[-2] == "snapshots":
        parts = parts[-3].split("--")
    return parts[-1] if parts else ""


def profile_for(name: str, folder: Path | None = None) -> Profile:
    """The profile of a model: by its name, else by its folder's own prompts, else unknown.

    name: a hub id, a folder name or `minilm`. folder: where the model lies, if it is here.
    Never raises: an unreadable configuration counts as a silent one.
    """
    short = short_name(name).lower()
    if short == "minilm":
        short = "all-minilm-l6-v2"
    for profile in PROFILES:
        if any(fnmatchcase(short, pattern) for pattern in profile.patterns):
            return profile
    return _from_own_prompts(short, folder) or Profile(short or name, known=False)


def _from_own_prompts(name: str, folder: Path | None) -> Profile | None:
    """What `config_sentence_transformers.json` says about queries and documents, if anything."""
    if folder is None:
        return None
    try:
        config = json.loads((folder / "config_sentence_transformers.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    prompts = config.get("prompts") if isinstance(config, dict) else None
    if not isinstance(prompts, dict):
        return None
    query = prompts.get("query")
    passage = next((prompts[k] for k in ("document", "passage") if prompts.get(k)), "")
    if not isinstance(query, str) or not isinstance(passage, str) or not (query or passage):
        return None
    return Profile(name, query=query + "{query}", passage=passage + "{text}", verified=False)
