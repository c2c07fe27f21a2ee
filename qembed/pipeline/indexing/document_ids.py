"""What an earlier run knew: which documents a file had, and which ids are taken by whom."""

from __future__ import annotations

from collections.abc import Container
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.places import CompactIdMap
from qembed.pipeline.indexing.plan import Key
from qembed.store import Catalog, CatalogEntry, FileState
from qembed.store.hash_index import IdIndex
from qembed.types import Document

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

IDS_PER_LOOKUP = 256
"""Lines that are made into objects at a time: a file's documents come in the order in which they came."""


class PreviousDocuments:
    """A file's documents of an earlier run, each until it is taken: of a new file none.

    There may be millions: ids are kept as hashes, lines are made as they are asked for.
    """

    def __init__(self, catalog: Catalog, state: FileState | None) -> None:
        import numpy as np

        self._catalog = catalog
        self._start, self._stop = (0, 0) if state is None else (state.start, state.stop)
        self._left = np.ones(self._stop - self._start, dtype=bool)
        self._places = CompactIdMap()
        self._group = -1
        self._lines: list[CatalogEntry] = []
        for at in range(self._start, self._stop, 1 << 16):
            names = catalog.ids_between(at, min(at + (1 << 16), self._stop))
            for place, name in enumerate(names, at - self._start):
                self._places[name] = place

    def __contains__(self, name: object) -> bool:
        assert isinstance(name, str)
        place = self._places.get(name)
        return place is not None and bool(self._left[place])

    def take(self, name: str) -> tuple[int, CatalogEntry] | None:
        """A document's position in the catalog and its line, once; None if there is none (any more)."""
        place = self._places.get(name)
        if place is None or not self._left[place]:
            return None
        self._left[place] = False
        group, within = divmod(place, IDS_PER_LOOKUP)
        if group != self._group:
            first = self._start + group * IDS_PER_LOOKUP
            self._lines = self._catalog.lines(first, min(first + IDS_PER_LOOKUP, self._stop))
            self._group = group
        return self._start + place, self._lines[within]

    def left(self) -> npt.NDArray[np.int64]:
        """Positions of what was not taken, int64 (n,)."""
        import numpy as np

        return np.flatnonzero(self._left) + self._start


class IdAssigner:
    """Gives out ids. `keep` says which documents of `catalog` still stand, as it changes."""

    def __init__(self, catalog: Catalog, keep: npt.NDArray[np.bool_]) -> None:
        self._catalog = catalog
        self._keep = keep
        self._claimed = CompactIdMap()
        self._keys: list[Key] = []

    def __contains__(self, name: str) -> bool:
        """Whether a document of this id came in this run."""
        return name in self._claimed

    def choose(self, key: Key, document: Document, before: Container[str]) -> str | Key:
        """The id a document of this file goes by, or the file that has that id already.

        Files of two sources may have one name: the second one's is preceded by its source. Two records
        of one id are a mistake in the data. `before`: the ids that the file had and were not seen again yet.
        """
        name, long = document.id, f"{key[0]}/{document.id}"
        taken = self._owner(name)
        if taken is None:
            if name in before:
                return self._claim(name, key)
            if long in before:
                return self._claim(long, key)
            taken = self._elsewhere(name)
            if taken is None:
                return self._claim(name, key)
        own = name == key[1] or name.startswith(f"{key[1]}#")  # a page, a record
        return self._claim(long, key) if own and taken != key else taken

    def _claim(self, name: str, key: Key) -> str:
        if not self._keys or self._keys[-1] != key:
            self._keys.append(key)
        self._claimed[name] = len(self._keys) - 1
        return name

    def _owner(self, name: str) -> Key | None:
        number = self._claimed.get(name)
        return None if number is None else self._keys[number]

    def _elsewhere(self, name: str) -> Key | None:
        """The file of an earlier run that has a document of this id and still stands."""
        position = self._ids.find(name)
        if position is None or not self._keep[position]:
            return None
        line = self._catalog.take([position])[0]
        return line.source, line.file

    @cached_property
    def _ids(self) -> IdIndex:
        return self._catalog.places()
