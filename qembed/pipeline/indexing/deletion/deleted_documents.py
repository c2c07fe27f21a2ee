"""Documents that a run takes out of the catalog, until their content turns up elsewhere or they come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import Catalog, CatalogEntry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class DeletedDocuments:
    """Deleted documents of `catalog`, by position, each with its reason.

    `keep`: bool (documents,), True for those that stay; changed in place, as `stats` is. `damaged`: bool
    (documents,), True for those without passages.
    """

    def __init__(
        self,
        catalog: Catalog,
        keep: npt.NDArray[np.bool_],
        stats: IndexStats,
        damaged: npt.NDArray[np.bool_],
    ) -> None:
        self._catalog = catalog
        self._damaged = damaged
        self._keep = keep
        self._stats = stats
        self._by_digest: dict[bytes, list[int]] = {}
        self._reason_of: dict[int, str] = {}
        self._dropped: dict[int, str] = {}

    def delete(self, positions: Sequence[int], reason: str) -> None:
        """Delete documents. They count as moved if `take_moved` finds one of them."""
        if not positions:
            return
        self._keep[positions] = False
        self._reason_of.update(dict.fromkeys(positions, reason))
        self._count(reason, len(positions))
        for p, digest in zip(positions, self._catalog.digests(positions), strict=True):
            self._by_digest.setdefault(digest, []).append(p)

    def drop(self, positions: npt.NDArray[np.int64], reason: str) -> None:
        """Delete documents that nothing is to be moved from."""
        self._keep[positions] = False
        self._dropped.update(dict.fromkeys(positions.tolist(), reason))
        self._count(reason, len(positions))

    def take_moved(self, document_id: str, digest: bytes) -> tuple[CatalogEntry, bool] | None:
        """Take the entry of a deleted document with the same content, if it was chunked alike.

        The second value: it has its passages.
        """
        for position in self._by_digest.get(digest, ()):
            entry = self._catalog.take([position])[0]
            # another suffix may mean another chunker
            if PurePosixPath(entry.id).suffix == PurePosixPath(document_id).suffix:
                self._forget(position, digest)
                return entry, not self._damaged[position]
        return None

    def left(self, positions: Iterable[int]) -> list[int]:
        """Those of the positions that are deleted, and were not moved."""
        return [p for p in positions if p in self._reason_of]

    def restore(self, positions: Sequence[int], is_free: Callable[[str], bool]) -> int:
        """Keep deleted documents after all, those with an id that `is_free`.

        Returns how many of them have passages.
        """
        entries = zip(positions, self._catalog.take(positions), strict=True) if positions else ()
        back = [(p, e.digest) for p, e in entries if is_free(e.id)]
        for position, digest in back:
            self._keep[position] = True
            self._forget(position, digest)
        return len(back) - int(self._damaged[[p for p, _ in back]].sum())

    def bring_back(self, is_wanted: Callable[[int, str], bool]) -> list[int]:
        """Keep deleted and dropped documents after all, those that `is_wanted(position, id)`.

        Returns their positions.
        """
        positions = [*self._reason_of, *self._dropped]
        ids = self._catalog.ids() if positions else []
        found = [p for p in positions if is_wanted(p, ids[p])]
        moved = [p for p in found if p in self._reason_of]
        for position, digest in zip(moved, self._catalog.digests(moved), strict=True):
            self._forget(position, digest)
        for position in found:
            if (reason := self._dropped.pop(position, None)) is not None:
                self._count(reason, -1)
        self._keep[found] = True
        return found

    def rename(self, positions: Iterable[int], reason: str) -> None:
        """Set another reason for documents that stay deleted."""
        for position in positions:
            self._stats.deleted_why[self._reason_of[position]] -= 1
            self._stats.deleted_why[reason] += 1
            self._reason_of[position] = reason

    def _count(self, reason: str, n: int) -> None:
        self._stats.documents["deleted"] += n
        self._stats.deleted_why[reason] += n

    def _forget(self, position: int, digest: bytes) -> None:
        self._by_digest[digest].remove(position)
        self._count(self._reason_of.pop(position), -1)
