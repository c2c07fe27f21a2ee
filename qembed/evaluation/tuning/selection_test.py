"""Randomisation test of a whole cross-validated choice, not of its gains alone.

The held-out gains of two folds are not independent: a query that is judged in one has chosen in the other. An
arm that is good by chance on all queries is chosen by every fold, and is then judged on the very queries
that made it look good. A test that flips the signs of the gains as if nothing had been chosen calls chance a
gain two to three times as often as it says (Bengio and Grandvalet 2004: the variance of cross-validation
cannot be estimated from its values). So the differences of all arms to the reference are flipped together,
component by component, and the choice is made anew under each pattern of signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Positions = npt.NDArray[np.int64]

FLIPS = 1_999
"""Patterns of signs that are drawn."""
LEAST_P = 1 / (FLIPS + 1)
"""Smallest p that they can give."""
SEED = 20_261_129
TOLERANCE = 1e-12


def selection_p(
    differences: Values,
    cost: Sequence[float],
    folds: Sequence[Sequence[int]],
    components: Sequence[Sequence[int]],
    flips: int = FLIPS,
) -> float:
    """Two-sided p of the mean held-out difference, where each fold takes the simplest of the best arms.

    `differences`: of each arm to the reference, float64 (arms, n); the reference is one of them. `cost`: of
    each arm, see `simplest_of_the_best`. `folds`: positions; what is in none chooses in all of them.
    `components`: positions of the queries that belong together; each query is in one. At least
    1 / (flips + 1); 1.0 if no choice differs from the reference.
    """
    import numpy as np

    n = differences.shape[1]
    owner = np.zeros(n, dtype=np.int64)
    for c, members in enumerate(components):
        owner[list(members)] = c
    rng = np.random.default_rng(SEED)
    signs = rng.choice(np.array([-1.0, 1.0]), (len(components), flips + 1))
    signs[:, 0] = 1.0  # as it was observed
    total = np.zeros(flips + 1)
    for fold in folds:
        out = np.zeros(n, dtype=bool)
        out[list(fold)] = True
        chosen = _choices(differences[:, ~out], owner[~out], np.asarray(cost), signs)
        held = _sums(differences[:, out], owner[out], len(components)) @ signs
        total += held[chosen, np.arange(flips + 1)]
    if not total.any():
        return 1.0
    extreme = np.abs(total) >= abs(total[0]) - TOLERANCE
    return float(extreme.mean())


def _choices(differences: Values, owner: Positions, cost: Values, signs: Values) -> Positions:
    """Arm that `simplest_of_the_best` takes under each pattern of signs, int64 (patterns,)."""
    import numpy as np

    n = differences.shape[1]
    means = _sums(differences, owner, len(signs)) @ signs / n  # (arms, patterns)
    best = means.argmax(axis=0)
    lost = means[best, np.arange(len(best))] - means
    # a sum of squares does not change with the signs
    gram = differences @ differences.T
    squares = gram.diagonal()[best][None, :] + gram.diagonal()[:, None] - 2 * gram[:, best]
    variance = np.maximum(squares - n * lost**2, 0.0) / max(n - 1, 1)
    near = lost <= np.sqrt(variance / n) + TOLERANCE
    priced = np.where(near, cost[:, None], np.inf)
    cheapest = priced == priced.min(axis=0)
    return np.asarray(np.where(cheapest, means, -np.inf).argmax(axis=0), dtype=np.int64)


def _sums(values: Values, owner: Positions, n: int) -> Values:
    """Sum of each arm's values by component, float64 (arms, n)."""
    import numpy as np

    out = np.zeros((len(values), n))
    if len(owner):
        order = np.argsort(owner, kind="stable")
        starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
        out[:, owner[order][starts]] = np.add.reduceat(values[:, order], starts, axis=1)
    return out
