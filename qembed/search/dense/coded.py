"""Exact search in two passes: over codes of a byte a dimension, then over the few vectors that can win.

A record's residual bounds how far the product of its codes can be from the true one. The first pass keeps
the k largest lower bounds; a row whose upper bound is below the least of them is not among the k best, which
proves that it can be left out. The rows that remain are multiplied in full. So the result is that of a search
over all vectors, from a quarter of the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from qembed.search.dense.threads import alone, run_threads, usable_cores
from qembed.search.topk import merge, top
from qembed.vector_codes import LARGEST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

ROWS_PER_FETCH = 1 << 13
"""Vectors multiplied in full at a time: 12 MiB of 384 dimensions."""
FEW_ROWS = 0.02
"""Share of allowed rows below which their vectors are read without a pass over all codes."""
ROUNDING = 1e-12
"""Allowance for sums of float64, as a share of the largest value that they can have."""
TIE = 2.0**-22
"""Share by which float32 products may differ and still be equal when rounded, twice over."""
LARGEST_SCORE = 3.4e38
"""Products beyond it are rounded to infinity, and equal."""
SMALLEST_SCORE = 1e-44
"""Products below it may be rounded to zero, and equal."""

ROWS_PER_THREAD = 1 << 17
"""Rows for which a thread is begun: going over 50 MB of codes takes a hundred times as long."""
MOST_THREADS = 8

Records = Callable[[int, int], Iterator["tuple[int, npt.NDArray[np.void]]"]]
"""Makes an iterator over (first row, records) of the rows of a range. Each may overwrite the one before."""
Fetch = Callable[["Rows"], "Vectors"]
"""Vectors of rows that ascend, float32 (n, dim)."""


@dataclass(frozen=True, slots=True)
class CodedQuery:
    """Query as two vectors of codes, the second for what the first leaves.

    `codes`: int8 (2, dim). `scales`: of both. `length`: of the query. `error`: bound on the error of the
    product with codes of scale 1.
    """

    codes: npt.NDArray[np.int8]
    scales: tuple[float, float]
    length: float
    error: float


def code_query(query: Vectors) -> CodedQuery:
    """Codes of a finite query, float32 (dim,)."""
    import numpy as np

    left = np.asarray(query, dtype=np.float64)
    length = float(np.sqrt(left @ left))
    codes, scales = np.zeros((2, len(left)), dtype=np.int8), [0.0, 0.0]
    for i in range(2):
        scales[i] = float(np.abs(left).max(initial=0)) / LARGEST
        if scales[i] < np.finfo(np.float64).tiny:
            scales[i] = 0.0
            break
        codes[i] = np.clip(np.rint(left / scales[i]), -LARGEST, LARGEST)
        left = left - scales[i] * codes[i]
    # codes of scale 1 are at most this long
    longest = LARGEST * float(np.sqrt(len(left)))
    error = longest * (float(np.sqrt(left @ left)) + ROUNDING * length)
    return CodedQuery(codes, (scales[0], scales[1]), length, error)


class CodedSearch:
    """Exact search of the rows [base, upto), which `records` and `fetch` give.

    `live`: bool over the rows from `base` on, None if all live.
    """

    def __init__(
        self,
        records: Records,
        fetch: Fetch,
        upto: int,
        live: npt.NDArray[np.bool_] | None = None,
        base: int = 0,
    ) -> None:
        self.records = records
        self.fetch = fetch
        self.upto = upto
        self.live = live
        self.base = base

    def search(
        self, vectors: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[Rows, Scores]]:
        """Return, for each finite query vector, its k best living rows and their products, rounded once.

        `allowed`: bool over the rows from `base` on, to stay within.
        """
        import numpy as np

        queries = np.asarray(vectors, dtype=np.float32)
        if allowed is not None:
            allowed = allowed[: self.upto - self.base]
            if self.live is not None:
                allowed = allowed & self.live[: len(allowed)]
            if np.count_nonzero(allowed) < FEW_ROWS * len(allowed):
                rows = np.flatnonzero(allowed) + self.base
                return [self._best(query, rows, k) for query in queries]
        mask = self.live if allowed is None else allowed
        coded = [code_query(q) for q in queries]
        most = min(usable_cores(), MOST_THREADS, (self.upto - self.base) // ROWS_PER_THREAD)
        with alone() as by_itself:
            threads = max(1, most) if by_itself else 1
            edges = np.linspace(self.base, self.upto, threads + 1).astype(np.int64).tolist()
            found = run_threads([partial(self._pass, coded, k, mask, *r) for r in pairwise(edges)])
        return [
            self._best(query, _FirstPass.joined(parts).candidates(), k)
            for query, parts in zip(queries, zip(*found, strict=True), strict=True)
        ]

    def _pass(
        self, queries: Sequence[CodedQuery], k: int, mask: npt.NDArray[np.bool_] | None,
        start: int, stop: int,
    ) -> list[_FirstPass]:  # fmt: skip
        """First passes of the queries over the records of the rows [start, stop)."""
        passes = [_FirstPass(q, k) for q in queries]
        for first, records in self.records(start, stop):
            at = first - self.base
            here = None if mask is None else mask[at : at + len(records)]
            for one in passes:
                one.take(first, records, here)
        return passes

    def _best(self, query: Vectors, rows: Rows, k: int) -> tuple[Rows, Scores]:
        import numpy as np

        best = np.zeros(0, np.int64), np.zeros(0, np.float32)
        for at in range(0, len(rows), ROWS_PER_FETCH):
            part = rows[at : at + ROWS_PER_FETCH]
            scores = products(self.fetch(part), query)
            known = ~np.isnan(scores)
            best = merge([best, top(part[known], scores[known], k)], k)
        return best


def products(vectors: Vectors, query: Vectors) -> Scores:
    """Products of float32 (n, dim) and (dim,), summed in float64 and rounded once, float32 (n,).

    Equal vectors have equal products, whatever stands beside them.
    """
    import numpy as np

    both = vectors.astype(np.float64), query.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        sums: Scores = np.einsum("ij,j->i", *both, optimize=False).astype(np.float32)
    return sums


class _FirstPass:
    """Rows whose bounds allow them to be among the k best of a query, as more and more rows come."""

    def __init__(self, query: CodedQuery, k: int) -> None:
        import numpy as np

        self._query, self._k = query, k
        self._least = -np.inf
        self._lower: npt.NDArray[np.float64] = np.zeros(0)
        self._kept: list[tuple[Rows, npt.NDArray[np.float64]]] = []

    @classmethod
    def joined(cls, parts: Sequence[_FirstPass]) -> _FirstPass:
        """Pass over the rows of all parts, which ascend."""
        one = cls(parts[0]._query, parts[0]._k)
        for part in parts:
            one._kept += part._kept
            one._raise(part._lower)
        return one

    def take(
        self, first: int, records: npt.NDArray[np.void], mask: npt.NDArray[np.bool_] | None
    ) -> None:
        """Go over the records of rows from `first` on, where `mask` is True."""
        import numpy as np
        from numkong import cdist

        query = self._query
        # as the sum of 2 * dim products of bytes they are whole numbers
        pair = np.asarray(cdist(records["codes"], query.codes, "dot"))
        scale = records["scale"].astype(np.float64)
        middle = (pair @ np.array(query.scales)) * scale
        error = records["residual"].astype(np.float64) * query.length + scale * query.error
        upper = middle + error
        keep = ~(upper < _below(self._least))  # also where a vector with NaN has no bound
        if mask is not None:
            keep &= mask
        at = np.flatnonzero(keep)
        if not len(at) or self._k < 1:
            return
        self._kept.append((at + first, upper[at]))
        bounds = np.where(error[at] < np.inf, middle[at] - error[at], -np.inf)
        self._raise(bounds)

    def _raise(self, bounds: npt.NDArray[np.float64]) -> None:
        """Raise the least bound, as far as further lower bounds allow."""
        import numpy as np

        lower = np.concatenate([self._lower, bounds])
        if len(lower) > self._k:
            lower = np.partition(lower, len(lower) - self._k)[-self._k :]
        self._lower = lower
        if len(lower) == self._k > 0:
            self._least = float(lower.min())

    def candidates(self) -> Rows:
        """Rows that can be among the k best, int64, ascending."""
        import numpy as np

        kept = [rows[~(upper < _below(self._least))] for rows, upper in self._kept]
        return np.concatenate(kept) if kept else np.zeros(0, np.int64)


def _below(bound: float) -> float:
    """Least product that float32 may round to the same number as one of `bound`, or more."""
    if bound < -LARGEST_SCORE:
        return -float("inf")
    bound = min(bound, LARGEST_SCORE)
    return bound - TIE * abs(bound) - SMALLEST_SCORE
