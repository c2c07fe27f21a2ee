"""Questions that a run asks once it has read the files, foretold by a dry run that reads them for this."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qembed.corpus import GONE, read
from qembed.pipeline.indexing.deletion.damaged import NOT_FOUND
from qembed.pipeline.indexing.deletion.emptied import has_text, textless_before
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
        self._movable: list[Key] = []
        self._back: set[int] = set()
        for key, why in gone.items():
            # of what --allow-missing gives up nobody is asked, of what is agreed to not again
            if why == ELSEWHERE or key[0] in self._guard.asked or self._guard.agrees(key):
                continue
            agreed = self._guard.agrees(key, is_damaged=True)
            self._known[key[0]][why] += documents[key] - agreed * plan.damaged.count([key])
            if why == GONE and not agreed and key in plan.files:
                self._movable.append(key)

    def questions(self) -> list[LossQuestion]:
        """Questions that a run asks at its end.

        Files are read only where they have so many documents that it may come to that.
        """
        plan, guard = self._plan, self._guard
        if plan.target.rebuild:
            return []
        at_most = self._with({path: {NOT_IN_FILE: n} for path, n in self._readable().items()})
        moved: Mapping[str, int] = {}
        losses: Mapping[str, Counter[str]] = self._known
        if guard.questions(*_summed(at_most, {})):
            moved = self._moved()
            losses = self._with(self._records())
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
        """Number of documents of a file that have no text in the index."""
        plan = self._plan
        state = plan.files.get(key)
        if state is None or plan.snapshot is None:
            return 0
        # what text a damaged one had nobody knows
        whole = [p for p in range(state.start, state.stop) if not plan.damaged.mask[p]]
        return textless_before(plan.snapshot, plan.catalog, whole)

    def _moved(self) -> Mapping[str, int]:
        """Numbers of documents by source that new files have instead of files that are read.

        Those of files that are gone are no more known to be lost.
        """
        plan = self._plan
        new = self._new_digests()
        for path, name in self._movable if new else ():
            gone = plan.files[path, name]
            for position in self._taken(range(gone.start, gone.stop), new):
                self._known[path][GONE] -= 1
                self._back.add(position)
        moved: Counter[str] = Counter()
        for file, path, _ in self._files() if new.total() else ():
            if (state := plan.files.get((file.source, file.name))) is not None:
                moved[path] += len(self._taken(range(state.start, state.stop), new))
        return moved

    def _taken(self, positions: range, new: Counter[bytes]) -> list[int]:
        """Those of the positions whose documents are among the `new` ones, which are taken from these."""
        found = []
        for position, digest in zip(positions, self._plan.catalog.digests(positions), strict=True):
            if new[digest] > 0:
                new[digest] -= 1
                found.append(position)
        return found

    def _new_digests(self) -> Counter[bytes]:
        """Numbers of the documents of new files, by their content."""
        plan, found = self._plan, Counter[bytes]()
        for file in plan.changes.read:
            key = file.source, file.name
            if key in plan.files or key in plan.sources.taken_over:
                continue
            meta = plan.sources.by_path[file.source].meta
            for item in read(file, plan.read_options(file.source)):
                end_if_stopped(self._progress)
                if isinstance(item, Document):
                    found[replace(item, meta={**meta, **item.meta}).digest] += 1
        return found

    # ── damaged documents ────────────────────────────────────────────────────────────────────────

    def _count_damaged(self) -> Mapping[str, int]:
        """Count damaged documents that no file has any more. Returns those of a documents file by source."""
        plan, damaged = self._plan, self._plan.damaged
        for path, name in plan.changes.unchanged:  # in a folder that is not listed now
            self._damaged[path, NOT_READ] += damaged.count([(path, name)])
        for key in self._movable:
            gone = plan.files[key]
            places = set(range(gone.start, gone.stop)) - self._back
            self._damaged[key[0], GONE] += sum(bool(damaged.mask[p]) for p in places)
        found: set[str] = set()
        there: set[str] = set()
        for file in plan.changes.read:
            key = path, _ = file.source, file.name
            if key in self._emptied:
                self._damaged[path, self._emptied[key]] += damaged.count([key])
            elif damaged.former is not None or damaged.count([key]):
                names, textless, is_whole = self._ids_in(file)
                there |= names
                found |= {i for name in names for i in (name, f"{path}/{name}")}
                if (before := plan.files.get(key)) is not None:
                    known = {*plan.catalog.ids_between(before.start, before.stop)}
                    ids = damaged.ids_in(before.start, before.stop)
                    lost = ids - found
                    empty = {n for n in textless if not ids.isdisjoint({n, f"{path}/{n}"})}
                    self._damaged[path, NO_TEXT] += len(empty)
                    new = sum({n, f"{path}/{n}"}.isdisjoint(known) for n in names)
                    why = NOT_IN_FILE if is_whole else NOT_READ
                    self._damaged[path, why] += max(0, len(lost) - new)
        has_ids = damaged.former is not None and damaged.former.ids is not None
        total, by_source = damaged.not_found(found if has_ids else there)
        by_source = {"": total - sum(by_source.values()), **by_source}
        asked = {path: n for path, n in by_source.items() if path not in self._guard.asked}
        self._damaged.update({(path, NOT_FOUND): n for path, n in asked.items()})
        return asked

    def _ids_in(self, file: SourceFile) -> tuple[set[str], set[str], bool]:
        """Ids of the documents in a file, those of them without text, and whether all of it can be read."""
        found, textless, is_whole = set(), set(), True
        for item in read(file, self._plan.read_options(file.source)):
            end_if_stopped(self._progress)
            if isinstance(item, Document):
                found.add(item.id)
                if item.picture is None and not has_text(item.text):
                    textless.add(item.id)
            elif isinstance(item, Unreadable):
                is_whole &= isinstance(item, Skipped) and not item.keep
        return found, textless, is_whole


def _summed(
    by_source: Mapping[str, Mapping[str, int]], moved: Mapping[str, int]
) -> tuple[int, Mapping[str, int], Mapping[str, SourceLoss]]:
    """Losses as a number, by reason and by source. `moved`: numbers that are in other files now."""
    reasons = sum((Counter(why) for why in by_source.values()), Counter[str]())
    lost = {path: max(0, sum(why.values()) - moved.get(path, 0)) for path, why in by_source.items()}
    sources = {path: SourceLoss(lost[path], why) for path, why in by_source.items() if lost[path]}
    return sum(lost.values()), reasons, sources
