"""Documents of one catalog that another has neither by id nor by content: what is lost, and not moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.deletion.damaged import NOT_FOUND, DamagedDocuments
from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.deletion.emptied import with_text
from qembed.pipeline.indexing.deletion.guard import LossGuard, LossQuestion
from qembed.pipeline.indexing.deletion.losses import ELSEWHERE, NO_TEXT, NOT_READ, SourceLoss
from qembed.pipeline.indexing.deletion.repaired import LOST
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import Catalog, FileState, Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def lost_documents(
    before: Catalog, keep: npt.NDArray[np.bool_], after: Catalog, emptied: Collection[int] = ()
) -> list[tuple[int, str]]:
    """Documents that are lost: their positions in `before`, and their sources.

    `keep`: bool (documents,) of `before`, True for those that are in `after` as they were. A new document
    makes up for one that is gone if it has the same content, or stands in the same file, and for one only.
    `emptied`: positions in `before` of those that are in `after` without their text.
    """
    import numpy as np

    was, now = (c.columns("id", "source", "file", "digest") for c in (before, after))
    known, left = {*was["id"]}, {*now["id"]}
    new = [i for i, name in enumerate(now["id"]) if name not in known]
    moved: dict[bytes, list[int]] = defaultdict(list)
    for i in new:
        moved[now["digest"][i]].append(i)
    taken: set[int] = set()
    gone: list[int] = []
    for p in np.flatnonzero(~keep).tolist():
        if was["id"][p] in left and p not in emptied:
            continue
        if same := moved[was["digest"][p]]:
            taken.add(same.pop())
        else:
            gone.append(p)
    there = Counter((now["source"][i], now["file"][i]) for i in new if i not in taken)
    lost = []
    for p in gone:
        file = was["source"][p], was["file"][p]
        if there[file] > 0:
            there[file] -= 1
        else:
            lost.append((p, file[0]))
    return lost


class RunLosses:
    """Losses of a run from the catalog `before`, with their reasons by source.

    `keep`: as of `lost_documents`; `stats`: counts of the run. Both are changed by others meanwhile.
    `deleted`: of these, with their reasons. `damaged`: documents of `before` that the run reads again.
    """

    def __init__(
        self,
        before: Catalog,
        keep: npt.NDArray[np.bool_],
        stats: IndexStats,
        deleted: DeletedDocuments,
        damaged: DamagedDocuments,
    ) -> None:
        self._before = before
        self._deleted = deleted
        self._damaged = damaged
        self._why: dict[int, str] = {}
        self._keep = keep
        self._stats = stats
        self._reasons: dict[str, Counter[str]] = defaultdict(Counter)
        self._textless: list[int] = []
        self._emptied: set[int] = set()
        self._agreed: dict[int, str] = {}
        self._gone: list[tuple[str, str, set[int]]] = []

    def add(self, source: str, reason: str, documents: int) -> None:
        """Add documents that may be lost."""
        self._reasons[source][reason] += documents

    def drop(self, source: str, positions: npt.NDArray[np.int64], reason: str) -> None:
        """Delete documents of a file that is there, and add them."""
        self._deleted.drop(positions, reason)
        self.add(source, reason, len(positions))
        if self._damaged.is_any:
            self._why.update(dict.fromkeys(positions.tolist(), reason))

    def add_files(
        self,
        reasons: Mapping[Key, str],
        files: Mapping[Key, FileState],
        guard: LossGuard | None = None,
    ) -> None:
        """Add documents of files that are gone, with their reasons; apart, those that `guard` agrees to."""
        for key, why in reasons.items():
            if why == ELSEWHERE or (state := files.get(key)) is None:
                continue
            positions = {*range(state.start, state.stop)}
            if self._damaged.by_file[key]:
                self._why.update(dict.fromkeys(positions, why))
            agreed: set[int] = set()
            if guard is not None and guard.agrees(key):
                agreed = positions
            elif guard is not None and guard.agrees(key, is_damaged=True):
                agreed = {p for p in positions if self._damaged.mask[p]}
            self._agreed.update(dict.fromkeys(agreed, why))
            if left := positions - agreed:
                self.add(key[0], why, len(left))
                self._gone.append((key[0], why, left))

    def drop_unread(self) -> None:
        """Delete the damaged documents that were not read again."""
        import numpy as np

        left = np.flatnonzero(self._keep & self._damaged.mask)
        sources = self._before.columns("source")["source"] if len(left) else ()
        for position in left:
            self.drop(sources[position], np.array([position]), NOT_READ)

    def count_not_found(self, after: Catalog) -> None:
        """Count the documents of a damaged documents file that `after`, the run's last catalog, has not."""
        if self._damaged.former is None:
            return
        n, by_source = self._damaged.not_found(after.ids())
        self._stats.documents["deleted"] += n
        self._stats.deleted_why += Counter({NOT_FOUND: n})
        for source, lost in by_source.items():
            self.add(source, NOT_FOUND, lost)

    def add_textless(self, position: int, digest: bytes) -> None:
        """Add a document that has no text now, by its position in the catalog before. `digest`: of now."""
        if not self._damaged.mask[position] or self._before.digests([position])[0] != digest:
            self._textless.append(position)

    def count_emptied(self, snapshot: Snapshot | None) -> None:
        """Count those without text that had some before. `snapshot`: has the rows of the catalog before."""
        textless, self._textless = self._textless, []
        if snapshot is None or not textless:
            return
        # what text a damaged one had nobody knows
        whole = [p for p in textless if not self._damaged.mask[p]]
        had = with_text(snapshot, self._before, whole)
        emptied = [p for p, has in zip(whole, had, strict=True) if has]
        emptied += [p for p in textless if self._damaged.mask[p]]
        self._emptied.update(emptied)
        for entry in self._before.take(emptied):
            self._stats.emptied.append((entry.id, (entry.source, entry.file)))
            self.add(entry.source, NO_TEXT, 1)

    def questions(self, guard: LossGuard, after: Catalog) -> list[LossQuestion]:
        """Questions about what `after` has lost. Only where much may be lost are documents compared."""
        emptied = len(self._emptied)
        agreed = Counter(self._agreed[p] for p in self._deleted.left(self._agreed))
        agreed[LOST] = self._stats.deleted_why[LOST]
        why = Counter({**self._stats.deleted_why, NO_TEXT: emptied}) - agreed
        most = Counter({path: reasons.total() for path, reasons in self._reasons.items()})
        at_most = max(self._stats.documents["deleted"], guard.total - len(after)) - agreed.total()
        at_once = self._damaged.is_any  # then each document counts
        by_source = self._by_source(most, guard)
        if not at_once and not guard.questions(at_most + emptied, why, by_source):
            return []
        found = [
            (position, path)
            for position, path in lost_documents(self._before, self._keep, after, self._emptied)
            if position not in self._agreed
        ]
        lost = Counter(path for _, path in found)
        not_found, by_path = self._damaged.not_found(after.ids()) if at_once else (0, {})
        not_found -= sum(n for path, n in by_path.items() if path in guard.asked)
        by_path = {path: n for path, n in by_path.items() if path not in guard.asked}
        damaged = Counter({("", NOT_FOUND): not_found - sum(by_path.values())})
        damaged.update({(path, NOT_FOUND): n for path, n in by_path.items()})
        why += Counter({NOT_FOUND: not_found})
        for position, path in found:
            if self._damaged.mask[position] and path not in guard.asked:
                damaged[path, self._why.get(position, NO_TEXT)] += 1
        total = sum(n for path, n in lost.items() if path not in guard.asked) + not_found
        by_source = self._by_source(lost + Counter(by_path), guard, self._back())
        return guard.questions(total, why, by_source, +damaged)

    def _back(self) -> dict[str, Counter[str]]:
        """Documents of files that are gone which were moved, or brought back, by source and reason."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for path, why, positions in self._gone:
            found[path][why] += len(positions) - len(self._deleted.left(positions))
        return found

    def _by_source(
        self, lost: Counter[str], guard: LossGuard, back: Mapping[str, Counter[str]] | None = None
    ) -> dict[str, SourceLoss]:
        """Losses by source. `back`: documents that are not lost, though they have a reason."""
        none = Counter[str]()
        return {
            path: SourceLoss(lost[path], reasons - (back or {}).get(path, none) or +reasons)
            for path, reasons in self._reasons.items()
            if path not in guard.asked and lost[path] > 0
        }
