"""The lines of one file, however many there are: their ids, and the time they share."""

from __future__ import annotations

from qembed.store.arrow import int64
from qembed.store.catalog import Catalog


def ids_within(catalog: Catalog, start: int, stop: int) -> list[str]:
    """The ids of the lines [start, stop)."""
    found: list[str] = catalog.table.column("id").slice(start, stop - start).to_pylist()
    return found


def timed(catalog: Catalog, mtime_ns: int) -> Catalog:
    """The same documents, their file changed at `mtime_ns`; all else is shared with `catalog`."""
    import numpy as np

    column = int64(np.full(len(catalog), mtime_ns, dtype=np.int64))
    at = catalog.table.schema.get_field_index("mtime_ns")
    return Catalog(catalog.table.set_column(at, "mtime_ns", column), catalog.fields)
