"""Documents that a run which was stopped keeps: those that it deleted, and had no time to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.deletion.damaged import DamagedDocuments
from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import Catalog, FileState

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class UnfinishedFiles:
    """Files of which a document was read and, as the run was stopped, not encoded.

    `before`: catalog that the run continues, with the states of its `files`. `keep`: bool (documents,), True
    for those that stay; changed by `deleted`. `stats`: updated in place.
    """

    def __init__(
        self,
        before: Catalog,
        files: Mapping[Key, FileState],
        keep: npt.NDArray[np.bool_],
        deleted: DeletedDocuments,
        stats: IndexStats,
        damaged: DamagedDocuments,
    ) -> None:
        self._before = before
        self._files = files
        self._keep = keep
        self._deleted = deleted
        self._stats = stats
        self._damaged = damaged
        self._unencoded: set[str] = set()
        self._positions: set[int] = set()

    def add(self, keys: Iterable[Key], document_id: str) -> None:
        """Add a document that was not encoded. `keys`: its file, and those that this was before."""
        self._unencoded.add(document_id)
        for key in keys:
            if (state := self._files.get(key)) is not None:
                self._positions.update(range(state.start, state.stop))

    def settled(
        self, new: Sequence[Catalog], is_settled: Callable[[Catalog], bool]
    ) -> Catalog | None:
        """Catalog to commit: `new` entries, what stays, and what these files had before under other ids.

        If that is not `is_settled`, all that was deleted comes back; None if that is not either.
        """
        catalog = self._with(new, lambda p, name: p in self._positions or name in self._unencoded)
        if not is_settled(catalog):
            catalog = self._with(new, lambda _p, _name: True)
            if not is_settled(catalog):
                return None
        return catalog

    def _with(self, new: Sequence[Catalog], is_wanted: Callable[[int, str], bool]) -> Catalog:
        """Catalog with the documents that come back; their files are read again by the next run."""
        import numpy as np

        taken = {name for part in new for name in part.ids()}
        found = self._deleted.bring_back(lambda p, name: name not in taken and is_wanted(p, name))
        again = np.zeros(len(self._keep), dtype=bool)
        again[found] = True
        self._stats.documents["unchanged"] += int((again & ~self._damaged.mask).sum())
        if found:
            self._before = self._before.read_again(again)
        return self._before.edit(self._keep, new)
