"""Counterfactual estimates: how often would people have clicked, had answers been in another order?

Of a log whose hits are looked at by their rank alone, with probability P(rank) (the position-based model). A
click c on a document that stood on rank r, and stands on rank s in the other order:

    inverse propensity   V = mean over answers of  sum_d  w_d c_d,   w_d = P(s_d) / P(r_d), 0 if it has left
    self-normalised      N = sum w_d c_d / sum c_d / P(r_d):  how much of what was wanted is looked at
    doubly robust        V = mean of  sum_d P(s_d) m_d + w_d (c_d - P(r_d) m_d),   m_d an estimate of how
                         attractive d is for the query, from other answers

Joachims, Swaminathan and Schnabel 2017 (inverse propensities of clicks); Swaminathan and Joachims 2015, Yang
et al. 2018 (self-normalised); Dudik, Langford and Li 2011, Oosterhuis 2023 (doubly robust, for positions).
The first and the last estimate clicks an answer; all are right if P is, and what was never shown counts as
not wanted. Weights are clipped. Intervals are of a mean over groups of queries, which share documents:
Student's t over groups, the residuals of a ratio linearised, and the variance of the estimate under
propensities of resampled logs added. Where P was never told apart from what stands on the ranks, there is no
verdict: steep propensities make any other order look better.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qembed.feedback.propensity.estimate import Propensities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

FOLDS = 5
PRIOR = 1.0
"""Strength of the prior of attraction, in looks: the mean attraction counts as much as one look."""
FEWEST = 5
"""Groups of queries below which there is no interval."""
LEVEL = 0.95
TOLD = ("first", "swaps", "em")
"""Methods that tell a rank's propensity apart from the documents that stand there."""
LEAST_TOLD = 0.9
"""Share of the clicks that must be on ranks of such methods for a verdict."""


@dataclass(frozen=True, slots=True)
class ReorderedAnswer:
    """Answer of the log, and the same query's documents in the other order.

    `group`: of queries that want the same. `shown`, `other`: rank by document, from 1; `other` is as long as
    the answer was. `clicked`: documents of `shown`.
    """

    answer_id: str
    group: str
    shown: Mapping[str, int]
    other: Mapping[str, int]
    clicked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Value of both orders, and their difference with its interval; None for one of too few groups."""

    before: float
    after: float
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Estimates of another order. `ips`, `doubly_robust`: clicks an answer. `self_normalised`: from 0 to 1.

    `answers`, `groups`, `clicks`: what they are made of. `shown`: share of the other order's hits, each
    weighed by how much its rank is looked at, that the answer showed: of the rest nothing is known. `told`:
    share of the clicks on ranks whose propensity is told apart from the documents there.
    """

    answers: int
    groups: int
    clicks: int
    shown: float
    told: float
    ips: Estimate
    self_normalised: Estimate
    doubly_robust: Estimate

    @property
    def verdict(self) -> str:
        """ "better" or "worse" if the doubly robust interval says so, else "undecided"; "unknown" if P is."""
        if self.told < LEAST_TOLD:
            return "unknown"
        low, high = self.doubly_robust.low, self.doubly_robust.high
        if low is None or high is None or low <= 0 <= high:
            return "undecided"
        return "better" if low > 0 else "worse"

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return {**asdict(self), "verdict": self.verdict}


def estimate_order(
    answers: Sequence[ReorderedAnswer],
    propensities: Propensities,
    resampled: Sequence[Propensities] = (),
) -> Counterfactual | None:
    """Estimates of the other order from the answers; None without a click.

    `resampled`: propensities of other logs that there could have been, which widen the intervals.
    """
    clicks = sum(len(a.clicked) for a in answers)
    if not clicks:
        return None
    told = sum(
        propensities.method(rank) in TOLD
        for a in answers
        for d, rank in a.shown.items()
        if d in a.clicked
    )
    hits = _hits(answers)
    sums, known = _group_sums(hits, propensities)
    others = [_group_sums(hits, p)[0] for p in resampled]
    return Counterfactual(
        len(answers),
        len(sums),
        clicks,
        known,
        told / clicks,
        _ratio(sums, IPS, SIZE, others),
        _ratio(sums, IPS, INVERSE, others),
        _ratio(sums, ROBUST, SIZE, others),
    )


SIZE, CLICKS, IPS, INVERSE, ROBUST = range(5)
"""Columns of the sums of a group: answers, clicks, weighed clicks, inverse clicks, doubly robust."""


@dataclass(frozen=True, slots=True)
class _Hits:
    """Hits of all answers, shown or in the other order, one a row.

    `group`, `fold`, `code`: int64 (hits,), of the answer's group, its fold, and of the document under the
    group. `shown`, `other`: rank, 0 for none. `clicked`: bool. `answers`: of each group, float64 (groups,).
    """

    group: Ints
    fold: Ints
    code: Ints
    shown: Ints
    other: Ints
    clicked: npt.NDArray[np.bool_]
    answers: Floats


