"""Linear RankNet: weights of features, so that the preferred of two documents has the higher sum.

    loss(w) = sum_i c_i log(1 + exp(-w (a_i - b_i))) / sum_i c_i + s / 2 |w - w0|²        w >= 0

(Burges et al. 2005, with a linear network.) w0 is the order before: without evidence nothing changes. A
document does not lose by a higher score or more words, which a few noisy preferences would teach
otherwise: with weights of either sign a simulated log of 2,000 answers puts the worst candidates first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

CENTRE = 0.5
"""Weight of the order before that is expected beforehand, by its standard deviation."""
STRENGTHS = (0.1, 0.3, 1.0)
"""Strengths s that cross-validation chooses among."""


def pairwise_loss(
    weights: Values, differences: Values, trust: Values, centre: Values, strength: float
) -> tuple[float, Values]:
    """(loss, its gradient, float64 (k,)).

    `differences`: of the features of the preferred and the rejected document, float64 (n, k). `trust`:
    weight of each pair, float64 (n,), their sum 1. `centre`: w0, float64 (k,).
    """
    import numpy as np

    margins = differences @ weights
    away = weights - centre
    loss = float(trust @ np.logaddexp(0.0, -margins) + strength / 2 * away @ away)
    # 1 / (1 + exp(m)) without overflow
    share = np.exp(-np.logaddexp(0.0, margins))
    return loss, strength * away - (trust * share) @ differences


def fit_weights(differences: Values, trust: Values, centre: Values, strength: float) -> Values:
    """Weights of the least loss, float64 (k,), none negative. Arguments as of `pairwise_loss`."""
    from scipy.optimize import minimize

    found = minimize(
        pairwise_loss,
        centre,
        args=(differences, trust / trust.sum(), centre, strength),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(centre),
    )
    weights: Values = found.x
    return weights


def choose_strength(
    differences: Values, trust: Values, centre: Values, folds: Sequence[Sequence[int]]
) -> float:
    """Strength with the least loss on pairs that were left out; the largest without two folds.

    `folds`: positions of the pairs, those of one component of queries together.
    """
    import numpy as np

    parts = [np.asarray(fold, dtype=np.int64) for fold in folds if len(fold)]
    if len(parts) < 2:
        return STRENGTHS[-1]
    losses = np.zeros(len(STRENGTHS))
    for fold in parts:
        rest = np.setdiff1d(np.arange(len(trust)), fold)
        for i, strength in enumerate(STRENGTHS):
            weights = fit_weights(differences[rest], trust[rest], centre, strength)
            losses[i] += pairwise_loss(weights, differences[fold], trust[fold], weights, 0.0)[0]
    # of equals the strongest, which changes least
    best = losses.min()
    return max(s for s, loss in zip(STRENGTHS, losses, strict=True) if loss <= best + 1e-12)
