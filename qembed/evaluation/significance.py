"""Significance of differences: paired tests and intervals over queries.

All functions take one value a query and are deterministic.

- `randomisation_test`: paired randomisation test (Fisher 1935; for retrieval Smucker, Allan and Carterette
  2007), two-sided. Under the null hypothesis the two systems' values of a query may be swapped, which
  flips the sign of their difference. All 2^n sign patterns are counted where that is feasible, else a
  fixed number of random ones, the observed one among them (Phipson and Smyth 2010).
- `bootstrap_interval`: bias-corrected and accelerated bootstrap (Efron 1987) of a mean over queries.
- `effect_size`: mean difference over its standard deviation (Cohen's d for pairs).
- `holm_correction`: Holm's step-down correction (1979) for several comparisons made at once.
- `required_queries`: how many queries a paired test wants for seeing a difference of this size 4 times in 5.

A p above alpha means that two systems cannot be told apart, not that they are equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

ALPHA = 0.05
LEVEL = 0.95
POWER = 0.8
MAX_SIGN_PATTERNS = 20_000
"""Sign patterns: all if they are no more, else so many random ones (at p .05 within .003 of the
exact value, two standard errors)."""
RESAMPLES = 4_000
"""Bootstrap samples: the ends of an interval vary by about a fortieth of its width."""
CACHED_DRAWS = 4_000_000
"""Draws cached for the next measure: 32 MB."""
SEED = 20_261_121
TIE_TOLERANCE = 1e-9
"""Values closer than this are a tie: two machines may differ in the last bits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two systems over the same queries; `difference` is after minus before.

    `low`, `high`: interval of the difference. `p`: of the randomisation test; `p_holm`: corrected for the
    comparisons made together. `effect`: None if every query differs by the same amount. `needed`: queries
    that would show this difference, None without a difference.
    """

    measure: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    effect: float | None
    better: int
    worse: int
    same: int
    needed: int | None

    def significant(self, alpha: float = ALPHA) -> bool:
        """Return True if the difference is significant after the correction."""
        return self.p_holm <= alpha

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields, under the names that reports use."""
        return {
            "measure": self.measure,
            "baseline": self.before,
            "got": self.after,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "level": LEVEL,
            "p": self.p,
            "p_holm": self.p_holm,
            "effect": self.effect,
            "better": self.better,
            "worse": self.worse,
            "same": self.same,
            "needed": self.needed,
        }


def compare(measure: str, before: Sequence[float], after: Sequence[float]) -> Difference:
    """Compare two systems' values, query by query. Raises ValueError for unequal lengths and for none."""
    import numpy as np

    a, b = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if a.shape != b.shape or not len(a):
        raise ValueError("paired values are wanted, one of each a query")
    d = b - a
    d[np.abs(d) <= TIE_TOLERANCE] = 0.0
    low, high = bootstrap_interval(d)
    p = randomisation_test(d)
    return Difference(
        measure=measure,
        before=math.fsum(a) / len(a),
        after=math.fsum(b) / len(b),
        difference=math.fsum(d) / len(d),
        low=low,
        high=high,
        p=p,
        p_holm=p,
        effect=effect_size(d),
        better=int((d > 0).sum()),
        worse=int((d < 0).sum()),
        same=int((d == 0).sum()),
        needed=required_queries(d),
    )


def holm_corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Correct `p_holm` for all differences together."""
    from dataclasses import replace

    ps = holm_correction([d.p for d in differences])
    return [replace(d, p_holm=p) for d, p in zip(differences, ps, strict=True)]


def randomisation_test(
    differences: Sequence[float] | Values, patterns: int = MAX_SIGN_PATTERNS
) -> float:
    """Two-sided p of a mean difference: the share of sign patterns at least as far from 0."""
    import numpy as np

    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0.0]  # the sign of 0 changes nothing
    if not len(d):
        return 1.0
    observed = abs(float(d.sum()))
    # sums of the same numbers in another order differ in their last bits
    reach = observed * (1 - 1e-12) - 1e-15
    if 2 ** min(len(d), 63) <= patterns:
        sums = np.zeros(1)
        for value in np.abs(d):
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= reach).mean())
    rng = np.random.default_rng(SEED)
    beyond, done = 0, 0
    while done < patterns:
        many = min(patterns - done, max(1, (1 << 22) // len(d)))
        # sum over i of s_i d_i with s = 2 bits - 1
        bits = rng.integers(0, 2, size=(many, len(d)), dtype=np.int8)
        sums = 2.0 * (bits @ d) - d.sum()
        beyond += int((np.abs(sums) >= reach).sum())
        done += many
    return (beyond + 1) / (patterns + 1)


def bootstrap_interval(
    values: Sequence[float] | Values, level: float = LEVEL, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Confidence interval of the mean over queries (low, high); (mean, mean) for one query."""
    import numpy as np

    v = np.asarray(values, dtype=np.float64)
    mean = float(v.mean())
    centred = v - mean
    square = float((centred**2).sum())
    if len(v) < 2 or square < 1e-18:
        return mean, mean
    means = np.sort(_means(v, resamples))
    normal = NormalDist()
    below = (np.searchsorted(means, mean, "left") + np.searchsorted(means, mean, "right")) / 2
    bias = normal.inv_cdf(min(max(below / resamples, 0.5 / resamples), 1 - 0.5 / resamples))
    # the jackknife's acceleration; for a mean, leaving out query i moves it by -centred_i / (n - 1)
    acceleration = float((centred**3).sum()) / (6 * square**1.5)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + normal.inv_cdf(tail)
        share = normal.cdf(bias + z / (1 - acceleration * z))
        ends.append(float(np.quantile(means, share)))
    return ends[0], ends[1]


def _means(v: Values, resamples: int) -> Values:
    """Means of bootstrap samples, float64 (resamples,)."""
    import numpy as np

    n = len(v)
    if n * resamples <= CACHED_DRAWS:
        return np.asarray(_counts(n, resamples) @ v / n)
    rng = np.random.default_rng(SEED)
    step = max(1, CACHED_DRAWS // n)
    parts = [min(step, resamples - at) for at in range(0, resamples, step)]
    return np.concatenate([v[rng.integers(0, n, size=(many, n))].mean(axis=1) for many in parts])


@lru_cache(maxsize=1)
def _counts(n: int, resamples: int) -> Values:
    """Counts of each query in bootstrap samples, float64 (resamples, n), shared by a report's measures."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, n, size=(resamples, n), dtype=np.int64)
    drawn += np.arange(resamples)[:, None] * n
    counts = np.bincount(drawn.ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).astype(np.float64)


def effect_size(differences: Sequence[float] | Values) -> float | None:
    """Mean over standard deviation; 0 if nothing differs, None if all differ by the same amount."""
    import numpy as np

    d = np.asarray(differences, dtype=np.float64)
    mean = float(d.mean())
    spread = float(d.std(ddof=1)) if len(d) > 1 else 0.0
    if spread < 1e-12:
        return 0.0 if abs(mean) < 1e-12 else None
    return mean / spread


def required_queries(
    differences: Sequence[float] | Values, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Number of queries for which a two-sided paired test shows a difference of this size.

    By the normal approximation ((z(1 - alpha/2) + z(power)) / effect)², at least 2; None without a
    difference.
    """
    size = effect_size(differences)
    if size is None:
        return 2
    if abs(size) < 1e-6:
        return None
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return max(2, math.ceil((z / size) ** 2))


def holm_correction(ps: Sequence[float]) -> list[float]:
    """Correct p values by Holm's step-down method; in the order given."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    found = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, ps[i] * (len(ps) - rank)))
        found[i] = highest
    return found
