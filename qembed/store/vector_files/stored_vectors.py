"""The stored vectors of a generation: from the matrix, else from their places in the shards, else decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from qembed.store import derived_files
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.codes import extend_codes
from qembed.store.vector_files.matrix import (
    MatrixRows,
    drop_matrix,
    extend_matrix,
    matrix_batches,
    open_matrix,
)
from qembed.store.vector_files.placed_vectors import PlacedVectors
from qembed.store.vector_files.places import matrix_is_due, update_places

if TYPE_CHECKING:
    from qembed.types import Rows, Vectors


def update_vector_files(snapshot: Snapshot) -> None:
    """Bring places, matrix and codes to the generation. A matrix that is not needed goes at last.

    For writers only. Raises OSError, IndexDamaged.
    """
    root, manifest = snapshot.root, snapshot.manifest
    update_places(snapshot)
    keeps_matrix = matrix_is_due(root, manifest)
    if keeps_matrix:
        extend_matrix(snapshot)
    extend_codes(snapshot, lambda start: vector_batches(snapshot, start))
    if not keeps_matrix:
        drop_matrix(root, manifest)


def fetch_vectors(snapshot: Snapshot, upto: int | None = None) -> Callable[[Rows], Vectors]:
    """Make a function that reads the vectors of rows, which ascend, as float32 (n, dim).

    `upto`: row after the last that it will be asked for; by default of the generation.
    """
    rows = MatrixRows.open(snapshot.root, snapshot.manifest)
    if rows is not None and rows.upto >= (snapshot.manifest.next_row if upto is None else upto):
        return rows.take
    placed = PlacedVectors.open(snapshot)
    return snapshot.vectors if placed is None else placed.take


def read_vectors(fetch: Callable[[Rows], Vectors], rows: Rows) -> Vectors:
    """Read the vectors of rows, float32 (n, dim), in their order. `fetch`: as `fetch_vectors` makes it."""
    import numpy as np

    order = np.argsort(rows, kind="stable")
    ascending = fetch(rows[order])
    found = np.empty_like(ascending)
    found[order] = ascending
    return found


def vector_batches(snapshot: Snapshot, start: int) -> Iterator[tuple[int, Vectors]]:
    """(first row, vectors) from row `start` on, some thousands at a time where they are not decoded."""
    root, manifest = snapshot.root, snapshot.manifest
    stamp = derived_files.current(root, manifest, derived_files.MATRIX)
    if stamp is not None and stamp.upto == manifest.next_row:
        return matrix_batches(root, manifest, start)
    placed = PlacedVectors.open(snapshot)
    return snapshot.vector_batches(start) if placed is None else placed.batches(start)


def map_vectors(snapshot: Snapshot, *, matrix: bool = True) -> list[tuple[int, Vectors]]:
    """All vectors as (first row, float32 (n, dim)), mapped where they can be, else in memory.

    `matrix`: False for those of the shards alone.
    """
    import numpy as np

    base = snapshot.manifest.base
    opened = open_matrix(snapshot.root, snapshot.manifest) if matrix else None
    # a plain view: slicing a memmap takes longer
    parts = [] if opened is None else [(base, np.asarray(opened[0]))]
    upto = base if opened is None else opened[1]
    if upto < snapshot.manifest.next_row:
        placed = PlacedVectors.open(snapshot)
        parts += snapshot.vector_batches(upto) if placed is None else placed.mapped(upto)
    return parts


def take_vectors(parts: Sequence[tuple[int, Vectors]], rows: Rows, dim: int) -> Vectors:
    """Vectors of rows, float32 (n, dim), in their order. `parts`: as of `map_vectors`."""
    import numpy as np

    out = np.zeros((len(rows), dim), dtype=np.float32)
    starts = np.array([first for first, _ in parts], dtype=np.int64)
    which = np.searchsorted(starts, rows, side="right") - 1
    # not by `unique`, which imports numpy's masked arrays
    for part in sorted(set(which[which >= 0].tolist())):
        first, vectors = parts[part]
        inside = np.flatnonzero((which == part) & (rows < first + len(vectors)))
        out[inside] = vectors[rows[inside] - first]
    return out
