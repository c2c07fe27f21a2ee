"""Estimate of propensities: the best source for each rank, and weights of clicks by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from qembed.feedback.propensity.click_log import ClickLog
from qembed.feedback.propensity.position_model import fit_position_model
from qembed.feedback.propensity.swaps import swap_ratios

Method = Literal["first", "swaps", "em", "click rate", "assumed"]
"""Source of one rank's propensity."""

CLIP = 10.0
"""Largest weight of a click: a few clicks far below would outweigh all others."""
FEWEST = 10
"""Clicks on a rank and on the one before, below which its propensity is not estimated."""


@dataclass(frozen=True, slots=True)
class Propensities:
    """Probability that a hit is looked at, by rank from 1, relative to the rank looked at most.

    `methods`: source of each. `clip`: largest weight. `answers`, `clicks`: what they were estimated from.
    """

    values: tuple[float, ...]
    methods: tuple[Method, ...]
    answers: int = 0
    clicks: int = 0
    clip: float = CLIP

    def weight(self, rank: int) -> float:
        """Inverse propensity of a rank, at most `clip`; of ranks below all others, that of the last."""
        value = self.look(rank)
        return min(self.clip, 1 / value) if value > 0 else self.clip

    def look(self, rank: int) -> float:
        """Propensity of a rank; of ranks below all others, that of the last. 1 if none is known."""
        return self.values[min(rank, len(self.values)) - 1] if self.values else 1.0

    def method(self, rank: int) -> Method:
        """Source of a rank's propensity; of ranks below all others, that of the last."""
        return self.methods[min(rank, len(self.methods)) - 1] if self.methods else "assumed"

    def to_json(self) -> dict[str, Any]:
        """JSON object: one entry a rank."""
        return {
            "answers": self.answers,
            "clicks": self.clicks,
            "clip": self.clip,
            "ranks": [
                {"rank": i, "propensity": round(value, 4), "method": method}
                for i, (value, method) in enumerate(zip(self.values, self.methods, strict=True), 1)
            ],
        }


def resampled_propensities(log: ClickLog, count: int, seed: int = 0) -> list[Propensities]:
    """Propensities of `count` logs whose query groups are drawn with replacement from this one's.

    How they vary tells how well they are known (the bootstrap over clusters).
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    of_group = [np.flatnonzero(log.groups == g) for g in np.unique(log.groups)]
    found = []
    for _ in range(count):
        drawn = rng.choice(len(of_group), len(of_group)).tolist() if of_group else []
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(of_group[i] for i in drawn)])
        part = ClickLog(
            log.documents[rows],
            log.clicks[rows],
            log.swapped[rows],
            log.exploring[rows],
            log.groups[rows],
        )
        found.append(estimate_propensities(part))
    return found


def estimate_propensities(log: ClickLog, clip: float = CLIP) -> Propensities:
    """Propensities of the ranks of a click log.

    Rank by rank: from exchanged neighbours as far as there are enough of them; else from the position-based
    model, where documents were shown on several ranks; else from the click rate. The last says nothing about
    ranks: it takes the mean document of each rank for equally good, so that only documents that are clicked
    more than others of their rank are preferred. Where there are hardly any clicks, the propensity is assumed
    to fall as 1 / rank does.
    """
    if not log.ranks:
        return Propensities((), (), 0, 0, clip)
    ratios = swap_ratios(log)
    exchanged = len(ratios) >= log.ranks - 1
    model = [] if exchanged else fit_position_model(log).propensities.tolist()
    rates = log.click_rates().tolist()
    clicks = log.clicks.sum(axis=0).tolist()
    values: list[float] = [1.0]
    methods: list[Method] = ["first"]
    for i in range(1, log.ranks):
        last = values[-1]
        method: Method
        if i <= len(ratios):
            values.append(last * ratios[i - 1])
            method = "swaps"
        elif clicks[i] < FEWEST or clicks[i - 1] < FEWEST:
            values.append(last * i / (i + 1))
            method = "assumed"
        elif model[i] == model[i] and model[i - 1] > 0:
            values.append(last * model[i] / model[i - 1])
            method = "em"
        else:
            values.append(last * rates[i] / rates[i - 1])
            method = "click rate"
        methods.append(method)
    highest = max(values)
    scaled = tuple(max(v / highest, 1e-6) for v in values)
    return Propensities(scaled, tuple(methods), log.answers, log.clicked, clip)
