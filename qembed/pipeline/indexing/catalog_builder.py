"""The lines of documents that are done, on their way into the catalog; each becomes Arrow once.

A file's lines carry its time only when all of it was read: until then they say 0, so that whatever becomes
of this run, the next one reads the file again. A file of millions of records is cut into by many commits:
each adds a part to what those before made of it, and when the file is through, its parts get their time,
which touches no other column.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qembed.pipeline.indexing.plan import Key
from qembed.store import Catalog, CatalogEntry


@dataclass(slots=True)
class _Parts:
    """What commits have made so far of a file that is being read; `mtime_ns` is what it will get."""

    mtime_ns: int
    catalogs: list[Catalog] = field(default_factory=list)


class CatalogBuilder:
    """Takes lines one by one, and gives all of them at each commit."""

    def __init__(self) -> None:
        self._lines: list[CatalogEntry] = []
        self._settled: list[Catalog] = []
        self._open: Key | None = None
        self._half: set[Key] = set()
        self._parts: dict[Key, _Parts] = {}

    def open(self, key: Key) -> None:
        """A file is begun."""
        self._open = key

    def close(self) -> None:
        """The open file is at its end, or given up."""
        self._open = None

    def half(self, key: Key) -> None:
        """Some of a file was not taken: its lines keep the time 0."""
        self._half.add(key)

    def add(self, line: CatalogEntry) -> None:
        """A document that is done."""
        self._lines.append(line)

    def catalogs(self) -> list[Catalog]:
        """All lines up to now. Only documents of the open file may still be on their way."""
        lines, self._lines = self._lines, []
        unsure = [x for x in lines if (x.source, x.file) == self._open]
        if unsure and self._open not in self._half:
            assert self._open is not None
            parts = self._parts.setdefault(self._open, _Parts(unsure[0].mtime_ns))
            parts.catalogs.append(Catalog.of([_untimed(x) for x in unsure]))
            lines = [x for x in lines if (x.source, x.file) != self._open]
        for key in [k for k in self._parts if k != self._open or k in self._half]:
            parts = self._parts.pop(key)
            whole = parts.mtime_ns and key not in self._half
            self._settled += [c.with_mtime(parts.mtime_ns) if whole else c for c in parts.catalogs]
        if lines:
            half = self._half
            self._settled.append(
                Catalog.of([_untimed(x) if (x.source, x.file) in half else x for x in lines])
            )
        return [*self._settled, *(c for parts in self._parts.values() for c in parts.catalogs)]


def _untimed(line: CatalogEntry) -> CatalogEntry:
    return replace(line, mtime_ns=0)
