"""Plan of an export: which rows an engine lacks, has differently, or should not have any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


class Changes(NamedTuple):
    """Rows to write, of these the number that is new, and rows to delete: int64, ascending."""

    write: Rows
    new: int
    delete: Rows

    @property
    def updated(self) -> int:
        """Number of rows that are there with other fields."""
        return len(self.write) - self.new


def plan_changes(
    rows: Rows,
    stamps: npt.NDArray[np.int64],
    there: Rows,
    stamps_there: npt.NDArray[np.int64],
) -> Changes:
    """Compare the index's rows with those of an engine, int64 (n,) ascending, by their stamps."""
    import numpy as np

    at = np.searchsorted(there, rows)
    inside = at < len(there)
    known = np.zeros(len(rows), dtype=bool)
    known[inside] = there[at[inside]] == rows[inside]
    same = np.zeros(len(rows), dtype=bool)
    same[known] = stamps_there[at[known]] == stamps[known]
    write = rows[~same]
    return Changes(write, int((~known).sum()), np.setdiff1d(there, rows, assume_unique=True))
