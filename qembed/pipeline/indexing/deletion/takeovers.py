"""Files that a nested source has taken over: their documents go when the file is read in their place.

What cannot be read under the new source, by a wrong option for example, loses no document that was known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qembed.pipeline.indexing.deletion.deleted_documents import DeletedDocuments
from qembed.pipeline.indexing.deletion.losses import ELSEWHERE, NOT_IN_FILE
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import FileState


class Takeovers:
    """Files that are gone from a source, by the file of a nested one that is read in their place.

    `files`: of the catalog. `stats`: updated in place.
    """

    def __init__(
        self,
        files: Mapping[Key, FileState],
        deleted: DeletedDocuments,
        stats: IndexStats,
        taken_over: Mapping[Key, Sequence[Key]],
    ) -> None:
        self._files = files
        self._deleted = deleted
        self._stats = stats
        self._outer = taken_over

    def delete_others(self, reasons: Mapping[Key, str]) -> None:
        """Delete the documents of the files that nothing is read in place of. `reasons`: by file."""
        waiting = {key for keys in self._outer.values() for key in keys}
        for key, why in reasons.items():
            if key not in waiting:
                self._deleted.delete(self._positions([key]), why)

    def begin(self, key: Key) -> None:
        """Delete what the file `key`, to be read now, has taken over."""
        self._deleted.delete(self._positions(self._outer.get(key, ())), ELSEWHERE)

    def end(self, key: Key, is_whole: bool, added: int, is_free: Callable[[str], bool]) -> int:
        """End a file. Returns how many documents it had in the outer source, if some have gone from it.

        Unless `is_whole`, those are kept that did not come again, with ids that are free. `added`: number
        of new documents in the file, of which each may be one that it had.
        """
        left = self._deleted.left(self._positions(self._outer.get(key, ())))
        if not is_whole:
            self._stats.documents["unchanged"] += self._deleted.restore(left, is_free)
            return 0
        gone = left[: max(0, len(left) - added)]
        self._deleted.rename(gone, NOT_IN_FILE)
        return len(left) if gone else 0

    def keep(self, key: Key, document_id: str) -> None:
        """Keep the document of this id that a file had in the outer source: the new one is refused."""
        left = self._deleted.left(self._positions(self._outer.get(key, ())))
        kept = self._deleted.restore(left, lambda name: name == document_id)
        self._stats.documents["unchanged"] += kept

    def places(self, key: Key) -> list[Key]:
        """Keys of a file: its own, and those that it had in outer sources."""
        return [key, *self._outer.get(key, ())]

    def outer_source(self, key: Key) -> str:
        """Source that a file was in before."""
        return self._outer[key][0][0]

    def _positions(self, keys: Iterable[Key]) -> list[int]:
        """Catalog positions of the documents of files."""
        return [p for k in keys for p in range(self._files[k].start, self._files[k].stop)]
