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
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qembed.feedback.propensity.estimate import Propensities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

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
    sums, known = _group_sums(answers, propensities)
    others = [_group_sums(answers, p)[0] for p in resampled]
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


def _group_sums(
    answers: Sequence[ReorderedAnswer], propensities: Propensities
) -> tuple[Floats, float]:
    """(sums of each group, float64 (groups, 5); share of the other order that was shown)."""
    import numpy as np

    look, clip = propensities.look, propensities.clip
    attraction = _attractions(answers, propensities)
    groups = {name: i for i, name in enumerate(dict.fromkeys(a.group for a in answers))}
    sums = np.zeros((len(groups), 5))
    known = total = 0.0
    for n, a in enumerate(answers):
        ips = inverse = robust = 0.0
        of_answer = attraction[n]
        for d, rank in a.other.items():
            total += look(rank)
            known += look(rank) * (d in a.shown)
            robust += look(rank) * of_answer.get(d, 0.0)
        for d, rank in a.shown.items():
            weight = min(clip, look(a.other[d]) / look(rank)) if d in a.other else 0.0
            click = d in a.clicked
            ips += weight * click
            inverse += min(clip, 1 / look(rank)) * click
            robust += weight * (click - look(rank) * of_answer[d])
        sums[groups[a.group]] += 1, len(a.clicked), ips, inverse, robust
    return sums, known / total if total else 0.0


def _attractions(
    answers: Sequence[ReorderedAnswer], propensities: Propensities
) -> list[dict[str, float]]:
    """Attraction of documents for each answer's query, estimated from the other folds' answers.

    Clicks over looks, with PRIOR looks of the mean attraction; documents that only this answer showed have
    the mean, others that nobody was shown are not there.
    """
    folds = [
        hashlib.blake2b(a.answer_id.encode("utf-8", "surrogatepass")).digest()[0] % FOLDS
        for a in answers
    ]
    looks: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * FOLDS)
    clicks: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * FOLDS)
    documents: dict[str, dict[str, None]] = defaultdict(dict)
    totals = [[0.0, 0.0] for _ in range(FOLDS)]
    for a, fold in zip(answers, folds, strict=True):
        for d, rank in a.shown.items():
            documents[a.group][d] = None
            looks[a.group, d][fold] += propensities.look(rank)
            clicks[a.group, d][fold] += d in a.clicked
            totals[fold][0] += propensities.look(rank)
            totals[fold][1] += d in a.clicked
    all_looks, all_clicks = (sum(t[i] for t in totals) for i in (0, 1))
    made: dict[tuple[str, int], dict[str, float]] = {}
    found = []
    for a, fold in zip(answers, folds, strict=True):
        if (a.group, fold) not in made:
            left = all_looks - totals[fold][0]
            mean = (all_clicks - totals[fold][1]) / left if left > 0 else 0.0
            made[a.group, fold] = {
                d: (_without(clicks[a.group, d], fold) + PRIOR * mean)
                / (_without(looks[a.group, d], fold) + PRIOR)
                for d in documents[a.group]
            }
        found.append(made[a.group, fold])
    return found


def _without(values: Sequence[float], fold: int) -> float:
    return sum(v for i, v in enumerate(values) if i != fold)


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
