"""Document ids: those a file had in the previous generation, and the assignment of ids in this run."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.source_options import STDIN, FilePlaces
from qembed.store import Catalog, CatalogEntry, FileState, text_hash
from qembed.store.hash_index import DICT_ENTRIES, HashMap, IdIndex
from qembed.types import Document, SourceFile, Unreadable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows

ENTRIES_PER_READ = 256
"""Catalog entries decoded at a time: a file's documents mostly come in the order of the previous run."""
IDS_PER_READ = 1 << 16


class PreviousDocuments:
    """Documents that a file had in the previous generation, each until it is taken.

    `state`: the file's lines in the catalog; None for a new file, which had none. There may be millions of
    documents: ids are kept as hashes, entries are decoded `entries_per_read` at a time.
    """

    def __init__(
        self,
        catalog: Catalog,
        state: FileState | None,
        entries_per_read: int = ENTRIES_PER_READ,
        dict_entries: int = DICT_ENTRIES,
    ) -> None:
        import numpy as np

        self._catalog = catalog
        self._start, self._stop = (0, 0) if state is None else (state.start, state.stop)
        self._untaken = np.ones(self._stop - self._start, dtype=bool)
        self._offsets = HashMap(dict_entries)
        self._entries_per_read = entries_per_read
        self._group = -1
        self._entries: list[CatalogEntry] = []
        for at in range(self._start, self._stop, IDS_PER_READ):
            ids = catalog.ids_between(at, min(at + IDS_PER_READ, self._stop))
            for offset, name in enumerate(ids, at - self._start):
                self._offsets[text_hash(name)] = offset

    def __contains__(self, name: object) -> bool:
        assert isinstance(name, str)
        offset = self._offsets.get(text_hash(name))
        return offset is not None and bool(self._untaken[offset])

    def take(self, name: str) -> tuple[int, CatalogEntry] | None:
        """Take a document: its position in the catalog and its entry. None if not there or taken before."""
        offset = self._offsets.get(text_hash(name))
        if offset is None or not self._untaken[offset]:
            return None
        self._untaken[offset] = False
        size = self._entries_per_read
        group, within = divmod(offset, size)
        if group != self._group:
            first = self._start + group * size
            self._entries = self._catalog.entries(first, min(first + size, self._stop))
            self._group = group
        return self._start + offset, self._entries[within]

    def untaken(self) -> Rows:
        """Catalog positions of the documents not taken, int64 (n,)."""
        import numpy as np

        return np.flatnonzero(self._untaken) + self._start


class IdAssigner:
    """Assigns document ids, unique in the index.

    `keep`: bool (documents of `catalog`,), True for those that stay; the caller changes it in place.
    """

    def __init__(self, catalog: Catalog, keep: npt.NDArray[np.bool_]) -> None:
        self._catalog = catalog
        self._keep = keep
        self._file_of = HashMap()  # hash of an id assigned in this run -> number of its file
        self._files: list[Key] = []

    def __contains__(self, name: str) -> bool:
        """True if this id was assigned in this run."""
        return text_hash(name) in self._file_of

    def assign(self, key: Key, document: Document, previous: Container[str]) -> str | Key:
        """Assign an id to a document of the file `key`; returns the id, or the file that has it already.

        Files of two sources may have one name: the id of the second file's document is prefixed with its
        source. Two records with one id are an error of the data. `previous`: ids that the file had in the
        previous generation and that were not taken yet.
        """
        name, qualified = document.id, f"{key[0]}/{document.id}"
        owner = self._assigned_to(name)
        if owner is None:
            if name in previous:
                return self._record(name, key)
            if qualified in previous:
                return self._record(qualified, key)
            owner = self._previous_owner(name)
            if owner is None:
                return self._record(name, key)
        # of a file, a page, a record without an id or with the file's name in front of it
        of_path = name == key[1] or name.startswith(f"{key[1]}#")
        if not of_path or owner == key:
            return owner
        return self._assigned_to(qualified) or self._record(qualified, key)

    def _record(self, name: str, key: Key) -> str:
        if not self._files or self._files[-1] != key:
            self._files.append(key)
        self._file_of[text_hash(name)] = len(self._files) - 1
        return name

    def _assigned_to(self, name: str) -> Key | None:
        number = self._file_of.get(text_hash(name))
        return None if number is None else self._files[number]

    def _previous_owner(self, name: str) -> Key | None:
        """File of a document with this id that stays from the previous generation."""
        position = self._ids.find(name)
        if position is None or not self._keep[position]:
            return None
        entry = self._catalog.take([position])[0]
        return entry.source, entry.file

    @cached_property
    def _ids(self) -> IdIndex:
        return self._catalog.id_index()


