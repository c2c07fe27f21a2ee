"""Position-based click model: a hit is clicked if it is looked at, by its rank, and if it attracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.feedback.propensity.click_log import ClickLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ITERATIONS = 2_000
TOLERANCE = 1e-6
PRIOR = 1.0
"""Strength of the prior of attraction, in impressions: keeps documents with few of them off 0 and 1."""


@dataclass(frozen=True, slots=True)
class PositionModel:
    """Propensities of ranks, the first 1. NaN where the log does not tell them apart from attraction.

    `moved`: documents that were shown on two ranks or more, which is what tells.
    """

    propensities: npt.NDArray[np.float64]
    moved: int
    iterations: int


def fit_position_model(log: ClickLog, iterations: int = ITERATIONS) -> PositionModel:
    """Fit by EM (Wang et al., WSDM 2018; Chuklin, Markov and de Rijke 2015, section 4.1).

    A document that was always shown on one rank says nothing about the rank: its attraction can be anything.
    So only documents seen on two ranks or more are fitted, and of the ranks only those that such documents
    connect with the first one.
    """
    import numpy as np

    unknown = np.full(log.ranks, np.nan)
    if not log.answers:
        return PositionModel(unknown, 0, 0)
    shown = log.documents >= 0
    rank = np.broadcast_to(np.arange(log.ranks), shown.shape)[shown]
    cells, cell = np.unique(log.documents[shown] * log.ranks + rank, return_inverse=True)
    seen = np.bincount(cell, minlength=len(cells)).astype(np.float64)
    clicked = np.bincount(cell, weights=log.clicks[shown], minlength=len(cells))
    document, at = np.divmod(cells, log.ranks)
    kept = (np.bincount(document) > 1)[document]
    connected = _connected(document[kept], at[kept], log.ranks)
    kept &= connected[at]
    moved = np.unique(document[kept])
    if not connected[1:].any():
        return PositionModel(unknown, len(moved), 0)
    seen, clicked, at = seen[kept], clicked[kept], at[kept]
    which = np.searchsorted(moved, document[kept])
    shown_at = np.bincount(at, weights=seen, minlength=log.ranks)
    shown_of = np.bincount(which, weights=seen)
    mean = clicked.sum() / seen.sum()
    look = np.arange(1.0, log.ranks + 1) ** -0.5  # inside (0, 1): EM does not leave the ends
    attract = np.full(len(moved), max(mean, 1e-6))
    rounds = 0
    for _ in range(iterations):
        rounds += 1
        missed = (seen - clicked) / np.maximum(1 - look[at] * attract[which], 1e-12)
        looked = clicked + missed * look[at] * (1 - attract[which])
        drawn = clicked + missed * attract[which] * (1 - look[at])
        new = np.bincount(at, weights=looked, minlength=log.ranks) / np.maximum(shown_at, 1e-12)
        prior = attract.mean()
        attract = (np.bincount(which, weights=drawn) + PRIOR * prior) / (shown_of + PRIOR)
        # only products count: the first rank is the unit
        scale = max(float(new[0]), 1e-12)
        new, attract = np.minimum(new / scale, 1.0), np.minimum(attract * scale, 1 - 1e-9)
        change = float(np.abs(new - look)[connected].max())
        look = new
        if change < TOLERANCE:
            break
    return PositionModel(np.where(connected, look, np.nan), len(moved), rounds)


def _connected(
    document: npt.NDArray[np.int64], at: npt.NDArray[np.int64], ranks: int
) -> npt.NDArray[np.bool_]:
    """Ranks that documents connect with the first one, bool (ranks,)."""
    import numpy as np

    found = np.zeros(ranks, dtype=np.bool_)
    found[0] = True
    while True:
        reached = np.zeros(int(document.max(initial=0)) + 1, dtype=np.bool_)
        reached[document[found[at]]] = True
        more = found.copy()
        more[at[reached[document]]] = True
        if (more == found).all():
            return found
        found = more
