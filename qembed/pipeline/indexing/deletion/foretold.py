"""Questions that a run asks once it has read the files, foretold by a dry run that reads them for this."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qembed.corpus import read
from qembed.pipeline.indexing.deletion.damaged import NOT_FOUND
from qembed.pipeline.indexing.deletion.emptied import textless_before
from qembed.pipeline.indexing.deletion.guard import LossQuestion
from qembed.pipeline.indexing.deletion.losses import (
    ELSEWHERE,
    NO_TEXT,
    NOT_IN_FILE,
    NOT_READ,
    SourceLoss,
    lost_records,
)
from qembed.pipeline.indexing.encoding.measurement import end_if_stopped
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.progress import Progress
from qembed.types import Document, Skipped, SourceFile, Unreadable

if TYPE_CHECKING:
    from qembed.pipeline.indexing.index_plan import IndexPlan


class ForetoldLosses:
    """Losses of a planned run that are seen only while files are read.

    `same`: files that are to be read and will be found unchanged. `gone`: reasons of the files whose
    documents go, with these, `documents`; `emptied`: those of them that are there, and are read in vain.
    """

    def __init__(
        self,
        plan: IndexPlan,
        progress: Progress,
        same: Container[Key],
        gone: Mapping[Key, str],
        documents: Mapping[Key, int],
        emptied: Mapping[Key, str],
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._guard = plan.sources.guard
        self._same = same
        self._emptied = emptied
        self._known: dict[str, Counter[str]] = defaultdict(Counter)
        self._damaged: Counter[tuple[str, str]] = Counter()
        for key, why in gone.items():
            # of what --allow-missing gives up nobody is asked, of what is agreed to not again
            if why != ELSEWHERE and key[0] not in self._guard.asked and not self._guard.agrees(key):
                self._known[key[0]][why] += documents[key]

    def questions(self) -> list[LossQuestion]:
        """Questions that a run asks at its end.

        Files are read only where they have so many documents that it may come to that.
        """
        plan, guard = self._plan, self._guard
        if plan.target.rebuild:
            return []
        at_most = self._with({path: {NOT_IN_FILE: n} for path, n in self._readable().items()})
        moved = 0
        losses: Mapping[str, Counter[str]] = self._known
        if guard.questions(*_summed(at_most, 0)):
            losses = self._with(self._records())
            moved = self._moved_records()
        elif not plan.damaged.is_any:
            return []
        not_found: Mapping[str, int] = {}
        if plan.damaged.is_any:
            not_found = self._count_damaged()
            for path, n in not_found.items():
                losses = {**losses, path: losses.get(path, Counter()) + Counter({NOT_FOUND: n})}
        return guard.questions(*_summed(losses, moved), +self._damaged)

    def _with(self, more: Mapping[str, Mapping[str, int]]) -> Mapping[str, Counter[str]]:
        """Reasons by source of all that is known, and of `more`."""
        paths = {**self._known, **more}
        return {p: +(self._known.get(p, Counter[str]()) + Counter(more.get(p, {}))) for p in paths}

    def _files(self) -> Iterable[tuple[SourceFile, str, int]]:
        """Files whose documents may become fewer, with the source of these, and their number."""
        plan = self._plan
        for file in plan.changes.read:
            key = file.source, file.name
            state = plan.files.get(key)
            if key in self._emptied:
                continue
            if state is not None and key not in self._same:
                yield file, file.source, state.stop - state.start
            if outer := plan.sources.taken_over.get(key):
                yield file, outer[0][0], plan.documents_in(outer)

    def _readable(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for _, path, documents in self._files():
            found[path] += documents
        return found

    def _records(self) -> Mapping[str, Mapping[str, int]]:
        """Numbers of records that files have no more, and of texts, by source and reason."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for file, path, documents in self._files():
            end_if_stopped(self._progress)
            before = partial(self._textless_before, (file.source, file.name))
            options = self._plan.read_options(file.source)
            gone, empty = lost_records(file, options, documents, before)
            found[path] += Counter({NOT_IN_FILE: gone, NO_TEXT: empty})
        return found

    def _textless_before(self, key: Key) -> int:
        """Number of documents without text that the index has of a file."""
        plan = self._plan
        state = plan.files.get(key)
        if state is None or plan.snapshot is None:
            return 0
        return textless_before(plan.snapshot, plan.catalog, state)

    def _moved_records(self) -> int:
        """Number of documents of new files whose content known files have."""
        plan = self._plan
        known = {*plan.catalog.digests(range(len(plan.catalog)))}
        found = 0
        for file in plan.changes.read:
            key = file.source, file.name
            if key in plan.files or key in plan.sources.taken_over:
                continue
            meta = plan.sources.by_path[file.source].meta
            for item in read(file, plan.read_options(file.source)):
                end_if_stopped(self._progress)
                if isinstance(item, Document):
                    found += replace(item, meta={**meta, **item.meta}).digest in known
        return found

    # ── damaged documents ────────────────────────────────────────────────────────────────────────

    def _count_damaged(self) -> Mapping[str, int]:
        """Count damaged documents that no file has any more. Returns those of a documents file by source."""
        plan, damaged = self._plan, self._plan.damaged
        for path, name in plan.changes.unchanged:  # in a folder that is not listed now
            self._damaged[path, NOT_READ] += damaged.count([(path, name)])
        found: set[str] = set()
        there: set[str] = set()
        for file in plan.changes.read:
            key = path, _ = file.source, file.name
            if key in self._emptied:
                self._damaged[path, self._emptied[key]] += damaged.count([key])
            elif damaged.former is not None or damaged.count([key]):
                names, is_whole = self._ids_in(file)
                there |= names
                found |= {i for name in names for i in (name, f"{path}/{name}")}
                if (state := plan.files.get(key)) is not None:
                    known = {*plan.catalog.ids_between(state.start, state.stop)}
                    lost = damaged.ids_in(state.start, state.stop) - found
                    new = sum({n, f"{path}/{n}"}.isdisjoint(known) for n in names)
                    why = NOT_IN_FILE if is_whole else NOT_READ
                    self._damaged[path, why] += max(0, len(lost) - new)
        has_ids = damaged.former is not None and damaged.former.ids is not None
        total, by_source = damaged.not_found(found if has_ids else there)
        by_source = {"": total - sum(by_source.values()), **by_source}
        asked = {path: n for path, n in by_source.items() if path not in self._guard.asked}
        self._damaged.update({(path, NOT_FOUND): n for path, n in asked.items()})
        return asked

    def _ids_in(self, file: SourceFile) -> tuple[set[str], bool]:
        """Ids of the documents in a file, and whether all of it can be read."""
        found, is_whole = set(), True
        for item in read(file, self._plan.read_options(file.source)):
            end_if_stopped(self._progress)
            if isinstance(item, Document):
                found.add(item.id)
            elif isinstance(item, Unreadable):
                is_whole &= isinstance(item, Skipped) and not item.keep
        return found, is_whole


def _summed(
    by_source: Mapping[str, Mapping[str, int]], moved: int
) -> tuple[int, Mapping[str, int], Mapping[str, SourceLoss]]:
    """Losses as a number, by reason and by source. `moved`: documents that files have elsewhere."""
    reasons = sum((Counter(why) for why in by_source.values()), Counter[str]())
    sources = {
        path: SourceLoss(sum(why.values()) - moved, why) for path, why in by_source.items() if why
    }
    return reasons.total() - moved, reasons, sources
