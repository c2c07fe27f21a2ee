"""The best k of many scores, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores


def top(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """The k best by score, ties by the smaller row id, best first.

    A plain argpartition would pick any of several equal scores at the border; a run must not depend on
    how the vectors were cut into blocks.
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
    """The same of what comes best first already, only ties in any order."""
    rising, same = rows[1:] > rows[:-1], scores[1:] == scores[:-1]
    if bool((rising | ~same).all()):
        return rows[:k], scores[:k]
    return top(rows, scores, k)


TIE = 1e-5
"""Cosines this near are one: sums of float32 in another order."""


def recall(found: Scores, truth: Scores) -> float:
    """Share of the best `len(truth)` scores that `found` has; another row that is as good counts.

    Which of several equal texts an approximate search names first is no loss.
    """
    if not len(truth):
        return 1.0
    return min(len(truth), int((found >= truth.min() - TIE).sum())) / len(truth)


def merge(parts: Sequence[tuple[Rows, Scores]], k: int) -> tuple[Rows, Scores]:
    """The k best of several result lists over different rows."""
    import numpy as np

    if len(parts) == 1:
        return top(*parts[0], k)
    return top(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), k)


def distinct(parts: Sequence[Rows]) -> Rows:
    """All ids of the parts once, ascending, int64 (n,).

    numpy's own unique imports numpy.ma to ask whether any are masked: 17 ms, of a query's half second.
    """
    import numpy as np

    if not len(parts):
        return np.zeros(0, dtype=np.int64)
    ids = np.sort(np.concatenate(parts))
    keep = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=keep[1:])
    return ids[keep]


def places(rows: Rows, known: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Where in `known` (ascending) each row stands, int64 (n,), and whether it is there at all, bool (n,)."""
    import numpy as np

    if not len(known):
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    at = np.minimum(known.searchsorted(rows), len(known) - 1)
    return at, known[at] == rows
