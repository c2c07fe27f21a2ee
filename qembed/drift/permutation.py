"""Permutation tests of two samples, with documents as units, and the correction for several of them.

Under the null hypothesis the documents of both samples come from one distribution, so that their labels
"old" and "new" may be exchanged. Passages of a document resemble one another: whole documents change sides,
never single passages. p is (b + 1) / (n + 1) for b of n permutations at least as extreme as what was
observed (Phipson and Smyth 2010), so that a test alarms in at most alpha of all cases, whatever the
distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.float32]
    """float32 (n, units): 1 for the units that are new in a permutation, 0 for the others."""
    Values = npt.NDArray[np.float64]
    """float64 (n,): a statistic for each permutation."""
    Statistic = Callable[[Labels], Values]

PERMUTATIONS = 999
SEED = 20_261_129


class TestResult(NamedTuple):
    """Result of a permutation test. `critical`: what the statistic exceeds in 5 % of the permutations."""

    observed: float
    p: float
    critical: float


TestResult.__test__ = False  # type: ignore[attr-defined]  # no class of tests, for pytest


def permuted_labels(
    old: int, new: int, permutations: int = PERMUTATIONS, seed: int = SEED
) -> Labels:
    """Labels of `old` + `new` units: the observed ones in the first row, then random permutations of them."""
    import numpy as np

    n = old + new
    rng = np.random.default_rng(seed)
    labels = np.zeros((permutations + 1, n), dtype=np.float32)
    labels[0, old:] = 1
    for row in labels[1:]:
        row[rng.choice(n, new, replace=False, shuffle=False)] = 1
    return labels


def permutation_test(statistic: Statistic, labels: Labels) -> TestResult:
    """Test whether the first row of labels has a larger statistic than the others; one-sided."""
    import numpy as np

    values = statistic(labels)
    observed = float(values[0])
    # sums of the same numbers in another order differ in their last bits
    tolerance = 1e-6 * max(abs(observed), float(np.abs(values).max()), 1e-12)
    beyond = int((values[1:] >= observed - tolerance).sum())
    critical = float(np.quantile(values[1:], 0.95, method="higher"))
    return TestResult(observed, (beyond + 1) / len(values), critical)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values of several tests (Holm 1979): alarms at alpha keep the chance of any false one."""
    found: dict[str, float] = {}
    least = 0.0
    for rank, (name, value) in enumerate(sorted(p.items(), key=lambda x: x[1])):
        least = min(1.0, max(least, (len(p) - rank) * value))
        found[name] = least
    return found
