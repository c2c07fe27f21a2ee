"""Documents whose passages wait to be encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from qembed.pipeline.indexing.plan import Key
from qembed.store import CatalogEntry
from qembed.types import Document, Passage


@dataclass(slots=True)
class PendingDocument:
    """A document on its way to becoming a line: `line` is finished where there is nothing to encode."""

    key: Key
    kind: str
    line: CatalogEntry
    passages: list[Passage]
    texts: list[str]
    old: int | None


MIN_PASSAGES = 512
MAX_PASSAGES = 8192
SECONDS = 30.0
"""Passages gathered before encoding, at least and at most; between them, as many as are encoded in so long.
The more there are, the more of them have one length, and the less is padding."""
MAX_TEXT_CHARS = 16 << 20
"""Characters of passages gathered, however few they are."""
SAMPLE_TEXTS = 32
"""Passages of a first window that are encoded beforehand, to learn how long one takes."""


class EncodeBatch:
    """What was gathered since the last encoding. `pace`: texts encoded in this run, and the seconds of it."""

    def __init__(self, pace: Callable[[], tuple[int, float]]) -> None:
        self._pace = pace
        self._enough = MIN_PASSAGES
        self.items: list[PendingDocument] = []
        self._passages = self._characters = 0

    def add(self, item: PendingDocument) -> None:
        """One more document."""
        self.items.append(item)
        self._passages += len(item.texts)
        self._characters += sum(map(len, item.texts))

    @property
    def full(self) -> bool:
        """Whether it is worth an encoder's while, or enough to remember."""
        many = self._passages >= self._enough or len(self.items) >= MAX_PASSAGES
        return many or self._characters >= MAX_TEXT_CHARS

    def take(self) -> list[PendingDocument]:
        """All of it; an empty one is left."""
        items, self.items = self.items, []
        self._passages = self._characters = 0
        return items

    def texts(self) -> list[str]:
        """What its passages are encoded as."""
        return [t for w in self.items for t in w.texts]

    def sample(self) -> list[str]:
        """A few of its texts, from all over it, as long as nobody knows how long one takes."""
        texts = self.texts() if not self._pace()[0] else []
        return texts[:: max(1, len(texts) // SAMPLE_TEXTS)][:SAMPLE_TEXTS]

    def resize(self, took: float = SECONDS) -> None:
        """Learns from what was encoded. `took`: seconds for the last window."""
        made, spent = self._pace()
        if made >= SAMPLE_TEXTS // 2:
            self._enough = min(
                max(MIN_PASSAGES, int(SECONDS * made / max(spent, 1e-6))), MAX_PASSAGES
            )
        elif took < 2.0 and self._enough < MAX_PASSAGES:
            self._enough *= 2  # all of it was known


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
