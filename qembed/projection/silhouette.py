"""Silhouette: how much nearer vectors are to those of their own group than to those of the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.projection.kmeans import fit_centres, nearest_centres, squared_distances

if TYPE_CHECKING:
    from qembed.projection.kmeans import Distances
    from qembed.types import Rows, Vectors

STARTS = 4
"""Seeds of k-means, of which the tightest groups count."""
LEAST_SIZE = 3
"""Vectors a group, on average, of the largest number of groups that is tried."""


def mean_silhouette(distances: Distances, own: Rows) -> float:
    """Mean of (b - a) / max(a, b) over all vectors, -1 to 1 (Rousseeuw 1987).

    `distances`: between all of them, float32 (n, n). `own`: group of each from 0, none empty, at least two.
    a: mean distance to the others of its group; b: to the nearest other group. 0 for one alone in its group.
    """
    import numpy as np

    sizes = np.bincount(own)
    at = np.arange(len(own))
    sums = distances @ np.eye(len(sizes), dtype=np.float32)[own]
    a = sums[at, own] / np.maximum(sizes[own] - 1, 1)
    others = sums / sizes
    others[at, own] = np.inf
    b = others.min(axis=1)
    found = np.where(sizes[own] > 1, (b - a) / np.maximum(np.maximum(a, b), 1e-12), 0.0)
    return float(found.mean())


def tightest_centres(vectors: Vectors, k: int, seed: int) -> Vectors:
    """Centres with the least sum of squared distances to them, of STARTS runs; as `fit_centres`."""
    runs = [fit_centres(vectors, k, seed + n) for n in range(STARTS)]
    return min(runs, key=lambda centres: float(squared_distances(vectors, centres).min(1).sum()))


def clearest_number(vectors: Vectors, most: int, seed: int) -> tuple[int, float]:
    """(number of groups from 2 to `most` with the largest mean silhouette, that silhouette).

    (1, 0) for vectors that are too few for two groups. `vectors`: float32 (n, dim), a few thousand at most.
    """
    import numpy as np

    distances = np.sqrt(squared_distances(vectors, vectors))
    best = (1, 0.0)
    for k in range(2, min(most, len(vectors) // LEAST_SIZE) + 1):
        own = nearest_centres(vectors, tightest_centres(vectors, k, seed))
        _, own = np.unique(own, return_inverse=True)
        if own.max() and (value := mean_silhouette(distances, own)) > best[1]:
            best = (k, value)
    return best
