"""Exact search over all vectors: the reference for the graph, and faster than it in a cold process.

Where a byte a dimension is stored too, a few queries read that instead (see coded.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.search.dense.coded import CodedSearch
from qembed.search.topk import distinct, merge, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

    Parts = Sequence[tuple[int, Vectors]]

ROWS_PER_BLOCK = 1 << 15
"""Rows scored at a time: 48 MiB of 384-dimensional vectors, and scores that stay in cache."""
ROWS_PER_PREFETCH = 1 << 10
"""Rows scored with all prefetched queries before the next rows: they stay in a core's cache."""
QUERIES_PER_PASS = 64
"""Queries scored in one pass over the vectors."""
CODED_QUERIES = 8
"""Queries up to which two passes, the first over codes, are faster than one over the vectors."""
CODED_SHARE = 0.05
"""Share of the rows that may be wanted as hits: for more, most vectors would be read."""


class Exact:
    """Exact search over vectors in one or more runs of consecutive rows.

    `parts`: (first row id, float32 (n, dim)) with unit rows, memory maps will do; or a function that opens
    them when they are first needed. `live`: bool over the rows from `base` on, None if all live. `coded`:
    search by codes, of all rows if its `upto` is `upto`.
    """

    def __init__(
        self,
        parts: Parts | Callable[[], Parts],
        live: npt.NDArray[np.bool_] | None = None,
        base: int = 0,
        coded: CodedSearch | None = None,
        upto: int | None = None,
    ) -> None:
        self._given_parts = parts
        self.live = live
        self.base = base
        self.coded = coded
        self._upto = upto
        self._prefetched: dict[bytes, list[Scores]] = {}

    @cached_property
    def parts(self) -> Parts:
        """The vectors as they were given, without empty parts."""
        given = self._given_parts() if callable(self._given_parts) else self._given_parts
        return [(first, v) for first, v in given if len(v)]

    def search(
        self, vectors: Vectors, k: int, rows: Rows | None = None
    ) -> list[tuple[Rows, Scores]]:
        """Return, for each query vector, its k best living rows (of `rows`, if given) and their cosines."""
        import numpy as np

        if self.coded is not None and self._is_for_codes(self.coded, vectors, k):
            return self._by_codes(self.coded, vectors, k, rows)
        found: list[tuple[Rows, Scores]] = []
        for i in range(0, len(vectors), QUERIES_PER_PASS):
            queries = np.ascontiguousarray(vectors[i : i + QUERIES_PER_PASS], dtype=np.float32)
            found += self._all(queries, k) if rows is None else self._some(queries, k, rows)
        return found

    def _is_for_codes(self, coded: CodedSearch, vectors: Vectors, k: int) -> bool:
        import numpy as np

        wanted = CODED_SHARE * (coded.upto - coded.base)
        return len(vectors) <= CODED_QUERIES and k <= wanted and bool(np.isfinite(vectors).all())

    def _by_codes(
        self, coded: CodedSearch, vectors: Vectors, k: int, rows: Rows | None
    ) -> list[tuple[Rows, Scores]]:
        """Search rows that have codes by these, and the others by their vectors."""
        import numpy as np

        allowed = None
        if rows is not None:
            allowed = np.zeros(coded.upto - self.base, dtype=bool)
            allowed[rows[rows < coded.upto] - self.base] = True
        found = coded.search(vectors, k, allowed)
        if coded.upto != self._upto and (tail := self.after(coded.upto)).parts:
            rest = tail.search(vectors, k, rows)
            found = [merge(list(both), k) for both in zip(found, rest, strict=True)]
        return found

    def after(self, row: int) -> Exact:
        """Exact search over the rows from `row` on, by their vectors."""
        parts = [
            (max(first, row), v[max(0, row - first) :])
            for first, v in self.parts
            if first + len(v) > row
        ]
        return Exact(parts, self.live, self.base)

    def prefetch(self, vectors: Vectors) -> None:
        """Score queries that `search` will get one by one, float32 (n, dim), in one pass for all.

        Reading the vectors takes most of the time. Replaces what was prefetched before.
        """
        import numpy as np

        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        found = []
        for _, matrix in self.parts:
            scores = np.empty((len(queries), len(matrix)), dtype=np.float32)
            for rows in _blocks(len(matrix), ROWS_PER_PREFETCH):
                part, block = scores[:, rows], matrix[rows].T
                for q in range(len(queries)):  # one by one: together they would have other bits
                    np.matmul(queries[q : q + 1], block, out=part[q : q + 1])
            found.append(scores)
        self._prefetched = {
            query.tobytes(): [scores[q] for scores in found] for q, query in enumerate(queries)
        }

    def is_prefetched(self, vector: Vectors) -> bool:
        """Return True if this query, float32 (1, dim), was prefetched."""
        return vector.tobytes() in self._prefetched

    def prefetch_is_exact(self) -> bool:
        """Return True if prefetched scores have the bits that `search` computes: it depends on the BLAS."""
        if not self.parts:
            return True
        probe = self.parts[0][1][:1]
        plain = self.search(probe, len(self.parts[0][1]))[0][1]
        self.prefetch(probe)
        return self.search(probe, len(plain))[0][1].tobytes() == plain.tobytes()

    def _all(self, queries: Vectors, k: int) -> list[tuple[Rows, Scores]]:
        import numpy as np

        best: list[tuple[Rows, Scores]] = []
        known = self._prefetched.pop(queries.tobytes(), None) if len(queries) == 1 else None
        for part, (first, matrix) in enumerate(self.parts):
            for rows in _blocks(len(matrix), ROWS_PER_BLOCK):
                block = matrix[rows]
                start = first + rows.start
                ids = np.arange(start, start + len(block))
                # unit vectors: the product is the cosine
                scores = queries @ block.T if known is None else known[part][None, rows]
                if self.live is not None:
                    alive = self.live[start - self.base : start - self.base + len(block)]
                    ids, scores = ids[alive], scores[:, alive]
                here = [top(ids, row, k) for row in scores]
                best = [merge(both, k) for both in zip(best, here, strict=True)] if best else here
        return best or [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]

    def _some(self, queries: Vectors, k: int, rows: Rows) -> list[tuple[Rows, Scores]]:
        import numpy as np

        rows = distinct([rows])
        if self.live is not None:
            rows = rows[self.live[rows - self.base]]
        parts: list[tuple[Rows, Vectors]] = []
        for first, matrix in self.parts:
            inside = rows[(rows >= first) & (rows < first + len(matrix))]
            for at in range(0, len(inside), ROWS_PER_BLOCK):
                wanted = inside[at : at + ROWS_PER_BLOCK]
                parts.append((wanted, queries @ matrix[wanted - first].T))
        if not parts:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
        return [merge([(ids, s[q]) for ids, s in parts], k) for q in range(len(queries))]


def _blocks(n: int, size: int) -> Iterator[slice]:
    """Yield blocks of `size` rows. A single row left over joins the last block.

    BLAS multiplies one row by another kernel, whose results may have other bits.
    """
    start = 0
    while start < n:
        end = n if n - start <= size + 1 else start + size
        yield slice(start, end)
        start = end
