"""All pairs of vectors above a cosine, by exact products in blocks.

Most pairs are excluded by a few dimensions: in a rotation that puts the most of the vectors' squares in
front, the product of two vectors is at most that of the leading parts plus the product of the lengths of the
rest (Cauchy and Schwarz). Only pairs whose bound is high enough are multiplied in full. No pair is lost.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

BLOCK = 1024
"""Vectors that are multiplied with as many others at a time: 4 MiB of products, which stay in a cache."""
SAMPLE = 2048
"""Vectors by which the rotation and the number of leading dimensions are chosen."""
LEADING = (16, 32, 48, 64, 96, 128, 192, 256)
"""Numbers of leading dimensions that are compared."""
COMPARISON_COST = 12
"""Cost of comparing a product with the limit, in dimensions of a matrix product."""
PAIR_COST = 30
"""Cost of a dimension of one pair's full product, in dimensions of a matrix product."""
MARGIN = 1e-5
"""Allowance for the rounding of float32 sums in another order."""
PAIRS_AT_A_TIME = 20_000
"""Pairs whose full products are computed together."""

Fetch = Callable[[int, int], "Vectors"]
Take = Callable[["Rows", "Rows", "Scores"], None]


def near_pairs(
    fetch: Fetch, n: int, above: float, take: Take, advance: Callable[[int], None] = lambda _: None
) -> None:
    """Find all pairs i < j of `n` vectors with a cosine of at least `above`.

    `fetch(start, stop)`: the vectors from start to stop, float32 (stop - start, dim), of unit length; called
    from several threads. `take(i, j, cosines)`: called with the pairs, int64 (m,) and float32 (m,), in
    batches, by one thread at a time. `advance`: told how many vectors more are compared with all. Memory: the
    leading dimensions of all vectors.
    """
    if n < 2:
        advance(n)
        return
    from threadpoolctl import threadpool_limits

    # threads of its own: those of BLAS wait for one another at each of the small products
    with threadpool_limits(1, user_api="blas"):
        rotation = _leading_dimensions(fetch, n, above)
        bounds = [
            _leading_part(fetch(at, min(n, at + BLOCK)), rotation) for at in range(0, n, BLOCK)
        ]
        lock = threading.Lock()

        def compare(a: int) -> int:
            for b in range(a, len(bounds)):
                i, j = _candidates(bounds[a], bounds[b], above, a == b)
                if len(i):
                    _verify(fetch, n, (a, b), (i, j), above, take, lock)
            return len(bounds[a])

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                for done in as_completed([pool.submit(compare, a) for a in range(len(bounds))]):
                    advance(done.result())
            finally:
                pool.shutdown(cancel_futures=True)


def _candidates(left: Vectors, right: Vectors, above: float, same: bool) -> tuple[Rows, Rows]:
    """Positions of pairs whose bound is high enough, int64 both. `same`: both are one block."""
    import numpy as np

    # not nonzero of the table: it takes ten times as long
    flat = np.flatnonzero((left @ right.T >= above - MARGIN).ravel())
    i, j = np.divmod(flat, len(right))
    return (i[i < j], j[i < j]) if same else (i, j)


def _verify(
    fetch: Fetch,
    n: int,
    blocks: tuple[int, int],
    pairs: tuple[Rows, Rows],
    above: float,
    take: Take,
    lock: threading.Lock,
) -> None:
    """Hand on the pairs of two blocks whose full products are high enough."""
    import numpy as np

    first, second = (block * BLOCK for block in blocks)
    one = fetch(first, min(n, first + BLOCK))
    other = one if first == second else fetch(second, min(n, second + BLOCK))
    for at in range(0, len(pairs[0]), PAIRS_AT_A_TIME):
        i, j = (side[at : at + PAIRS_AT_A_TIME] for side in pairs)
        cosines = np.einsum("ij,ij->i", one[i], other[j])
        good = cosines >= above
        if good.any():
            with lock:
                take(i[good] + first, j[good] + second, cosines[good])


def _leading_part(vectors: Vectors, rotation: npt.NDArray[np.float32] | None) -> Vectors:
    """Leading dimensions of the vectors and the length of the rest, float32 (n, leading + 1)."""
    import numpy as np

    if rotation is None:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    leading = np.asarray(vectors) @ rotation
    squares = np.einsum("ij,ij->i", vectors, vectors) - np.einsum("ij,ij->i", leading, leading)
    rest = np.sqrt(np.maximum(squares, 0.0)) + np.float32(MARGIN)
    return np.concatenate([leading, rest[:, None]], axis=1).astype(np.float32)


def _leading_dimensions(fetch: Fetch, n: int, above: float) -> npt.NDArray[np.float32] | None:
    """Rotation into the leading dimensions that cost least, float32 (dim, leading); None for all.

    Chosen by the share of pairs of a sample that they do not exclude.
    """
    import numpy as np

    blocks = range(0, n, BLOCK)
    each = max(2, SAMPLE // len(blocks))
    sample = np.concatenate([fetch(at, min(n, at + each)) for at in blocks])[:SAMPLE]
    dim = sample.shape[1]
    values, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    ordered = directions[:, np.argsort(-values)].astype(np.float32)
    best, cost = None, float(dim + COMPARISON_COST)
    for leading in (k for k in LEADING if k < dim):
        rotation = np.ascontiguousarray(ordered[:, :leading])
        part = _leading_part(sample, rotation)
        left = float((part @ part.T >= above - MARGIN).mean())
        now = leading + 1 + COMPARISON_COST + PAIR_COST * dim * left
        if now < cost:
            best, cost = rotation, now
    return best