def _hits(answers: Sequence[ReorderedAnswer]) -> _Hits:
    import numpy as np

    groups: dict[str, int] = {}
    codes: dict[tuple[str, str], int] = {}
    rows: list[tuple[int, int, int, int, int, bool]] = []
    sizes: Counter[int] = Counter()
    for a in answers:
        g = groups.setdefault(a.group, len(groups))
        sizes[g] += 1
        name = a.answer_id.encode("utf-8", "surrogatepass")
        f = hashlib.blake2b(name).digest()[0] % FOLDS
        for d in dict.fromkeys((*a.shown, *a.other)):
            c = codes.setdefault((a.group, d), len(codes))
            rank = a.shown.get(d, 0)
            rows.append((g, f, c, rank, a.other.get(d, 0), d in a.clicked and rank > 0))
    group, fold, code, shown, other, clicked = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    return _Hits(
        group,
        fold,
        code,
        shown,
        other,
        clicked.astype(np.bool_),
        np.array([sizes[i] for i in range(len(groups))], dtype=np.float64),
    )


def _group_sums(hits: _Hits, propensities: Propensities) -> tuple[Floats, float]:
    """(sums of each group, float64 (groups, 5); share of the other order that was shown)."""
    import numpy as np

    deepest = int(max(hits.shown.max(initial=0), hits.other.max(initial=0)))
    look = np.array([0.0, *(propensities.look(rank) for rank in range(1, deepest + 1))])
    before, after, shown = look[hits.shown], look[hits.other], hits.shown > 0
    attraction = _attractions(hits, before)
    safe = np.where(shown, before, 1.0)
    weight = np.where(shown, np.minimum(propensities.clip, after / safe), 0.0)
    inverse = np.minimum(propensities.clip, 1 / safe)
    values = (
        hits.clicked,
        weight * hits.clicked,
        inverse * hits.clicked,
        after * attraction + weight * (hits.clicked - before * attraction),
    )
    n = len(hits.answers)
    parts = [np.bincount(hits.group, weights=v, minlength=n) for v in values]
    total = float(after.sum())
    known = float(after[shown].sum()) / total if total else 0.0
    return np.stack([hits.answers, *parts], axis=1), known


def _attractions(hits: _Hits, look: Floats) -> Floats:
    """Attraction of each hit's document for its query, from other folds' answers, float64 (hits,).

    Clicks over looks, with PRIOR looks of the mean attraction; 0 for a document that nobody was shown.
    `look`: propensity of the rank shown, 0 for none.
    """
    import numpy as np

    codes = int(hits.code.max(initial=-1)) + 1
    cell = hits.code * FOLDS + hits.fold

    def elsewhere(values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """(sum of each hit's document in other folds, sum of all documents there), of each hit."""
        table = np.bincount(cell, weights=values, minlength=codes * FOLDS).reshape(codes, FOLDS)
        by_document = table.sum(axis=1, keepdims=True) - table
        by_fold = table.sum() - table.sum(axis=0)
        return by_document[hits.code, hits.fold], by_fold[hits.fold]

    (looks, all_looks), (clicks, all_clicks) = elsewhere(look), elsewhere(hits.clicked)
    mean = np.divide(all_clicks, all_looks, out=np.zeros_like(looks), where=all_looks > 0)
    ever = np.bincount(hits.code, weights=look, minlength=codes)[hits.code] > 0
    return np.where(ever, (clicks + PRIOR * mean) / (looks + PRIOR), 0.0)


def _ratio(sums: Floats, value: int, unit: int, others: Sequence[Floats]) -> Estimate:
    """Ratios of clicks and of a value to a unit, over groups, and the interval of their difference.

    `value`, `unit`: columns. `others`: sums under resampled propensities.
    """
    before, after, size = sums[:, CLICKS], sums[:, value], sums[:, unit]
    whole = float(size.sum())
    was, now = float(before.sum()) / whole, float(after.sum()) / whole
    n = len(size)
    if n < FEWEST:
        return Estimate(was, now, now - was, None, None)
    from scipy.special import stdtrit

    residuals = (after - before) - (now - was) * size
    variance = n / (n - 1) * float((residuals**2).sum()) / whole**2
    if len(others) > 1:
        found = [float((s[:, value] - s[:, CLICKS]).sum() / s[:, unit].sum()) for s in others]
        mean = sum(found) / len(found)
        variance += sum((x - mean) ** 2 for x in found) / (len(found) - 1)
    error = math.sqrt(variance)
    margin = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * error
    return Estimate(was, now, now - was, now - was - margin, now - was + margin)
