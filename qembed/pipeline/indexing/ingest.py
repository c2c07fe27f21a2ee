"""Documents to rows and catalog lines: what is new is chunked and encoded, what is known is pointed at.

Documents wait in a window until there are enough passages to be worth an encoder's while. A document
becomes a line of the catalog when all its passages have rows, never before; until then its old line, if
it had one, stays. So a commit between two windows is always a whole index, and an interrupted run has
lost nothing: passages of half-finished documents are stored too, and found by their hash next time.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from qembed.corpus import Chunker
from qembed.pipeline.indexing.catalog_builder import CatalogBuilder
from qembed.pipeline.indexing.document_ids import IdAssigner, PreviousDocuments
from qembed.pipeline.indexing.encode import Encoded, Vectorizer
from qembed.pipeline.indexing.encode_batch import EncodeBatch, PendingDocument, placed
from qembed.pipeline.indexing.options import LeftOutStats
from qembed.pipeline.indexing.plan import Key, trusted_mtime
from qembed.pipeline.progress import StageTimer
from qembed.store import Catalog, CatalogEntry, FileState, Manifest, Snapshot, Writer, text_hash
from qembed.types import Document, LeftOut, Meta, ReadItem, Skipped, SourceFile, Unreadable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_LISTED = 1000
"""Truncated passages that are remembered by name, and problems of one file that are."""
COMMIT_ROWS = 50_000
COMMIT_SECONDS = 30.0


@dataclass(slots=True)
class IndexStats:
    """What a run did, for the summary."""

    documents: Counter[str] = field(default_factory=Counter)
    encoded: int = 0
    reused: int = 0
    truncated: int = 0
    cut_short: list[str] = field(default_factory=list)
    plainly: Counter[str] = field(default_factory=Counter)
    left_out: LeftOutStats = field(default_factory=LeftOutStats)
    seconds: StageTimer = field(default_factory=StageTimer)


class Ingest:
    """Takes files one after another; `finish` commits the rest."""

    def __init__(
        self,
        writer: Writer,
        snapshot: Snapshot | None,
        chunker: Chunker,
        vectorizer: Vectorizer,
        passage_text: Callable[[str, str, str], str],
        max_tokens: int,
        commit_fields: Callable[[], Mapping[str, Any]],
        track: Callable[[int], None] = lambda _: None,
    ) -> None:
        import numpy as np

        self.writer = writer
        self.snapshot = snapshot
        self.chunker = chunker
        self.vectorizer = vectorizer
        self.passage_text = passage_text
        self.max_tokens = max_tokens
        self.commit_fields = commit_fields
        self.track = track
        self.catalog = (snapshot.catalog if snapshot else Catalog()).grouped()
        self.known: dict[Key, FileState] = self.catalog.files()
        self.keep: npt.NDArray[np.bool_] = np.ones(len(self.catalog), dtype=bool)
        self.tally = IndexStats()
        self.failed: list[tuple[Key, Unreadable]] = []
        self.skipped: Counter[str] = Counter()
        self.stopped = False
        self.changed = False
        self._gone: dict[bytes, list[int]] = {}
        self._names = IdAssigner(self.catalog, self.keep)
        self._ledger = CatalogBuilder()
        self._window = EncodeBatch(lambda: (vectorizer.made, vectorizer.spent))
        self._committed_at = time.monotonic()
        self._commit_cost = 0.0

    # ── what comes in ────────────────────────────────────────────────────────────────────────────

    def forget(self, keys: Iterable[Key]) -> None:
        """Drops the documents of files that are gone, unless they turn up elsewhere."""
        positions = [p for key in keys for p in range(self.known[key].start, self.known[key].stop)]
        if positions:
            self.keep[positions] = False
            self.changed = True
            self.tally.documents["deleted"] += len(positions)
            for p, digest in zip(positions, self.catalog.digests(positions), strict=True):
                self._gone.setdefault(digest, []).append(p)

    def file(
        self,
        file: SourceFile,
        documents: Iterable[ReadItem],
        meta: Meta,
        whole: bool = True,
    ) -> None:
        """Takes a file's documents.

        What was known of it and does not come again is dropped, unless the file is not given as a
        `whole` or some of it could not be read: then nobody knows what the broken part was.
        """
        key = (file.source, file.name)
        before = PreviousDocuments(self.catalog, self.known.get(key))
        mtime = trusted_mtime(file, time.time_ns())
        self._ledger.open(key)
        broken = False
        problems = 0
        left_out = []
        try:
            for item in documents:
                if self.vectorizer.stop():
                    self.stopped = True
                    return
                if isinstance(item, Skipped):
                    broken |= item.keep
                    self.skipped[item.error] += 1
                    continue
                if isinstance(item, LeftOut):
                    left_out.append(item)
                    continue
                if isinstance(item, Document):
                    document = replace(item, meta={**meta, **item.meta}) if meta else item
                    problem = self._document(key, file, mtime, document, before)
                else:
                    problem = item
                if problem is not None:
                    broken = True
                    problems += 1
                    self._fail(key, problem, problems)
        finally:
            self._ledger.close()
            self.tally.left_out.add_file(left_out)
            if self.stopped or broken:
                self._ledger.half(key)
            if problems > MAX_LISTED:
                more = f"and {problems - MAX_LISTED:,} more like these"
                self.failed.append((key, Unreadable(os.fspath(file.location), more)))
        left = before.untaken()
        if whole and not broken:
            self.keep[left] = False
            self.changed |= len(left) > 0
            self.tally.documents["deleted"] += len(left)
        else:
            self.tally.documents["unchanged"] += len(left)

    def _fail(self, key: Key, problem: Unreadable, number: int) -> None:
        self.tally.documents["failed"] += 1
        if number <= MAX_LISTED:
            self.failed.append((key, problem))

    def _document(
        self,
        key: Key,
        file: SourceFile,
        mtime: int,
        document: Document,
        known: PreviousDocuments,
    ) -> Unreadable | None:
        """Decides what has to be done for a document; says why if it could not be taken."""
        name = self._names.assign(key, document, known)
        if not isinstance(name, str):
            where = "this file" if name == key else name[1]
            error = f"duplicate id {document.id!r}: already in {where}"
            return Unreadable(os.fspath(file.location), error, document.line)
        document = document if name == document.id else replace(document, id=name)
        digest = document.digest
        position, before = known.take(name) or (None, None)
        line = CatalogEntry(
            name, key[0], key[1], digest, file.size, mtime, 0, 0, document.title, document.meta
        )
        if before is not None and before.digest == digest:
            same = replace(line, first=before.first, rows=before.rows)
            self._wait(PendingDocument(key, "unchanged", same, [], [], position))
            if (before.size, before.mtime_ns) != (file.size, mtime):
                self.changed = True
            return None
        self.changed = True
        if before is None and (source := self._moved(document)) is not None:
            self.tally.documents["deleted"] -= 1
            same = replace(line, first=source.first, rows=source.rows)
            self._wait(PendingDocument(key, "moved", same, [], [], None))
            return None
        passages = placed(self.chunker.split(document), document)
        if lacking := self.chunker.lacks(document.id):
            self.tally.plainly[lacking] += 1
        title = self.chunker.fit_title(document.title)
        labels = (self.chunker.fit_label(title, p.label) for p in passages)
        texts = [
            self.passage_text(title, p.text, label)
            for p, label in zip(passages, labels, strict=True)
        ]
        kind = "added" if before is None else "changed"
        self._wait(PendingDocument(key, kind, line, passages, texts, position))
        return None

    def _moved(self, document: Document) -> CatalogEntry | None:
        """A document of the same content that is gone from where it was."""
        for position in self._gone.get(document.digest, ()):
            line = self.catalog.take([position])[0]
            # another suffix may mean another chunker
            if PurePosixPath(line.id).suffix == PurePosixPath(document.id).suffix:
                self._gone[document.digest].remove(position)
                return line
        return None

    # ── what goes out ────────────────────────────────────────────────────────────────────────────

    def _wait(self, item: PendingDocument) -> None:
        self._window.add(item)
        if self._window.full and (some := self._window.sample()):
            self._encode(some)
            self._window.resize()
        if self._window.full:
            self.flush()

    def _encode(self, texts: Sequence[str]) -> tuple[Encoded, list[bytes]]:
        """Vectors and hashes. What is encoded here and comes again is not encoded again."""
        began = time.monotonic()
        hashes = [text_hash(t) for t in texts]
        result = self.vectorizer.run(texts, hashes, self.snapshot, self.track)
        self.tally.encoded += result.encoded
        self.tally.reused -= result.encoded  # of all that have a vector
        self.tally.seconds["encode"] += time.monotonic() - began
        return result, hashes

    def flush(self) -> None:
        """Encodes the window, writes its rows, and turns finished documents into lines."""
        import numpy as np

        began = time.monotonic()
        texts, window = self._window.texts(), self._window.take()
        result, hashes = self._encode(texts)
        self._window.resize(time.monotonic() - began)
        self._count_truncated(window, result.tokens)
        done = np.flatnonzero(result.done).tolist()
        self.tally.reused += len(done)
        passages = [p for w in window for p in w.passages]
        row_of: dict[int, int] = {}
        if done:  # all at once: a document by itself has few
            first = self.writer.append(
                [passages[i] for i in done], [hashes[i] for i in done], result.vectors[done]
            )
            row_of = {i: row for row, i in enumerate(done, first)}
        at = 0
        for w in window:
            here = slice(at, at + len(w.texts))
            at += len(w.texts)
            if not result.done[here].all():
                self.stopped = True
                # what rows it has no document points at yet: the next run finds their vectors
                self._ledger.half(w.key)
                continue
            line = w.line
            if w.passages:
                line = replace(line, first=row_of[here.start], rows=len(w.passages))
            if w.old is not None:
                self.keep[w.old] = False
            self._ledger.add(line)
            self.tally.documents[w.kind] += 1
        due = max(COMMIT_SECONDS, 20 * self._commit_cost)
        if self.writer.pending >= COMMIT_ROWS or (
            self.writer.pending and time.monotonic() - self._committed_at > due
        ):
            self.commit()

    def _count_truncated(self, window: Sequence[PendingDocument], tokens: Sequence[int]) -> None:
        long = [i for i, n in enumerate(tokens) if n > self.max_tokens]
        self.tally.truncated += len(long)
        room = MAX_LISTED - len(self.tally.cut_short)
        if long and room:
            places = [f"{w.line.id}:{p.line}" for w in window for p in w.passages]
            self.tally.cut_short += [places[i] for i in long[:room]]

    def has(self, name: str) -> bool:
        """Whether a document of this id came in this run."""
        return name in self._names

    def close(self) -> None:
        """Lets go of the generation that is looked up in."""
        if self.snapshot is not None:
            self.snapshot.close()

    def commit(self) -> Manifest:
        """Makes what is done so far the present generation."""
        began = time.monotonic()
        assert self.writer.manifest is not None
        since = self.writer.manifest.next_row
        catalog = self.catalog.edit(self.keep, self._ledger.catalogs())
        _, rows = catalog.pointers()
        counts = {"documents": len(catalog), "passages": int(rows.sum())}
        manifest = self.writer.commit(catalog, counts=counts, **self.commit_fields())
        self.close()
        self.snapshot = self.writer.snapshot(catalog)
        if self.snapshot is not None and manifest.next_row > since:
            self.vectorizer.learn(self.snapshot, since)
        self._committed_at = time.monotonic()
        self._commit_cost = self._committed_at - began
        self.tally.seconds["write"] += self._commit_cost
        return manifest
