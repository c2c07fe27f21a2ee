"""Matrix of all vectors, float32: a derived file of an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.store import derived_files
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.growing import extend
from qembed.store.vector_files.row_file import RowFile

if TYPE_CHECKING:
    from qembed.types import Rows, Vectors


def open_matrix(root: Path, manifest: Manifest) -> tuple[Vectors, int] | None:
    """Map the vectors of the rows [base, upto), float32 (rows, dim). Returns them and upto; None if absent.

    A writer may have extended the file since: rows keep their places, so its first ones are these.
    """
    import numpy as np

    stamp = derived_files.current(root, manifest, derived_files.MATRIX, later=True)
    if stamp is None or stamp.upto == stamp.base:
        return None
    upto = min(stamp.upto, manifest.next_row)
    rows = upto - stamp.base
    if rows <= 0:
        return None
    try:
        matrix = np.memmap(
            root / stamp.file, dtype=np.float32, mode="r", shape=(rows, manifest.recipe.dim)
        )
    except (OSError, ValueError):
        return None
    return matrix, upto


def matrix_batches(
    root: Path, manifest: Manifest, start: int, size: int = 10_000
) -> Iterator[tuple[int, Vectors]]:
    """Yield (first row, vectors) of the matrix from row `start` on, read into memory `size` rows at a time.

    Mapped pages would count as memory of the process, which building a graph needs for the graph.
    """
    import numpy as np

    stamp = derived_files.current(root, manifest, derived_files.MATRIX)
    if stamp is None:
        return
    dim = manifest.recipe.dim
    with (root / stamp.file).open("rb", buffering=0) as f:
        f.seek((start - stamp.base) * dim * 4)
        for first in range(start, stamp.upto, size):
            rows = min(size, stamp.upto - first)
            yield first, np.fromfile(f, np.float32, rows * dim).reshape(rows, dim)


class MatrixRows:
    """Open matrix, of which some rows are read at a time. It outlives the file's name. Thread-safe."""

    def __init__(self, file: RowFile, dim: int) -> None:
        self._file = file
        self._dim = dim

    @classmethod
    def open(cls, root: Path, manifest: Manifest) -> MatrixRows | None:
        """Open the matrix of a generation, of the rows that it has; None if there is none."""
        import numpy as np

        stamp = derived_files.current(root, manifest, derived_files.MATRIX, later=True)
        if stamp is None or stamp.upto == stamp.base:
            return None
        dim = manifest.recipe.dim
        try:
            record = np.dtype((np.void, 4 * dim))
            upto = min(stamp.upto, manifest.next_row)
            return cls(RowFile(root / stamp.file, record, stamp.base, upto), dim)
        except OSError:
            return None

    @property
    def upto(self) -> int:
        """Row after the last one."""
        return self._file.upto

    def take(self, rows: Rows) -> Vectors:
        """Read the vectors of rows that ascend, float32 (n, dim). Raises IndexDamaged."""
        import numpy as np

        return self._file.take(rows).view(np.float32).reshape(len(rows), self._dim)


def extend_matrix(snapshot: Snapshot) -> None:
    """Append the rows that the matrix lacks, in place. For writers only. Raises OSError."""
    extend(
        snapshot,
        derived_files.MATRIX,
        snapshot.manifest.recipe.dim * 4,
        lambda upto: (_bytes_of(v) for _, v in snapshot.vector_batches(upto)),
    )


def _bytes_of(vectors: Vectors) -> memoryview:
    import numpy as np

    return memoryview(np.ascontiguousarray(vectors).view(np.uint8).reshape(-1).data)


def drop_matrix(root: Path, manifest: Manifest) -> None:
    """Remove the matrix, whose vectors are read from the shards. Readers that have it open keep it."""
    if (stamp := derived_files.published(root, manifest, derived_files.MATRIX)) is not None:
        derived_files.discard(root, derived_files.MATRIX)
        derived_files.remove(root, stamp)
