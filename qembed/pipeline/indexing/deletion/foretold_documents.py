"""Outcomes of documents, foretold by a dry run: the counts of a run, and the files that have moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.corpus import GONE
from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.deletion.losses import ELSEWHERE, NOT_IN_FILE, NOT_READ
from qembed.pipeline.indexing.deletion.takeovers import Takeovers
from qembed.pipeline.indexing.deletion.unread_pages import UnreadPages
from qembed.pipeline.indexing.document_ids import ForetoldIds
from qembed.pipeline.indexing.encoding.sample_counts import SampleCounts
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.types import Document, SourceFile, Unreadable

if TYPE_CHECKING:
    from qembed.pipeline.indexing.index_plan import IndexPlan

KNOWN, NEW = "known", "new"
"""Files that the index has, and others: what is seen of the ones says nothing of the others."""
OUTCOMES = ("added", "moved", "changed", "deleted")


class ForetoldDocuments:
    """Documents of the files that a dry run reads, each with what a run would do about it.

    `stats`: counts of the run, after `end` of all files. `moved`: new files whose documents all come from
    one file that is gone, with this. `about`: outcomes that are estimated, as some files were not read, or
    not to their ends.
    """

    def __init__(self, plan: IndexPlan) -> None:
        import numpy as np

        self._plan = plan
        self.stats = IndexStats()
        self.moved: dict[Key, Key] = {}
        self.about: set[str] = set()
        keep = np.ones(len(plan.catalog), dtype=bool)
        self._deleted = DeletedDocuments(plan.catalog, keep, self.stats, plan.damaged.mask)
        sources, changes = plan.sources, plan.changes
        self._outer = sources.taken_over
        self._takeovers = Takeovers(plan.files, self._deleted, self.stats, self._outer)
        self._takeovers.delete_others({key: sources.absent[key] for key in changes.gone})
        read = [(f.source, f.name) for f in changes.read]
        self._ids = ForetoldIds(
            plan.catalog, plan.files, read, changes.gone, self._outer, plan.places
        )
        self._unread = UnreadPages(plan.catalog, plan.settings)
        self._sample = SampleCounts()
        # of files that were read in part: what is expected of the rest
        self._beyond: defaultdict[str, float] = defaultdict(float)
        self._unseen = 0  # documents that known files had, of which nothing was seen
        self._origins: set[Key] = set()
        self._found: Counter[str] = Counter()
        self._from: set[Key | None] = set()

    # ── files that are read ──────────────────────────────────────────────────────────────────────

    def begin_file(self, key: Key) -> None:
        """Begin a file."""
        self._ids.begin_file(key)
        self._takeovers.begin(key)
        self._found, self._from = Counter(), set()

    def problem(self, file: SourceFile, document: Document) -> Unreadable | None:
        """Count a document of the current file. Returns the problem if its id is taken."""
        if problem := self._ids.problem(file, document):
            return problem
        kind, origin = "added", None
        if self._ids.known is None and not self.stats.documents["deleted"]:
            self._found[kind] += 1
            self._from.add(None)
            return None
        meta = self._plan.sources.by_path[file.source].meta
        digest = replace(document, meta={**meta, **document.meta}).digest
        if self._ids.known is not None:
            position, before = self._ids.known
            if not self._plan.damaged.mask[position]:
                kind = "unchanged" if before.digest == digest else "changed"
        elif moved := self._deleted.take_moved(self._ids.assigned, digest):
            kind, origin = "moved", (moved[0].source, moved[0].file)
        self._found[kind] += 1
        self._from.add(origin)
        return None

    def end_file(
        self,
        file: SourceFile,
        reader: str,
        share: float,
        *,
        is_whole: bool,
        is_broken: bool,
        skipped: str | None,
    ) -> None:
        """End the current file. `share`: of it that was read. `reader`: name of the kind of file.

        `is_broken`: something in it could not be read, so that what is known of it stays. `skipped`: the
        reason for which it gives no documents.
        """
        key, found = (file.source, file.name), self._found
        kind = KNOWN if key in self._plan.files else NEW
        untaken = self._ids.untaken()
        self._ids.end_file(key, is_whole and not is_broken)
        if is_whole:
            untaken, unread = self._unread.split(untaken)
            self._deleted.drop(unread, self._unread.reason)
            if is_broken:
                self._keep(len(untaken), int(self._plan.damaged.mask[untaken].sum()))
            else:
                self._deleted.drop(untaken, skipped or NOT_IN_FILE)
        else:
            self._unseen += len(untaken)
            self._guess(kind)
        if is_whole:
            added = found["added"]
            self._takeovers.end(key, not is_broken, added, lambda name: name not in self._ids)
        self.stats.documents.update(found)
        if is_whole and not is_broken:
            found["deleted"] += len(untaken)
        counts = {f"{kind} {name}": found[name] / share for name in OUTCOMES}
        self._sample.add(reader, file.size, counts)
        for name in OUTCOMES if not is_whole else ():
            self._beyond[f"{kind} {name}"] += found[name] / share - found[name]
        origin = self._from.pop() if len(self._from) == 1 else None
        if origin is not None and is_whole and kind == NEW:
            self.moved[key] = origin
            self._origins.add(origin)

    def unread_reason(self, key: Key) -> str:
        """Reason for which all documents of a known file go, though it fails; empty if they do not."""
        import numpy as np

        state = self._plan.files.get(key)
        if state is None:
            return ""
        others, _ = self._unread.split(np.arange(state.start, state.stop, dtype=np.int64))
        return "" if len(others) else self._unread.reason

    def has_moved(self, key: Key) -> bool:
        """True for a file that is gone, if all of its documents are in other files, as `moved` says."""
        if key not in self._origins:
            return False
        state = self._plan.files[key]
        return not self._deleted.left(range(state.start, state.stop))

    # ── all others ───────────────────────────────────────────────────────────────────────────────

    def end(
        self,
        same: Iterable[Key],
        others: Mapping[str, int],
        unread: Sequence[tuple[SourceFile, str]],
        failing: Iterable[Key],
    ) -> None:
        """Count the documents of the files that were not read; of `unread` ones in proportion to the others.

        `same`: those that are as they were; `others`: documents by reason that a rebuild leaves out;
        `unread`: files with their readers; `failing`: those that cannot be read.
        """
        plan = self._plan
        self._delete(others)
        for key in failing:
            self._takeovers.begin(key)
            self._takeovers.end(key, False, 0, lambda name: name not in self._ids)
        kept = [*plan.changes.unchanged, *same, *(key for key in failing if key in plan.files)]
        self._keep(plan.documents_in(kept), plan.damaged.count(kept))
        size: dict[str, Counter[str]] = {KNOWN: Counter(), NEW: Counter()}
        files: Counter[str] = Counter()
        for file, reader in unread:
            key = file.source, file.name
            kind = KNOWN if key in plan.files else NEW
            size[kind][reader] += file.size
            files[kind] += 1
            self._takeovers.begin(key)
            self._unseen += plan.documents_in([key]) if kind == KNOWN else 0
            self._guess(kind)
        if self.about:
            self._add_unseen(size, files)

    def _keep(self, documents: int, damaged: int) -> None:
        """Count documents that stay as they are; the damaged ones among them are given up."""
        self.stats.documents["unchanged"] += documents - damaged
        self._delete({NOT_READ: damaged})

    def _delete(self, reasons: Mapping[str, int]) -> None:
        self.stats.documents["deleted"] += sum(reasons.values())
        self.stats.deleted_why.update(reasons)

    def _guess(self, kind: str) -> None:
        """Note the outcomes that are estimated, as a file was not read to its end."""
        self.about |= {"added", *(("changed", "unchanged", "deleted") if kind == KNOWN else ())}
        if self.stats.documents["deleted"]:
            self.about |= {"moved", "deleted"}

    def _add_unseen(self, size: Mapping[str, Mapping[str, int]], files: Mapping[str, int]) -> None:
        """Add the documents that were not seen. `size`: bytes of files that were not read, by reader.

        `files`: their numbers, for which a document each is assumed where none of their kind was read.
        """

        def rest(kind: str, outcome: str, usual: str) -> int:
            name = f"{kind} {outcome}"
            if files[kind] and not self._sample.has(name):
                return files[kind] if outcome == usual else 0
            return round(self._beyond[name] + self._sample.of_all(name, size[kind]))

        done, why = self.stats.documents, self.stats.deleted_why
        changed = min(rest(KNOWN, "changed", "changed"), self._unseen)
        lost = min(rest(KNOWN, "deleted", "changed"), self._unseen - changed)
        added, moved = (
            rest(NEW, outcome, "added") + rest(KNOWN, outcome, "changed")
            for outcome in ("added", "moved")
        )
        free = why.total() - sum(why[reason] for reason in (NOT_IN_FILE, NOT_READ))
        surplus = max(0, moved - free)
        moved -= surplus
        for reason in (ELSEWHERE, GONE, *({*why} - {ELSEWHERE, GONE, NOT_IN_FILE, NOT_READ})):
            back = min(moved, why[reason])
            self._delete({reason: -back})
            done["moved"] += back
            moved -= back
        done["added"] += added + surplus
        done["changed"] += changed
        done["unchanged"] += self._unseen - changed - lost
        self._delete({NOT_IN_FILE: lost})
