"""Profile of a model family: its prompts, pooling and limits; and the named tasks."""

from __future__ import annotations

from dataclasses import dataclass

from qembed.errors import UsageError

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
    languages: BCP 47, or "multilingual"; empty if nobody has said which.
    end_token: token that every text must end with, "" if the tokenizer sees to that.
    dtype: advice on precision, "" for none.
    verified: True if the templates were read in the authors' own words.
    known: False for a model without a profile.
    prompts: the folder's own prompts for other tasks, (name, text put before a query) each.
    default_prompt: the folder's own prompt for texts that are neither query nor passage.
    alphabet: name of the alphabet whose sequences it reads, "" for a model of language.
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
    alphabet: str = ""

    def reads(self, script: str) -> bool:
        """True if it was trained on text in a script (`Latin`, `Han`, …; "" for no letters)."""
        if not script or not self.known or not self.languages or "multilingual" in self.languages:
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
