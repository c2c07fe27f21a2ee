"""Ingestion of documents: new ones are chunked and encoded, known ones keep their rows.

Documents are collected in a batch until there are enough passages to encode. A document gets its catalog
entry when all its passages have rows; until then its old entry stays, if it had one. So a commit between
two batches is always a whole index. Passages of unfinished documents are stored too, and the next run finds
their vectors by the hash of their text.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.catalog_builder import CatalogBuilder
from qembed.pipeline.indexing.committer import Committer
from qembed.pipeline.indexing.deletion.damaged import DamagedDocuments
from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.deletion.emptied import is_textless
from qembed.pipeline.indexing.deletion.guard import LossGuard
from qembed.pipeline.indexing.deletion.losses import NOT_IN_FILE
from qembed.pipeline.indexing.deletion.lost_documents import RunLosses
from qembed.pipeline.indexing.deletion.stopped_run import UnfinishedFiles
from qembed.pipeline.indexing.deletion.takeovers import Takeovers
from qembed.pipeline.indexing.deletion.unread_pages import UnreadPages
from qembed.pipeline.indexing.document_ids import IdAssigner, PreviousDocuments, taken_id
from qembed.pipeline.indexing.encoding.batch import BatchEncoder, PendingDocument
from qembed.pipeline.indexing.encoding.run_progress import RunProgress, size_in_file
from qembed.pipeline.indexing.open_file import OpenFile
from qembed.pipeline.indexing.plan import Key, trusted_mtime
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.pipeline.source_options import STDIN, FilePlaces
from qembed.store import Catalog, CatalogEntry, FileState, Snapshot
from qembed.types import (
    Document,
    LeftOut,
    Meta,
    ReadItem,
    ReadWarning,
    Skipped,
    SourceFile,
    Unreadable,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Ingest:
    """Takes the files of a run one after another, and commits now and then.

    `snapshot`: the generation that is continued, None for a new index. `guard`: asked before most of the
    documents are deleted, None for a rebuild, which begins without any. `stats`: counts of the run, updated
    in place. `counts`: told of what is read. `damaged`: documents to read again. `is_first`: nothing is
    committed while there is nothing to tell. `stopped`: True once the run was stopped before all of its input
    was indexed.
    """

    def __init__(
        self,
        committer: Committer,
        snapshot: Snapshot | None,
        guard: LossGuard | None,
        builder: PassageBuilder,
        encoder: BatchEncoder,
        stats: IndexStats,
        counts: RunProgress,
        damaged: DamagedDocuments,
        *,
        is_first: bool = False,
    ) -> None:
        import numpy as np

        self.stopped = False
        self._committer = committer
        self._snapshot = snapshot
        self._guard = guard
        self._builder = builder
        self._encoder = encoder
        self._stats = stats
        self._counts = counts
        self._damaged = damaged
        self._is_first = is_first
        self._changed = snapshot is None or damaged.former is not None
        self._catalog = (snapshot.catalog if snapshot else Catalog()).grouped()
        self._files: dict[Key, FileState] = self._catalog.files()
        self._keep: npt.NDArray[np.bool_] = np.ones(len(self._catalog), dtype=bool)
        self._deleted = DeletedDocuments(self._catalog, self._keep, stats, damaged.mask)
        self._takeovers = Takeovers(self._files, self._deleted, stats, {})
        self._ids = IdAssigner(self._catalog, self._keep)
        self._entries = CatalogBuilder()
        self._places = FilePlaces(committer.root)
        self._refused: Counter[Key] = Counter()
        self._losses = RunLosses(self._catalog, self._keep, stats, self._deleted, damaged)
        self._unfinished = UnfinishedFiles(
            self._catalog, self._files, self._keep, self._deleted, stats, damaged
        )
        self._unread = UnreadPages(self._catalog, committer.settings)

    def has(self, document_id: str) -> bool:
        """True if this run has ingested a document of this id."""
        return document_id in self._ids

    # ── input ────────────────────────────────────────────────────────────────────────────────────

    def delete_files(
        self, reasons: Mapping[Key, str], taken_over: Mapping[Key, Sequence[Key]]
    ) -> None:
        """Delete the documents of files that are gone. They count as moved if they turn up elsewhere.

        `reasons`: by file. `taken_over`: files of these that a nested source has now, by the file that is
        read in their place: they go when it is read.
        """
        self._takeovers = Takeovers(self._files, self._deleted, self._stats, taken_over)
        self._takeovers.delete_others(reasons)
        self._losses.add_files(reasons, self._files, self._guard)

    def add_file(
        self, file: SourceFile, items: Iterable[ReadItem], meta: Meta, *, complete: bool = True
    ) -> None:
        """Ingest what a reader yields for a file. `meta`: metadata of documents that do not have it.

        Documents that the file had before and that do not come again are deleted; not if the items are not
        `complete` or some of them could not be read.
        """
        key = (file.source, file.name)
        previous = PreviousDocuments(self._catalog, self._files.get(key))
        state = OpenFile(file, previous, trusted_mtime(file, time.time_ns()))
        self._takeovers.begin(key)
        self._entries.begin_file(key)
        try:
            at_end = self._add_items(state, items, meta)
        finally:
            self._end_file(state)
        untaken, unread = self._unread.split(previous.untaken())
        is_whole = at_end and complete and not state.is_broken
        if at_end:
            self._losses.drop(file.source, unread, self._unread.reason)
        if is_whole:
            self._losses.drop(file.source, untaken, state.skipped or NOT_IN_FILE)
        elif at_end:
            self._stats.documents["unchanged"] += int((~self._damaged.mask[untaken]).sum())
        if lost := self._takeovers.end(key, is_whole, state.added, lambda n: n not in self._ids):
            self._losses.add(self._takeovers.outer_source(key), NOT_IN_FILE, lost)

    def _add_items(self, state: OpenFile, items: Iterable[ReadItem], meta: Meta) -> bool:
        """Ingest items. Returns False if the run was stopped before the last one."""
        for item in items:
            if self._counts.stop():
                self.stopped = True
                return False
            if isinstance(item, LeftOut):
                state.left_out.append(item)
            elif isinstance(item, ReadWarning):
                self._stats.warnings.add(item)
            elif isinstance(item, Skipped):
                state.is_broken |= item.keep
                state.skipped = item.error
                self._stats.skipped.add(*state.key, item.error)
            elif isinstance(item, Unreadable):
                self._add_problem(state, item)
            else:
                document = replace(item, meta={**meta, **item.meta}) if meta else item
                if problem := self._add_document(state, document):
                    self._add_problem(state, problem)
        return True

    def _add_problem(self, state: OpenFile, problem: Unreadable) -> None:
        state.is_broken = True
        state.problems += 1
        self._stats.add_failure(state.key, problem, state.problems)

    def _end_file(self, state: OpenFile) -> None:
        self._entries.end_file()
        if self.stopped or state.is_broken:
            self._entries.mark_incomplete(state.key)
        self._stats.left_out.add_file(state.left_out)
        self._stats.end_failures(state.key, state.path, state.problems, "like these")

    def _add_document(self, state: OpenFile, document: Document) -> Unreadable | None:
        """Add a document to the batch. Returns a problem if its id is taken."""
        assigned = self._ids.assign(state.key, document, state.previous)
        if not isinstance(assigned, str):
            return taken_id(state.file, document, assigned, self._places)
        if assigned != document.id:
            document = replace(document, id=assigned)
        pending = self._pending_document(state, document)
        state.added += pending.kind == "added" and pending.replaces is None
        if self._encoder.add(pending):
            self.flush()
        return None

    def _pending_document(self, state: OpenFile, document: Document) -> PendingDocument:
        """Compare a document with the previous generation, and chunk it if it is new or changed."""
        file, digest = state.file, document.digest
        entry = CatalogEntry(
            id=document.id,
            source=file.source,
            file=file.name,
            digest=digest,
            size=file.size,
            mtime_ns=state.mtime_ns,
            first=0,
            rows=0,
            title=document.title,
            meta=document.meta,
            line=None if file.source == STDIN else document.line,
            picture=None if document.picture is None else document.picture.digest,
        )
        position, before = state.previous.take(document.id) or (None, None)
        is_damaged = position is not None and bool(self._damaged.mask[position])
        if before is not None and before.digest == digest and not is_damaged:
            self._changed |= (before.size, before.line) != (file.size, entry.line)
            self._entries.compare_time(state.key, state.mtime_ns, before.mtime_ns)
            entry = replace(entry, first=before.first, rows=before.rows)
            return PendingDocument(state.key, state.path, "unchanged", entry, [], [], position)
        moved = None if before is not None else self._deleted.take_moved(document.id, digest)
        if moved is not None and moved[1]:
            entry = replace(entry, first=moved[0].first, rows=moved[0].rows)
            return PendingDocument(state.key, state.path, "moved", entry, [], [], None)
        passages = self._builder.passages(document)
        self._counts.chunked(len(passages), size_in_file(document))
        if lacking := self._builder.chunker.lacks(document.id):
            self._stats.plain_text_fallbacks[lacking] += 1
        contents = self._builder.contents(document, passages)
        kind = "added" if before is None or is_damaged else "changed"
        kind = kind if moved is None else "moved"
        return PendingDocument(
            state.key, state.path, kind, entry, passages, contents, position, document.line
        )

    # ── output ───────────────────────────────────────────────────────────────────────────────────

    def flush(self) -> None:
        """Encode the batch, and take over the entries of its documents. Commits if that is due."""
        for item, entry in self._encoder.flush():
            if isinstance(entry, Unreadable):
                self._refuse(item, entry)
                continue
            if entry is None:
                self.stopped = True
                self._entries.mark_incomplete(item.key)
                self._unfinished.add(self._takeovers.places(item.key), item.entry.id)
                continue
            if item.replaces is not None:
                self._keep[item.replaces] = False
                if item.kind != "unchanged" and is_textless(entry, item.passages):
                    self._losses.add_textless(item.replaces, entry.digest)
            self._entries.add(entry)
            self._changed |= item.kind != "unchanged"
            self._stats.documents[item.kind] += 1
        if self._committer.is_due and self._damaged.former is None:
            self._commit()

    def _refuse(self, item: PendingDocument, problem: Unreadable) -> None:
        """Count a document that cannot be encoded. Its earlier entry stays; the file is read again."""
        self._entries.mark_incomplete(item.key)
        self._takeovers.keep(item.key, item.entry.id)
        self._refused[item.key] += 1
        self._stats.add_failure(item.key, problem, self._refused[item.key])

    def finish(self) -> None:
        """Commit what was ingested; if nothing changed, set the manifest fields only."""
        if self.stopped and self._damaged.former is not None:
            return  # what is not read yet would be lost
        for key, n in self._refused.items():
            path = self._places.path(key)
            self._stats.end_failures(key, path, n, "that the model does not encode")
        if not self.stopped:
            self._losses.drop_unread()
        is_empty = not any(self._stats.documents[kind] for kind in ("added", "failed"))
        has_rows = self._committer.has_rows
        if self._is_first and is_empty and not has_rows:
            return
        changed = self._changed or self._stats.documents["deleted"] > 0
        if changed or has_rows or self._entries.is_restamped():
            self._commit(is_last=True)
        else:
            self._committer.note(finished=not self.stopped)

    def _commit(self, *, is_last: bool = False) -> None:
        """Commit. Most of the documents are deleted by the last commit only, when all have been read."""
        new = self._entries.catalogs()
        catalog = self._catalog.edit(self._keep, new)
        if (guard := self._guard) is not None:
            self._losses.count_emptied(self._snapshot)
            if self.stopped:  # nobody is asked about what is not read or encoded yet
                settled = self._unfinished.settled(
                    new, lambda after: not self._losses.questions(guard, after)
                )
                if settled is None:
                    return
                catalog = settled
            elif is_last:
                asked = self._losses.questions(guard, catalog)
                guard.check(asked, is_begun=self._committer.has_committed)
                self._losses.count_not_found(catalog)
            elif self._losses.questions(guard, catalog):
                return
        snapshot, since = self._committer.commit(catalog, finished=is_last and not self.stopped)
        self.close()
        self._snapshot = snapshot
        self._encoder.vectorizer.use_snapshot(snapshot, since)

    def close(self) -> None:
        """Close the snapshot."""
        if self._snapshot is not None:
            self._snapshot.close()
