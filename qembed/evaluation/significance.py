"""Significance of differences: paired tests and intervals over queries.

All functions take one value a query and are deterministic. The paired test, with the interval of a
difference, is in `paired_test`.

- `bootstrap_interval`: bias-corrected and accelerated bootstrap (Efron 1987) of one system's mean.
- `effect_size`: mean difference over its standard deviation (Cohen's d for pairs).
- `holm_correction`: Holm's step-down correction (1979) for several comparisons made at once.
- `holm_corrected` widens each interval as that correction widens p: its level is 1 - .05 p / p_holm. So it
  excludes 0 exactly if p_holm is at most .05. Of several comparisons without any difference, the chance that
  one interval excludes 0 is at most 5 %; each interval covers its true difference at least 95 % of the time.
  (All of them together may cover less often: only the widest one has Bonferroni's level.)
- `required_queries`: how many queries a paired test wants for seeing a difference of this size 4 times in 5.

A p above alpha means that two systems cannot be told apart, not that they are equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from qembed.evaluation.measure_names import highest, is_count
from qembed.evaluation.paired_test import LEVEL, SEED, PairedTest, least_queries

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
RESAMPLES = 4_000
"""Bootstrap samples: the ends of an interval vary by about a fortieth of its width."""
CACHED_DRAWS = 4_000_000
"""Draws cached for the next measure: 32 MB."""
TIE_TOLERANCE = 1e-9
"""Values closer than this are a tie: two machines may differ in the last bits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two systems over the same queries; `difference` is after minus before.

    `before`, `after`, `difference` and the intervals are means over the queries, of counts sums.
    `low`, `high`: 95 % interval of the difference. `p`: of the randomisation test. `low_holm`, `high_holm`,
    `p_holm`: the same, corrected for the comparisons made together (see `holm_corrected`); `level_holm`:
    level of that interval. `effect`: None if every query differs by the same amount. `needed`: queries that
    would show this difference, None without a difference.
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
    low_holm: float
    high_holm: float
    level_holm: float = LEVEL
    test: PairedTest | None = field(default=None, repr=False, compare=False)

    def significant(self, alpha: float = ALPHA) -> bool:
        """Return True if the difference is significant after the correction."""
        return self.p_holm <= alpha

    def interval(self, alpha: float = ALPHA) -> tuple[float, float]:
        """Corrected interval (low, high) that leaves out 0 exactly if `significant(alpha)`.

        Of a difference that came without its values, the one of ALPHA.
        """
        if self.test is None or alpha == ALPHA:
            return self.low_holm, self.high_holm
        return self.test.interval(1 - alpha * (self.p / self.p_holm))

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
            "low_holm": self.low_holm,
            "high_holm": self.high_holm,
            "level_holm": self.level_holm,
        }


def compare(measure: str, before: Sequence[float], after: Sequence[float]) -> Difference:
    """Compare two systems' values, query by query. Raises ValueError for unequal lengths and for none."""
    import numpy as np

    a, b = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if a.shape != b.shape or not len(a):
        raise ValueError("paired values are wanted, one of each a query")
    d = b - a
    d[np.abs(d) <= TIE_TOLERANCE] = 0.0
    # of a count, which is summed, everything but p and `effect` is of the sum
    each = len(a) if is_count(measure) else 1
    test = PairedTest(d * each, _span(measure, a, b) * each)
    low, high, p = *test.interval(), test.p
    return Difference(
        measure=measure,
        before=each * math.fsum(a) / len(a),
        after=each * math.fsum(b) / len(b),
        difference=each * math.fsum(d) / len(d),
        low=low,
        high=high,
        p=p,
        p_holm=p,
        effect=effect_size(d),
        better=int((d > 0).sum()),
        worse=int((d < 0).sum()),
        same=int((d == 0).sum()),
        needed=required_queries(d),
        low_holm=low,
        high_holm=high,
        test=test,
    )


def _span(measure: str, *values: Values) -> float:
    """Return the largest difference that a measure can have; of counts, that the values seen can have."""
    bound = highest(measure)
    return bound if math.isfinite(bound) else max(float(abs(v).max()) for v in values)


def holm_corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Correct p and interval of each for all differences together: `p_holm`, `low_holm`, `high_holm`."""
    from dataclasses import replace

    found = []
    for d, p in zip(differences, holm_correction([d.p for d in differences]), strict=True):
        low, high, level = d.low, d.high, LEVEL
        if p > d.p and d.test is not None:
            level = 1 - (1 - LEVEL) * d.p / p
            low, high = d.test.interval(level)
        found.append(replace(d, p_holm=p, low_holm=low, high_holm=high, level_holm=level))
    return found


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

    By the normal approximation ((z(1 - alpha/2) + z(power)) / effect)², at least as many as can show any
    difference, six at .05; None without a difference.
    """
    size, least = effect_size(differences), least_queries(alpha)
    if size is None:
        return least
    if abs(size) < 1e-6:
        return None
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return max(least, math.ceil((z / size) ** 2))


def holm_correction(ps: Sequence[float]) -> list[float]:
    """Correct p values by Holm's step-down method; in the order given."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    found = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, ps[i] * (len(ps) - rank)))
        found[i] = highest
    return found
