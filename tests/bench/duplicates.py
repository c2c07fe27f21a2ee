"""All pairs above a cosine: with bounds of a few dimensions against full products, in turns.

The vectors have the spectrum of a model's: most of the squares lie in few directions. A twentieth of them are
near others.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from qembed.search.dense import near_pairs as module
from qembed.vectors import normalize
from tests.bench.table import row

DIM = 384
DECAY = 40.0
"""Dimensions in which the deviation falls to a third."""


def vectors(n: int) -> np.ndarray:
    """Unit vectors, float32 (n, DIM)."""
    rng = np.random.default_rng(0)
    scale = np.exp(-np.arange(DIM) / DECAY) + 0.15
    out = rng.normal(size=(n, DIM)).astype(np.float32) * scale + 0.3 * rng.normal(size=DIM)
    out[-(n // 20) :] = out[: n // 20] + 0.05 * rng.normal(size=(n // 20, DIM))
    return normalize(out.astype(np.float32))


def seconds(v: np.ndarray, above: float, leading: tuple[int, ...]) -> tuple[float, int]:
    """(time of a run, number of pairs). `leading`: numbers of dimensions to choose from, () for all."""
    found: list[int] = []
    before, module.LEADING = module.LEADING, leading
    began = time.perf_counter()
    try:
        module.near_pairs(
            lambda a, b: v[a:b], len(v), above, lambda i, _j, _c: found.append(len(i))
        )
    finally:
        module.LEADING = before
    return time.perf_counter() - began, sum(found)


def main(n: int = 30_000) -> None:
    """Print the ratio for several limits. `n`: number of vectors."""
    v = vectors(n)
    for above in (0.98, 0.95, 0.9):
        bounded, full = [], []
        for _ in range(2):
            quick, pairs = seconds(v, above, module.LEADING)
            slow, all_pairs = seconds(v, above, ())
            assert pairs == all_pairs
            bounded.append(quick)
            full.append(slow)
        a, b = min(bounded), min(full)
        row(f"{pairs:,} pairs of {n:,} vectors above {above}", a, b, a / b, "full products")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
