"""Batches of documents: collected until there are enough passages, then encoded and appended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from qembed.pipeline.indexing.encoding.content import Content, hash_of, size_of
from qembed.pipeline.indexing.encoding.vectorizer import EncodedTexts, Vectorizer
from qembed.pipeline.indexing.options import BatchPolicy
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.source_options import document_place
from qembed.store import CatalogEntry, Writer
from qembed.types import Passage, Unreadable

QUICK_SECONDS = 2.0
"""A batch that took less time, all of it known texts, is followed by one twice as large."""


@dataclass(slots=True)
class PendingDocument:
    """Document that is chunked and not encoded yet.

    `key`, `path`: its file. `kind`: its outcome for the summary. `entry`: its catalog entry, complete but
    for the rows of `passages`. `contents`: the text of each passage to encode, or the picture. `replaces`:
    position in the catalog of the entry it replaces. `line`: a record's line in its file.
    """

    key: Key
    path: str
    kind: str
    entry: CatalogEntry
    passages: list[Passage]
    contents: Sequence[Content]
    replaces: int | None
    line: int | None = None


class EncodeBatch:
    """Documents collected since the last batch was encoded.

    `pace`: returns the number of texts encoded in this run and the seconds that took.
    """

    def __init__(self, pace: Callable[[], tuple[int, float]], policy: BatchPolicy) -> None:
        self._pace = pace
        self._policy = policy
        self._target = policy.min_passages
        self.items: list[PendingDocument] = []
        self._passages = self._characters = 0

    def add(self, item: PendingDocument) -> None:
        """Add a document."""
        self.items.append(item)
        self._passages += len(item.contents)
        self._characters += sum(map(size_of, item.contents))

    @property
    def full(self) -> bool:
        """True if the batch is to be encoded, for its passages, documents or characters."""
        return (
            self._passages >= self._target
            or len(self.items) >= self._policy.max_passages
            or self._characters >= self._policy.max_chars
        )

    def take(self) -> list[PendingDocument]:
        """Return the documents and empty the batch."""
        items, self.items = self.items, []
        self._passages = self._characters = 0
        return items

    def contents(self) -> list[Content]:
        """Texts and pictures of all passages, in order."""
        return [content for item in self.items for content in item.contents]

    def sample(self) -> list[str]:
        """Texts spread over the batch, to measure the encoder's speed; none once it is known."""
        encoded, _ = self._pace()
        texts = [] if encoded else [c for c in self.contents() if isinstance(c, str)]
        size = self._policy.sample
        return texts[:: max(1, len(texts) // size)][:size]

    def resize(self, seconds: float | None = None) -> None:
        """Set the target size from the encoder's speed. `seconds`: duration of the last batch."""
        policy = self._policy
        encoded, spent = self._pace()
        if encoded >= policy.sample // 2:
            possible = int(policy.seconds_after(spent) * encoded / max(spent, 1e-6))
            self._target = min(max(policy.min_passages, possible), policy.max_passages)
        elif seconds is not None and seconds < QUICK_SECONDS and self._target < policy.max_passages:
            self._target *= 2


def _refusal(item: PendingDocument, passage: Passage, reason: str) -> Unreadable:
    """Failure of a document with a passage that has no vector."""
    kept = " (its earlier version stays in the index)" if item.replaces is not None else ""
    return Unreadable(
        item.path, f"the model does not encode it: {reason}{kept}", item.line or passage.line
    )


class BatchEncoder:
    """Collects documents, encodes them in batches and appends their rows. `stats`: updated in place."""

    def __init__(
        self, writer: Writer, vectorizer: Vectorizer, policy: BatchPolicy, stats: IndexStats
    ) -> None:
        self.vectorizer = vectorizer
        self._writer = writer
        self._stats = stats
        self._batch = EncodeBatch(vectorizer.pace, policy)

    def add(self, item: PendingDocument) -> bool:
        """Add a document. Returns True if the batch is to be flushed."""
        self._batch.add(item)
        if self._batch.full and (sample := self._batch.sample()):
            self._encode(sample)
            self.vectorizer.come_again(len(sample))
            self._batch.resize()
        return self._batch.full

    def flush(self) -> Iterator[tuple[PendingDocument, CatalogEntry | Unreadable | None]]:
        """Encode the batch and append its rows. Yields each document with its complete catalog entry.

        In the place of the entry: None for a document of which a passage was not encoded, because the run was
        stopped; Unreadable for one with a passage that the model refuses. Its other passages are stored: the
        next run finds them by their text.
        """
        began = time.monotonic()
        contents, items = self._batch.contents(), self._batch.take()
        result, hashes = self._encode(contents)
        self._batch.resize(time.monotonic() - began)
        self._count_truncated(items, result.tokens)
        rows = self._append(items, result, hashes)
        begin = 0
        for item in items:
            end = begin + len(item.contents)
            if refused := [i for i in range(begin, end) if i in result.refused]:
                passage = item.passages[refused[0] - begin]
                yield item, _refusal(item, passage, result.refused[refused[0]])
            elif not result.done[begin:end].all():
                yield item, None
            elif item.passages:
                yield item, replace(item.entry, first=rows[begin], rows=len(item.passages))
            else:
                yield item, item.entry
            begin = end

    def _encode(self, contents: Sequence[Content]) -> tuple[EncodedTexts, list[bytes]]:
        """Vectors and hashes of texts and pictures. What is encoded here is known when it comes again."""
        began = time.monotonic()
        hashes = [hash_of(c) for c in contents]
        result = self.vectorizer.run(contents, hashes)
        self._stats.encoded += result.encoded
        self._stats.reused -= result.encoded  # _append counts every passage with a vector
        self._stats.seconds["encode"] += time.monotonic() - began
        return result, hashes

    def _append(
        self, items: Sequence[PendingDocument], result: EncodedTexts, hashes: Sequence[bytes]
    ) -> dict[int, int]:
        """Append a row for each passage with a vector. Returns passage positions and their rows."""
        import numpy as np

        done = np.flatnonzero(result.done).tolist()
        self._stats.reused += len(done)
        if not done:
            return {}
        passages = [p for item in items for p in item.passages]
        # all at once: a document by itself has few
        first = self._writer.append(
            [passages[i] for i in done], [hashes[i] for i in done], result.vectors[done]
        )
        return {i: row for row, i in enumerate(done, first)}

    def _count_truncated(self, items: Sequence[PendingDocument], tokens: Sequence[int]) -> None:
        limit = self._writer.present.recipe.max_tokens
        self._stats.tokens += sum(tokens)
        too_long = [i for i, n in enumerate(tokens) if n > limit]
        if too_long:
            passages = [(item, p.line) for item in items for p in item.passages]
            places = [
                f"{document_place(item.entry.id, item.path)}:{item.line or line}"
                for item, line in (passages[i] for i in too_long)
            ]
            self._stats.add_truncated(places, sum(tokens[i] - limit for i in too_long))
