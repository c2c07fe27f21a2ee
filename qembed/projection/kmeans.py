"""Centres of vectors: Lloyd's algorithm from k-means++ seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

    Distances = npt.NDArray[np.float32]

ROUNDS = 25
BLOCK = 16_384
"""Vectors whose distances to the centres are in memory at a time."""


def fit_centres(vectors: Vectors, k: int, seed: int = 0) -> Vectors:
    """Centres of vectors, float32 (at most k, dim), each with a vector that is nearest to it.

    `vectors`: float32 (n, dim), n above 0. Fewer than `k` for vectors of which fewer differ.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    chosen = [int(rng.integers(len(vectors)))]
    nearest = squared_distances(vectors, vectors[chosen])[:, 0]
    while len(chosen) < k and float(nearest.sum()) > 1e-9:
        chosen.append(int(rng.choice(len(vectors), p=nearest / nearest.sum(dtype=np.float64))))
        nearest = np.minimum(nearest, squared_distances(vectors, vectors[chosen[-1:]])[:, 0])
    centres = vectors[chosen].copy()
    own = np.full(len(vectors), -1)
    for _ in range(ROUNDS):
        before, own = own, nearest_centres(vectors, centres)
        if (before == own).all():
            break
        for c in np.unique(own):
            centres[c] = vectors[own == c].mean(axis=0)
    return np.asarray(centres[np.unique(own)], dtype=np.float32)


def nearest_centres(vectors: Vectors, centres: Vectors) -> Rows:
    """Number of the centre that is nearest to each vector, int64 (n,)."""
    import numpy as np

    found = np.empty(len(vectors), dtype=np.int64)
    for at in range(0, len(vectors), BLOCK):
        part = squared_distances(vectors[at : at + BLOCK], centres)
        found[at : at + BLOCK] = part.argmin(axis=1)
    return found


def squared_distances(vectors: Vectors, centres: Vectors) -> Distances:
    """Squared distances, float32 (n, k), never below 0."""
    import numpy as np

    a, b = (vectors**2).sum(axis=1), (centres**2).sum(axis=1)
    return np.asarray(np.maximum(a[:, None] + b - 2 * (vectors @ centres.T), 0))
