"""Top-k selection with a deterministic order of ties, and operations on sorted row ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores


def top(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """Select the k best by score, best first, ties by the smaller row id.

    A plain argpartition would pick any of several equal scores at the border; a run must not depend on
    how the vectors were divided into blocks.
    """
    import numpy as np

    if k <= 0:
        return rows[:0], scores[:0]
    if len(scores) > k:
        border = np.partition(scores, len(scores) - k)[len(scores) - k]
        inside = np.flatnonzero(scores >= border)
        rows, scores = rows[inside], scores[inside]
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def best_first(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """Select the k best of scores that are sorted already, except that ties are in any order."""
    rising, same = rows[1:] > rows[:-1], scores[1:] == scores[:-1]
    if bool((rising | ~same).all()):
        return rows[:k], scores[:k]
    return top(rows, scores, k)


TIE_TOLERANCE = 1e-5
"""Cosines closer than this are equal: float32 sums in another order differ by as much."""


def recall(found: Scores, truth: Scores) -> float:
    """Share of the best `len(truth)` scores in `found`; any row with as good a score counts.

    An approximate search may name another one of several equal texts first: that is no loss.
    """
    if not len(truth):
        return 1.0
    return min(len(truth), int((found >= truth.min() - TIE_TOLERANCE).sum())) / len(truth)


def merge(parts: Sequence[tuple[Rows, Scores]], k: int) -> tuple[Rows, Scores]:
    """Select the k best of several result lists over disjoint rows."""
    import numpy as np

    if len(parts) == 1:
        return top(*parts[0], k)
    return top(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), k)


def distinct(parts: Sequence[Rows]) -> Rows:
    """Sort the ids of all parts and drop duplicates, int64 (n,).

    numpy's own unique imports numpy.ma to look for masked arrays: 17 ms, of a query's half second.
    """
    import numpy as np

    if not len(parts):
        return np.zeros(0, dtype=np.int64)
    ids = np.sort(np.concatenate(parts))
    keep = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=keep[1:])
    return ids[keep]


def places(rows: Rows, known: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Positions of rows in `known` (ascending), int64 (n,), and a mask of those that are there, bool (n,)."""
    import numpy as np

    if not len(known):
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    at = np.minimum(known.searchsorted(rows), len(known) - 1)
    return at, known[at] == rows
