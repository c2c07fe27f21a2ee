"""Documents of one catalog that another has neither by id nor by content: what is lost, and not moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.deletion.emptied import with_text
from qembed.pipeline.indexing.deletion.losses import ELSEWHERE, NO_TEXT, LossGuard, SourceLoss
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import Catalog, FileState, Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def lost_documents(
    before: Catalog, keep: npt.NDArray[np.bool_], after: Catalog, emptied: Collection[int] = ()
) -> Counter[str]:
    """Number of documents lost, by source.

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
    lost: Counter[str] = Counter()
    for p in gone:
        file = was["source"][p], was["file"][p]
        if there[file] > 0:
            there[file] -= 1
        else:
            lost[file[0]] += 1
    return lost


class RunLosses:
    """Losses of a run from the catalog `before`, with their reasons by source.

    `keep`: as of `lost_documents`; `stats`: counts of the run. Both are changed by others meanwhile.
    """

    def __init__(self, before: Catalog, keep: npt.NDArray[np.bool_], stats: IndexStats) -> None:
        self._before = before
        self._keep = keep
        self._stats = stats
        self._reasons: dict[str, Counter[str]] = defaultdict(Counter)
        self._textless: list[int] = []
        self._emptied: set[int] = set()

    def add(self, source: str, reason: str, documents: int) -> None:
        """Add documents that may be lost."""
        self._reasons[source][reason] += documents

    def drop(
        self, deleted: DeletedDocuments, source: str, positions: npt.NDArray[np.int64], reason: str
    ) -> None:
        """Delete documents of a file that is there, by `deleted`, and add them."""
        deleted.drop(positions, reason)
        self.add(source, reason, len(positions))

    def add_files(self, reasons: Mapping[Key, str], files: Mapping[Key, FileState]) -> None:
        """Add the documents of files that are gone, with their reasons."""
        for key, why in reasons.items():
            if why != ELSEWHERE and (state := files.get(key)) is not None:
                self.add(key[0], why, state.stop - state.start)

    def add_textless(self, position: int | None) -> None:
        """Add a document that has no text now, by its position in the catalog before; None for a new one."""
        if position is not None:
            self._textless.append(position)

    def count_emptied(self, snapshot: Snapshot | None) -> None:
        """Count those without text that had some before. `snapshot`: has the rows of the catalog before."""
        textless, self._textless = self._textless, []
        if snapshot is None or not textless:
            return
        had = with_text(snapshot, self._before, textless)
        emptied = [p for p, has in zip(textless, had, strict=True) if has]
        self._emptied.update(emptied)
        for entry in self._before.take(emptied):
            self._stats.emptied.append(entry.id)
            self.add(entry.source, NO_TEXT, 1)

    def question(self, guard: LossGuard, after: Catalog) -> str | None:
        """Question about what `after` has lost. Only where much may be lost are documents compared."""
        emptied = len(self._emptied)
        why = +Counter({**self._stats.deleted_why, NO_TEXT: emptied})
        most = Counter({path: reasons.total() for path, reasons in self._reasons.items()})
        at_most = max(self._stats.documents["deleted"], guard.total - len(after))
        if guard.question(at_most + emptied, why, self._by_source(most, guard)) is None:
            return None
        lost = lost_documents(self._before, self._keep, after, self._emptied)
        total = sum(n for path, n in lost.items() if path not in guard.asked)
        return guard.question(total, why, self._by_source(lost, guard))

    def _by_source(self, lost: Counter[str], guard: LossGuard) -> dict[str, SourceLoss]:
        return {
            path: SourceLoss(lost[path], +reasons)
            for path, reasons in self._reasons.items()
            if path not in guard.asked and lost[path] > 0
        }
