"""Paths of documents as filters compare them: as stored, relative to the source, or as printed."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.pipeline.source_options import STDIN
from qembed.store import Catalog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.search.filters.values import Column

    Mask = npt.NDArray[np.bool_]


class PathColumn:
    """Column `path` of a catalog; records of no file have none.

    A text that no document has inside its source is read as a place on disk.

    `folder`: the one that holds the index, which such a place and the sources are relative to.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._stored: Column = catalog.text("file")
        self._folder = os.path.normpath(folder)
        self._roots: dict[str, str] | None = None

    lists = False
    type = str

    @property
    def present(self) -> Mask:
        """Documents with a file, bool (documents,)."""
        return ~self._catalog.text("source").compare("=", STDIN)

    @property
    def values(self) -> int:
        """Number of values."""
        return int(self.present.sum())

    def counts(self) -> list[tuple[Any, int]]:
        """Distinct paths inside the sources with their numbers, the commonest first."""
        records = int((~self.present).sum())
        found = dict(self._stored.counts())
        # their file is called as their source is
        found[STDIN] = found.get(STDIN, 0) - records
        return [(path, n) for path, n in found.items() if n > 0]

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents that pass `= < <= > >=`, bool (documents,); only `=` knows places on disk."""
        found = self._stored.compare(sign, wanted) & self.present
        if sign != "=" or not isinstance(wanted, str) or found.any():
            return found
        return self._placed(wanted, found)

    def among(self, wanted: Sequence[str]) -> Mask:
        """Documents equal to any of the texts, bool (documents,)."""
        found = self._stored.among(wanted) & self.present
        for text in wanted:
            found |= self.compare("=", text)
        return found

    def glob(self, pattern: str) -> Mask:
        """Documents whose path inside the source matches a pattern, bool (documents,)."""
        return self._stored.glob(pattern) & self.present

    def at_place(self, place: str) -> Mask:
        """Documents of the file, or of the source, at a place on disk, bool (documents,)."""
        import numpy as np

        return self._placed(place, np.zeros(len(self._catalog), dtype=bool))

    def _placed(self, place: str, found: Mask) -> Mask:
        """Documents of the file at `place`, added to the mask `found`."""
        for source, inside in self._inside(place):
            here = self._catalog.text("source").compare("=", source)
            found |= here if inside is None else here & self._stored.compare("=", inside)
        return found

    def _inside(self, place: str) -> Iterator[tuple[str, str | None]]:
        """(source, path inside it) of a place, for each source that it is in; None: it is the source."""
        if not place:
            return
        if self._roots is None:
            sources = (s for s, _ in self._catalog.text("source").counts() if s != STDIN)
            self._roots = {s: os.path.normpath(Path(self._folder) / s) for s in sources}
        full = os.path.normpath(Path(self._folder) / place)
        for source, root in self._roots.items():
            if full == root:
                yield source, None
            elif full.startswith(root.rstrip("/") + "/"):
                yield source, full[len(root.rstrip("/")) + 1 :]
