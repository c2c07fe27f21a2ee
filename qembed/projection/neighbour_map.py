"""t-SNE: places in the plane in which near vectors stand near, by openTSNE.

openTSNE and not umap-learn: that brings numba and LLVM along, 64 MB packed, which compile for seconds in each
process; openTSNE needs numpy, scipy and scikit-learn, which are here anyway, takes a start from principal
axes, and interpolates (FIt-SNE), so that 100,000 points take minutes on two cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from qembed.errors import UsageError

if TYPE_CHECKING:
    from qembed.types import Vectors

EXTRA = "pip install 'qembed-search[map]'"
PERPLEXITY = 30
"""Neighbours, about, whose distances count for a point."""
LEAST_POINTS = 10
"""Points from which on neighbours say more than the first two axes."""
EARLY, LATE = 150, 350
"""Rounds in which neighbours attract more, so that groups find one another, and rounds after them."""
ATTRACTION = 12
STEP = 50
"""Rounds between two looks at `advance`."""
ROUNDS = EARLY + LATE
THREADED = 5_000
"""Points from which on threads gain more than they wait for one another."""


def has_neighbour_map() -> bool:
    """True if openTSNE is installed."""
    return find_spec("openTSNE") is not None


def require_neighbour_map() -> None:
    """Raise UsageError if openTSNE is not installed."""
    if not has_neighbour_map():
        raise UsageError(
            f"--method tsne wants openTSNE, not installed here ({EXTRA}; --method pca needs no package)"
        )


def neighbour_map(
    coordinates: Vectors,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
    threads: int = 0,
) -> Vectors:
    """Places of vectors by t-SNE, float32 (n, 2), from their first two coordinates as a start.

    `coordinates`: along principal axes, float32 (n, k), k at least 2, n at least LEAST_POINTS. `advance`:
    called with numbers of rounds done, ROUNDS in all. `threads`: 0 for one a core where that gains something.
    The same for the same numbers, seed and threads.
    """
    import numpy as np
    import openTSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.initialization import rescale

    many = len(coordinates) >= THREADED and hasattr(os, "sched_getaffinity")
    threads = threads or (len(os.sched_getaffinity(0)) if many else 1)
    near = PerplexityBasedNN(
        coordinates,
        perplexity=min(PERPLEXITY, (len(coordinates) - 1) // 3),
        n_jobs=threads,
        random_state=seed,
    )
    start = rescale(coordinates[:, :2].astype(np.float64))
    # copies of one vector stand on one spot, from where nothing moves them apart
    start += np.random.default_rng(seed).normal(0, 1e-5, start.shape)
    places = openTSNE.TSNEEmbedding(start, near, n_jobs=threads, random_state=seed)
    for rounds, more in (
        (EARLY, {"exaggeration": ATTRACTION, "momentum": 0.5}),
        (LATE, {"momentum": 0.8}),
    ):
        for _ in range(0, rounds, STEP):
            places = places.optimize(n_iter=STEP, **more)
            advance(STEP)
    return np.asarray(places, dtype=np.float32)
