"""Prompts of a sentence-transformers folder: which is for queries, which for passages, which for tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

_QUERY = (
    "query",
    "search_query",
    "retrieval_query",
    "s2p_query",
    "queries",
    "question",
    "web_search_query",
)
_PASSAGE = (
    "document",
    "passage",
    "corpus",
    "search_document",
    "search_passage",
    "retrieval_document",
    "retrieval_passage",
    "documents",
    "passages",
)
"""Names that are clear, the better ones first; case, and . or - for _, do not matter."""


class Prompts(NamedTuple):
    """Prompts by use, "" for none.

    `query_name`, `passage_name`, `default_name`: their names. `tasks`: the others by name. `default`: the
    one that `encode` of sentence-transformers puts before every text; it is `query` and `passage` of a
    folder without prompts for these.
    """

    query: str = ""
    passage: str = ""
    query_name: str = ""
    passage_name: str = ""
    default: str = ""
    default_name: str = ""
    tasks: Mapping[str, str] = MappingProxyType({})

    @property
    def found(self) -> bool:
        """True if there is a prompt for queries or passages."""
        return bool(self.query or self.passage)


def read_prompts(settings: Mapping[str, Any]) -> Prompts:
    """Prompts in the content of a `config_sentence_transformers.json`; none if one of them is no text."""
    named = settings.get("prompts")
    if not isinstance(named, dict) or not all(isinstance(v, str | None) for v in named.values()):
        return Prompts()
    found = {str(k): v or "" for k, v in named.items()}
    query, passage = _first(found, _QUERY), _first(found, _PASSAGE)
    default = str(settings.get("default_prompt_name") or "")
    default = default if found.get(default) else ""
    if not query and not passage:
        query = passage = default
    tasks = {k: v for k, v in found.items() if v and k not in (query, passage)}
    return Prompts(
        found.get(query, ""),
        found.get(passage, ""),
        query,
        passage,
        found.get(default, ""),
        default,
        tasks,
    )


def _first(prompts: Mapping[str, str], names: Sequence[str]) -> str:
    """Name of the first prompt among `names` that is not empty, "" for none."""
    plain = {re.sub(r"[.\s-]", "_", k.lower()): k for k, v in prompts.items() if v}
    return next((plain[n] for n in names if n in plain), "")


class PromptFinder:
    """Finds the prompt that a finished text begins with. `templates`: with a placeholder in braces each."""

    def __init__(self, templates: Iterable[str]) -> None:
        heads = {re.split(r"\{(?:query|text|title)\}", t)[0] for t in templates} - {""}
        self._heads = [
            re.compile(".*?".join(re.escape(part) for part in head.split("{task}")), re.DOTALL)
            for head in sorted(heads, key=lambda h: (-len(h), h))
        ]

    def __call__(self, text: str) -> str:
        """Longest prompt at the start of the text, "" for none."""
        found = (head.match(text) for head in self._heads)
        return max((m[0] for m in found if m), key=len, default="")
