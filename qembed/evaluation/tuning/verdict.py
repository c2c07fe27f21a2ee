"""Verdict on held-out gains: mean, interval and p.

Queries of one component are not independent, so the randomisation test flips the signs of whole components.
Where the p of a test that makes the choice anew is known, the larger of both counts, and the interval is
widened as for several comparisons: 0 is outside of it exactly if that p is at most .05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.evaluation.measure_names import highest
from qembed.evaluation.paired_test import PairedTest
from qembed.evaluation.significance import ALPHA, TIE_TOLERANCE
from qembed.evaluation.tuning.selection_test import LEAST_P

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """Mean gain over `queries` in `components`, its 95 % interval, and the two-sided p."""

    mean: float
    low: float
    high: float
    p: float
    queries: int
    components: int

    def beyond_chance(self, alpha: float = ALPHA) -> bool:
        """Return True if it is a gain, and significant."""
        return self.mean > 0 and self.p <= alpha

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return {
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "queries": self.queries,
            "components": self.components,
        }


def judge(
    measure: str,
    gains: Values,
    components: Sequence[Sequence[int]],
    selection_p: float = 0.0,
    most: float | None = None,
) -> Gain | None:
    """Judge gains, float64 (n,), NaN for queries to leave out; None if all are.

    `most`: the largest gain there can be, by default the highest value of the measure.

    `components`: positions of the queries that belong together; each query is in one. `selection_p`: p of
    `selection_test`, at least what its number of patterns can tell; 0 where nothing was chosen.
    """
    import numpy as np

    kept = [[i for i in members if not np.isnan(gains[i])] for members in components]
    kept = [members for members in kept if members]
    if not kept:
        return None
    clean = np.where(np.abs(gains) <= TIE_TOLERANCE, 0.0, gains)
    sums = np.array([clean[members].sum() for members in kept])
    sizes = np.array([len(members) for members in kept], dtype=np.int64)
    test = PairedTest(sums, highest(measure) if most is None else most, sizes=sizes)
    p = max(test.p, selection_p)
    low, high = test.interval(_level(test.p, p))
    return Gain(float(sums.sum() / sizes.sum()), low, high, p, int(sizes.sum()), len(kept))


def _level(plain: float, p: float) -> float:
    """Level of the interval whose test rejects at `plain` exactly if `p` is at most ALPHA."""
    if p <= ALPHA:  # a smaller p than so many patterns can give says nothing of the interval
        plain = max(plain, min(p, LEAST_P))
    return 1 - ALPHA * plain / p
