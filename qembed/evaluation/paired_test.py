"""Paired randomisation test of a difference, and the interval that inverts it.

The test (Fisher 1935; for retrieval Smucker, Allan and Carterette 2007) is two-sided. Under the null
hypothesis the two systems' values of a query may be swapped, which flips the sign of their difference. All
2^n sign patterns are counted where that is feasible, else a fixed number of random ones, the observed one
among them (Phipson and Smyth 2010).

The interval holds every mean difference that the same test, on the same patterns, does not reject. So
interval and p agree: 0 is outside exactly if p is at most 1 - level. The interval supposes that differences
are symmetric around their mean. Where they are not, it covers the truth about as often as a bootstrap's, as
tests/evaluation/test_paired_test.py simulates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

LEVEL = 0.95
SEED = 20_261_121
MAX_SIGN_PATTERNS = 20_000
"""Sign patterns: all if they are no more, else so many random ones (at p .05 within .003 of the
exact value, two standard errors)."""


def randomisation_test(
    differences: Sequence[float] | Values, patterns: int = MAX_SIGN_PATTERNS
) -> float:
    """Two-sided p of a mean difference: the share of sign patterns at least as far from 0."""
    return PairedTest(differences, patterns=patterns).p


class PairedTest:
    """Randomisation test of a mean difference over queries, and the interval of that test.

    `p`: two-sided, the share of sign patterns whose sum is at least as far from 0 as the observed one.
    `span`: the largest difference there can be, which ends an interval that too few queries leave open.

    A sign pattern divides the queries into two sets. It is at least as far from a supposed mean t as what was
    observed if and only if t lies between the means of the two sets (for an empty one, beyond the other's on
    either side). So the interval's ends are quantiles of the larger and of the smaller of the two means.
    Queries without a difference matter there by their number alone, which is drawn at random.

    `sizes`: where each difference is the sum of a cluster of queries, their number, int64 (n,). Signs are
    then flipped by cluster, and means are over queries.
    """

    def __init__(
        self,
        differences: Sequence[float] | Values,
        span: float = math.inf,
        patterns: int = MAX_SIGN_PATTERNS,
        sizes: Counts | None = None,
    ) -> None:
        import numpy as np

        d = np.asarray(differences, dtype=np.float64)
        of = np.ones(len(d), dtype=np.int64) if sizes is None else np.asarray(sizes, dtype=np.int64)
        self._span = span
        self._mean = float(d.sum() / of.sum()) if len(d) else 0.0
        self._clusters = len(d)
        differs = d != 0.0  # the sign of 0 changes no sum
        nonzero = d[differs]
        self._same = not len(nonzero)
        self.p = 1.0
        if self._same:
            return
        rng = np.random.default_rng(SEED)
        total = float(nonzero.sum())
        sums, counts = _sign_patterns(nonzero, of[differs], patterns, rng)
        # sums of the same numbers in another order differ in their last bits
        reach = abs(total) * (1 - 1e-12) - 1e-15
        self.p = float((np.abs(2 * sums - total) >= reach).mean())
        counts = counts + _drawn_queries(of[~differs], len(counts), rng)
        queries = int(of.sum())
        if len(sums) > patterns:  # the observed pattern, which is the last, has all queries in A
            counts[-1] = queries
        tiny = 1e-12 * float(np.abs(nonzero).sum())
        halves = []
        for part, size in ((sums, counts), (total - sums, queries - counts)):
            part = np.where(np.abs(part) <= tiny, 0.0, part)
            with np.errstate(divide="ignore", invalid="ignore"):
                halves.append(np.where(size > 0, part / size, math.nan))
        self._upper = np.sort(np.nan_to_num(np.maximum(*halves), nan=math.inf))
        self._lower = np.sort(np.nan_to_num(np.minimum(*halves), nan=-math.inf))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return (low, high): the means that the test does not reject at 1 - level."""
        if self._same:
            if 0 < self._clusters < least_queries(1 - level):
                return -self._span, self._span
            return self._mean, self._mean
        # the largest number of patterns beyond a mean that is still rejected
        beyond = math.floor((1 - level) * len(self._upper) + 1e-9)
        low, high = float(self._lower[beyond]), float(self._upper[-1 - beyond])
        return max(low, -self._span), min(high, self._span)


def least_queries(alpha: float) -> int:
    """Fewest queries of which any differences can be significant: two of 2^n patterns are as far from 0."""
    return 1 + math.ceil(-math.log2(alpha) - 1e-9)


def _drawn_queries(sizes: Counts, patterns: int, rng: np.random.Generator) -> Counts:
    """Number of queries of the clusters without a difference that have a plus, int64 (patterns,)."""
    import numpy as np

    drawn = np.zeros(patterns, dtype=np.int64)
    for size, clusters in zip(*np.unique(sizes, return_counts=True), strict=True):
        drawn += size * rng.binomial(clusters, 0.5, patterns)
    return drawn


def _sign_patterns(
    d: Values, sizes: Counts, patterns: int, rng: np.random.Generator
) -> tuple[Values, Counts]:
    """Return (sum of the values with a plus, number of their queries) of each sign pattern.

    All 2^n patterns, repeated up to about `patterns`; where they are more, so many random ones and the
    observed one as the last.
    """
    import numpy as np

    if 2 ** min(len(d), 63) <= patterns:
        sums, counts = np.zeros(1), np.zeros(1, dtype=np.int64)
        for value, size in zip(d, sizes, strict=True):
            sums = np.concatenate([sums + value, sums])
            counts = np.concatenate([counts + size, counts])
        times = patterns // len(sums)
        return np.tile(sums, times), np.tile(counts, times)
    parts = []
    for at in range(0, patterns, step := max(1, (1 << 22) // len(d))):
        bits = rng.integers(0, 2, size=(min(step, patterns - at), len(d)), dtype=np.int8)
        parts.append((bits @ d, bits @ sizes))
    parts.append((np.array([d.sum()]), np.array([sizes.sum()])))
    return np.concatenate([x for x, _ in parts]), np.concatenate([n for _, n in parts])
