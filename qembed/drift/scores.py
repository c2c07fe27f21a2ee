"""Best scores of queries: whether people ask more often for what the index does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import PERMUTATIONS, TestResult, permutation_test, permuted_labels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values

    Best = npt.NDArray[np.float64]

LOW = 0.05
"""Quantile of earlier best scores below which a query counts as one that finds nothing."""
TAIL = 0.25


class ScoresFound(NamedTuple):
    """Queries below the LOW quantile. `effect`: their share, less LOW; `limit`: the quantile.

    `low`: numbers of the later queries below it, the worst first.
    """

    effect: float
    share: float
    limit: float
    low: list[int]
    test: TestResult


def low_scores(old: Best, new: Best, permutations: int = PERMUTATIONS) -> ScoresFound:
    """Compare the best scores of later queries with those of earlier ones. Each is float64 (queries,).

    The test's statistic is the mean of how far scores lie below the TAIL quantile of all of them.
    """
    import numpy as np

    both = np.concatenate([old, new])
    short = np.maximum(np.quantile(both, TAIL) - both, 0).astype(np.float32)
    total = float(short.sum())

    def shortfalls(labels: Labels) -> Values:
        inside = labels @ short
        return np.asarray(inside / len(new) - (total - inside) / len(old), dtype=np.float64)

    test = permutation_test(shortfalls, permuted_labels(len(old), len(new), permutations))
    limit = float(np.quantile(old, LOW))
    low = [int(i) for i in np.argsort(new, kind="stable") if new[i] < limit]
    share = len(low) / len(new)
    return ScoresFound(max(0.0, share - LOW), share, limit, low, test)
