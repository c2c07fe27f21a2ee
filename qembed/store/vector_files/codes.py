"""Codes of all vectors, a byte a dimension, with bounds of their errors: a derived file of an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.store import derived_files
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.growing import extend
from qembed.store.vector_files.row_file import RowFile
from qembed.vector_codes import encode, record

if TYPE_CHECKING:
    from qembed.types import Vectors

CODED_ROWS = 50_000
"""Rows from which an index has codes: of fewer, all vectors are read as fast."""


def extend_codes(
    snapshot: Snapshot, vectors: Callable[[int], Iterable[tuple[int, Vectors]]]
) -> None:
    """Append the codes of the rows that the file lacks, in place, if codes are due.

    `vectors`: (first row, float32 (n, dim)) of the rows from a given one on. For writers only. Raises
    OSError.
    """
    root, manifest = snapshot.root, snapshot.manifest
    if codes_are_due(root, manifest):
        extend(
            snapshot,
            derived_files.CODES,
            record(manifest.recipe.dim).itemsize,
            lambda upto: (memoryview(encode(v).view("u1").data) for _, v in vectors(upto)),
        )


def codes_are_due(root: Path, manifest: Manifest) -> bool:
    """True for a generation that is to have codes: it has many rows, or it had."""
    if manifest.next_row - manifest.base >= CODED_ROWS:
        return True
    return derived_files.current(root, manifest, derived_files.CODES) is not None


def open_codes(root: Path, manifest: Manifest) -> RowFile | None:
    """Open the codes of a generation, of type `vector_codes.record`, for rows that have some; else None."""
    stamp = derived_files.current(root, manifest, derived_files.CODES, later=True)
    if stamp is None or stamp.upto == stamp.base:
        return None
    kind = record(manifest.recipe.dim)
    try:
        return RowFile(root / stamp.file, kind, stamp.base, min(stamp.upto, manifest.next_row))
    except OSError:
        return None
