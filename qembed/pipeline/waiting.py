"""Documents whose passages wait to be encoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qembed.pipeline.plan import Key
from qembed.store import Line
from qembed.types import Document, Passage


@dataclass(slots=True)
class Waiting:
    """A document on its way to becoming a line: `line` is finished where there is nothing to encode."""

    key: Key
    kind: str
    line: Line
    passages: list[Passage]
    texts: list[str]
    old: int | None


def placed(passages: list[Passage], document: Document) -> list[Passage]:
    """The passages at their places in the whole file, where the document is a part of a long one."""
    if not document.start:
        return passages
    at, line = document.start, (document.line or 1) - 1
    return [
        replace(
            p, start=p.start + at, end=p.end + at, line=p.line + line, end_line=p.end_line + line
        )
        for p in passages
    ]