def taken_id(file: SourceFile, document: Document, owner: Key, places: FilePlaces) -> Unreadable:
    """Problem of a document of `file` with an id that a document of the file `owner` has."""
    elsewhere = places.path(owner)
    if file.source != STDIN:
        elsewhere += " (--id-prefix file puts the file's name in front of its ids)"
    where = "this file" if owner == (file.source, file.name) else elsewhere
    error = f"duplicate id {document.id!r}: already in {where}"
    return Unreadable(os.fspath(file.location), error, document.line)


class ForetoldIds:
    """Ids that a run would find taken, for a dry run, which may read files in another order.

    `files`: of `catalog`; `read`: those that the run reads, in its order; `gone`: those that are gone;
    `taken_over`: those of them that go when the file of a nested source is read in their place, by that;
    `places`: of them all.
    """

    def __init__(
        self,
        catalog: Catalog,
        files: Mapping[Key, FileState],
        read: Iterable[Key],
        gone: Iterable[Key],
        taken_over: Mapping[Key, Sequence[Key]],
        places: FilePlaces,
    ) -> None:
        import numpy as np

        self._catalog = catalog
        self._files = files
        self._order = {key: n for n, key in enumerate(read)}
        self._outer = taken_over
        self._places = places
        self._keep = np.ones(len(catalog), dtype=bool)
        self._ids = IdAssigner(catalog, self._keep)
        waiting = {key for keys in taken_over.values() for key in keys}
        self._drop(key for key in gone if key not in waiting)
        self._done: set[Key] = set()
        self._previous = PreviousDocuments(catalog, None)
        self.assigned = ""
        self.known: tuple[int, CatalogEntry] | None = None

    def __contains__(self, name: str) -> bool:
        """True if a document has this id by now."""
        return name in self._ids

    def begin_file(self, key: Key) -> None:
        """Begin a file."""
        self._drop(self._outer.get(key, ()))
        self._previous = PreviousDocuments(self._catalog, self._files.get(key))

    def problem(self, file: SourceFile, document: Document) -> Unreadable | None:
        """Problem of a document of the current file: its id is taken. None if it is free.

        Then `assigned` is its id, and `known` the document that the file had by this id, with its position.
        """
        key = file.source, file.name
        owner = self._ids.assign(key, document, self._previous)
        self.assigned, self.known = document.id, None
        if isinstance(owner, str):
            self.assigned, self.known = owner, self._previous.take(owner)
            return None
        # what an earlier file has not any more, a run has forgotten by then
        if owner not in self._done and self._order.get(owner, len(self._order)) < self._order[key]:
            return None
        return taken_id(file, document, owner, self._places)

    def untaken(self) -> Rows:
        """Catalog positions of the documents of the current file that were not taken, int64 (n,)."""
        return self._previous.untaken()

    def end_file(self, key: Key, is_whole: bool) -> None:
        """End the current file. `is_whole`: all of it could be read, so that other documents of it go."""
        self._done.add(key)
        if is_whole:
            self._keep[self._previous.untaken()] = False

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if (state := self._files.get(key)) is not None:
                self._keep[state.start : state.stop] = False
