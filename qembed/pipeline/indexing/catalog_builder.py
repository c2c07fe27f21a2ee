"""Catalog entries of finished documents between commits; each is converted to Arrow once.

The entries of a file get its modification time only when all of the file was read. Until then they have
the time 0, so that the next run reads the file again whatever happens to this one. A file of millions of
records spans many commits: each adds a part, and at the end of the file the parts get their time, which
touches no other column.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qembed.pipeline.indexing.plan import Key
from qembed.store import Catalog, CatalogEntry

PACKED = 4096
"""Entries that are converted together, before a commit too: as Python objects they take more memory."""


@dataclass(slots=True)
class _OpenFile:
    """Parts of a file that is not read to its end; `mtime_ns`: the time they get there."""

    mtime_ns: int
    parts: list[Catalog] = field(default_factory=list)


class CatalogBuilder:
    """Collects entries, and returns all of them as catalogs at each commit."""

    def __init__(self) -> None:
        self._new: list[CatalogEntry] = []
        self._packed: list[Catalog] = []
        self._finished: list[Catalog] = []
        self._current: Key | None = None
        self._incomplete: set[Key] = set()
        self._open: dict[Key, _OpenFile] = {}
        self._times: dict[Key, tuple[int, set[int]]] = {}

    def begin_file(self, key: Key) -> None:
        """Set the file that is read now."""
        self._current = key

    def end_file(self) -> None:
        """End the current file, at its end or before it."""
        self._current = None

    def mark_incomplete(self, key: Key) -> None:
        """Mark a file of which some was not indexed: its entries have a negative time."""
        self._incomplete.add(key)

    def compare_time(self, key: Key, mtime_ns: int, stored_ns: int) -> None:
        """Note the time of a file, and the one stored with a document of it that is unchanged."""
        self._times.setdefault(key, (mtime_ns, set()))[1].add(stored_ns)

    def is_restamped(self) -> bool:
        """True if an unchanged document gets another time: if files are incomplete again, none does."""
        return any(
            stored != {-abs(mtime_ns) if key in self._incomplete else mtime_ns}
            for key, (mtime_ns, stored) in self._times.items()
        )

    def add(self, entry: CatalogEntry) -> None:
        """Add the entry of a finished document."""
        self._new.append(entry)
        if len(self._new) >= PACKED:
            self._packed.append(Catalog.of(self._new))
            self._new = []

    def catalogs(self) -> list[Catalog]:
        """Entries so far. Only the current file may have documents that are not finished."""
        packed, self._packed = self._packed, []
        for catalog in packed:
            keys = set(catalog.keys())
            if keys.isdisjoint(self._incomplete) and self._current not in keys:
                self._finish_files()
                self._finished.append(catalog)
            else:
                self._convert(catalog.entries())
        new, self._new = self._new, []
        self._convert(new)
        return [*self._finished, *(part for file in self._open.values() for part in file.parts)]

    def _convert(self, new: list[CatalogEntry]) -> None:
        """Convert entries, those of the current file as parts of it."""
        if self._current is not None and self._current not in self._incomplete:
            new = self._keep_open(self._current, new)
        self._finish_files()
        if new:
            self._finished.append(Catalog.of([self._timed(entry) for entry in new]))

    def _keep_open(self, key: Key, entries: list[CatalogEntry]) -> list[CatalogEntry]:
        """Move the entries of the current file to its parts. Returns the others."""
        own = [e for e in entries if (e.source, e.file) == key]
        if not own:
            return entries
        file = self._open.setdefault(key, _OpenFile(own[0].mtime_ns))
        file.parts.append(Catalog.of([_to_be_read_again(e) for e in own]))
        return [e for e in entries if (e.source, e.file) != key]

    def _finish_files(self) -> None:
        """Give the parts of files that ended their time, unless the file is incomplete."""
        for key in [k for k in self._open if k != self._current or k in self._incomplete]:
            file = self._open.pop(key)
            timed = key not in self._incomplete
            self._finished += [p.with_mtime(file.mtime_ns) if timed else p for p in file.parts]

    def _timed(self, entry: CatalogEntry) -> CatalogEntry:
        incomplete = (entry.source, entry.file) in self._incomplete
        return _to_be_read_again(entry) if incomplete else entry


def _to_be_read_again(entry: CatalogEntry) -> CatalogEntry:
    return replace(entry, mtime_ns=-abs(entry.mtime_ns))
