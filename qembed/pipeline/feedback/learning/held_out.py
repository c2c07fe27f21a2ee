"""Judgment of a learned order by what it has not seen: later answers to other queries.

    value(order) = sum_d g(d) / log2(1 + rank(d))       g(d) = sum_x w(d over x) - w(x over d)

That is DCG (Järvelin and Kekäläinen 2002) with the net weight of later preferences as gain: where clicks are
corrected for position, its expectation has the relevance of documents as gain (Joachims, Swaminathan and
Schnabel 2017), so that the ranks count that are looked at. Values are told as shares of the best possible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.evaluation.tuning.verdict import Gain, judge
from qembed.feedback.preferences import Preference
from qembed.pipeline.feedback.learning.fit import FOLDS, fit_pairs
from qembed.pipeline.feedback.learning.pairs import (
    POPULAR,
    LogPart,
    QueryFeatures,
    Reading,
    make_pairs,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

TRAINING_SHARE = 0.6
"""Share of the log, by time, that is learned of for the judgment; what comes later judges."""
FEWEST = 20
"""Fewest queries that can judge: with fewer, no gain of a usual size is beyond chance."""
MEASURE = "nDCG"
"""Name of the measure. Gains have no bound: values are told in shares of the mean of the best possible."""


@dataclass(frozen=True, slots=True)
class LaterGain:
    """Value of later preferences under two orders, as shares of the best possible. `gain`: after - before."""

    before: float
    after: float
    gain: Gain
    preferences: int

    def to_json(self) -> dict[str, Any]:
        """JSON object."""
        return {
            "before": round(self.before, 4),
            "after": round(self.after, 4),
            "preferences": self.preferences,
            **{n: round(v, 5) for n, v in self.gain.to_json().items()},
        }


class OrderValues(NamedTuple):
    """Values of one query's orders, and of the best one."""

    before: float
    after: float
    best: float


def judge_later(
    log: LogPart,
    reading: Reading,
    known: Mapping[str, QueryFeatures],
    folds: Mapping[str, int],
    components: Sequence[Sequence[str]],
) -> dict[str, LaterGain]:
    """Gains by later preferences: of queries as if they were `new`, and with what is `known` of them.

    For each fold of query groups the weights are fitted to earlier preferences of the other folds. `known`
    adds the popularity of documents in the query's own earlier answers. Without FEWEST queries it is empty.
    """
    early, late = log.divide(TRAINING_SHARE)
    later: dict[str, list[Preference]] = defaultdict(list)
    for p in reading.preferences(late):
        later[p.group].append(p)
    training = reading.training(early)
    popular = reading.popularity(early)
    values: dict[str, dict[str, OrderValues]] = {"new": {}, "known": {}}
    for fold in range(FOLDS):
        rest = [([p for p in ps if folds.get(p.group) != fold], pop) for ps, pop in training]
        fitted = fit_pairs(make_pairs(rest, known), folds)
        if fitted is None:
            continue
        for group, preferences in later.items():
            if folds.get(group) != fold or group not in known:
                continue
            for name, of in (("new", {}), ("known", popular.get(group))):
                if of is not None:
                    found = order_values(preferences, known[group], of, fitted.weights)
                    if found.best > 0:
                        values[name][group] = found
    return {
        name: _gain(by_group, components, sum(len(later[g]) for g in by_group))
        for name, by_group in values.items()
        if len(by_group) >= FEWEST
    }


def order_values(
    preferences: Sequence[Preference],
    query: QueryFeatures,
    popular: Mapping[str, float],
    weights: Values,
) -> OrderValues:
    """Values of the order before, of that by `weights`, and of the best, among the documents preferred on."""
    import numpy as np

    net: dict[int, float] = defaultdict(float)
    names: dict[int, str] = {}
    for p in preferences:
        a, b = query.documents.get(p.preferred), query.documents.get(p.rejected)
        if a is not None and b is not None:
            net[a] += p.weight
            net[b] -= p.weight
            names[a], names[b] = p.preferred, p.rejected
    at = sorted(net)
    if not at:
        return OrderValues(0.0, 0.0, 0.0)
    gains = np.array([net[i] for i in at])
    features = query.features[at].copy()
    features[:, POPULAR] = [popular.get(names[i], 0.0) for i in at]
    discounts = 1 / np.log2(np.arange(len(at)) + 2)
    by_weights = np.argsort(-np.round(features @ weights, 9), kind="stable")
    return OrderValues(
        float(gains @ discounts),
        float(gains[by_weights] @ discounts),
        float(np.sort(gains)[::-1] @ discounts),
    )


def _gain(
    values: Mapping[str, OrderValues], components: Sequence[Sequence[str]], preferences: int
) -> LaterGain:
    import numpy as np

    names = list(values)
    table = np.array([values[name] for name in names])
    # shares of each query's own best would undo the correction for position: one click far below, with a
    # large weight, would count no more than one on the first hit
    table /= table[:, 2].mean()
    gains = table[:, 1] - table[:, 0]
    gain = judge(MEASURE, gains, positions(components, names), most=np.inf)
    assert gain is not None
    return LaterGain(float(table[:, 0].mean()), float(table[:, 1].mean()), gain, preferences)


def positions(components: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[int]]:
    """Components as positions in `names`; names of none are one each."""
    at = {name: i for i, name in enumerate(names)}
    found = [[at.pop(n) for n in members if n in at] for members in components]
    return [members for members in found if members] + [[i] for i in at.values()]
