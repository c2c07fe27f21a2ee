"""Filters of an index: `--where` expressions to the rows they allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.pipeline.path_column import PathColumn
from qembed.pipeline.source_options import STDIN
from qembed.search.filters.evaluate import parse
from qembed.search.filters.parser import Field
from qembed.search.filters.values import Column, Documents, is_built_in
from qembed.store import Catalog, Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


@dataclass
class Allowed:
    """Rows that a filter allows. `mask`: bool over the rows from the base on; `rows`: their ids."""

    mask: npt.NDArray[np.bool_]
    rows: Rows
    documents: int
    warnings: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.rows)


def documents_of(catalog: Catalog, folder: Path) -> Documents:
    """Adapt a catalog for filters; nothing is read before a filter asks for it.

    `folder`: the one that holds the index, which printed paths may be relative to.
    """

    def read(name: str) -> Sequence[str]:
        if name == "path":  # "" for records of no file
            found = catalog.columns("source", "file")
            return ["" if s == STDIN else f for s, f in zip(*found.values(), strict=True)]
        return catalog.columns(name)[name]

    def typed(f: Field) -> Column | None:
        if is_built_in(f):
            if f.name == "path":
                return PathColumn(catalog, folder)
            return None if f.name == "mtime" else catalog.text(f.name)
        # dots may lead into objects, which have no columns
        return catalog.field(f.name) if f.literal or "." not in f.name else None

    return Documents(len(catalog), read, catalog.times, typed)


@dataclass
class Filters:
    """Filters over one generation's documents; each is evaluated once."""

    snapshot: Snapshot
    _documents: Documents | None = None
    _done: dict[tuple[str, ...], Allowed] = field(default_factory=dict)

    def allowed(self, texts: Sequence[str]) -> Allowed:
        """Return the living rows of documents for which every expression holds.

        Raises UsageError that points at the column of a syntax error, an unknown field or a type.
        """
        key = tuple(texts)
        if key not in self._done:
            self._done[key] = self._evaluate(key)
        return self._done[key]

    def allowed_for(self, query: str, own: str, shared: Sequence[str]) -> Allowed:
        """Return the rows for which a query's `own` expression and the `shared` ones hold.

        Raises UsageError as `allowed`; of a mistake in `own` it names the query, by its id.
        """
        try:
            return self.allowed((*shared, own))
        except UsageError as e:
            if shared:
                self.allowed(shared)  # a mistake in these is told as theirs
            said = str(e).removeprefix("--where, ")
            raise UsageError(f'"where" of query {query}, {said}') from None

    def forget_results(self) -> None:
        """Forget evaluated filters: what a filter means may depend on the time."""
        self._done.clear()

    def documents(self) -> Documents:
        """Return the documents as filters read them."""
        if self._documents is None:
            self._documents = documents_of(self.snapshot.catalog, self.snapshot.root.parent)
        return self._documents

    def matching(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.bool_], Sequence[str]]:
        """Return the documents that pass, bool (documents,), and warnings. Raises UsageError."""
        chosen = parse(*texts).choose(self.documents())
        return chosen.mask, chosen.warnings

    def _evaluate(self, texts: tuple[str, ...]) -> Allowed:
        import numpy as np

        chosen, warnings = self.matching(texts)
        positions = np.flatnonzero(chosen)
        rows = self.snapshot.rows_of(positions)
        manifest = self.snapshot.manifest
        mask = np.zeros(manifest.next_row - manifest.base, dtype=bool)
        mask[rows - manifest.base] = True
        return Allowed(mask, rows, len(positions), warnings)
