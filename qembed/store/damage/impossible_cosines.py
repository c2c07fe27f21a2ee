"""Damaged vectors that a search notices: a product of unit vectors is a cosine, whatever else it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged
from qembed.store import derived_files
from qembed.store.snapshot import Snapshot

if TYPE_CHECKING:
    from qembed.types import Rows, Scores

LARGEST_COSINE = 1 + 1e-3
"""Largest product of unit vectors in float32, rounding included; of float16 vectors too."""
MATRIX_DAMAGED = "the vector matrix is damaged (qembed index makes a new one)"


def silent() -> AbstractContextManager[Any]:
    """Context without numpy's warnings of products that are no numbers: they are looked at afterwards."""
    import numpy as np

    return np.errstate(over="ignore", invalid="ignore")


def are_cosines(found: Sequence[tuple[Rows, Scores]]) -> bool:
    """True if all scores of a search by vectors are finite, and none is beyond 1."""
    import numpy as np

    # what is no number is not below
    return all(not len(s) or bool(np.abs(s).max() <= LARGEST_COSINE) for _, s in found)


def refuse(snapshot: Snapshot, found: Sequence[tuple[Rows, Scores]]) -> None:
    """Raise IndexDamaged if a score is no cosine."""
    if not are_cosines(found):
        raise IndexDamaged(
            f"vectors of {snapshot.root} are damaged: a product of unit vectors is beyond 1 "
            "(qembed verify tells what is lost)"
        )


def note_damaged_matrix(snapshot: Snapshot) -> None:
    """Note that the matrix has no unit vectors, for the next writer, if there is one."""
    root = snapshot.root
    stamp = derived_files.published(root, snapshot.manifest, derived_files.MATRIX, later=True)
    if stamp is not None and derived_files.DAMAGED not in stamp.extra:
        derived_files.mark_damaged(root, stamp)
