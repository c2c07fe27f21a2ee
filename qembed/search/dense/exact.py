"""Exact search: every vector is looked at. The oracle of the graph, and faster than it when cold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.search.topk import distinct, merge, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

ROWS_PER_BLOCK = 1 << 15
"""Rows scored at a time: 48 MiB of 384-dimensional vectors, and scores that stay in cache."""
AHEAD = 1 << 10
"""Rows that several single queries are scored with before the next: they stay in a core's cache."""
QUERIES = 64
"""Queries scored at a time: one pass over the vectors serves them all."""


class Exact:
    """Searches vectors that lie in one or more stretches of consecutive rows.

    `parts`: (first row id, float32 (n, dim)), unit rows, a memory map will do.
    `live`: bool over the rows from `base` on, None if all live.
    """

    def __init__(
        self,
        parts: Sequence[tuple[int, Vectors]],
        live: npt.NDArray[np.bool_] | None = None,
        base: int = 0,
    ) -> None:
        self.parts = [(first, v) for first, v in parts if len(v)]
        self.live = live
        self.base = base
        self._ahead: dict[bytes, list[Scores]] = {}

    def search(
        self, vectors: Vectors, k: int, rows: Rows | None = None
    ) -> list[tuple[Rows, Scores]]:
        """For each query vector its k best living rows (of `rows`, if given) and their cosines."""
        import numpy as np

        found: list[tuple[Rows, Scores]] = []
        for i in range(0, len(vectors), QUERIES):
            queries = np.ascontiguousarray(vectors[i : i + QUERIES], dtype=np.float32)
            found += self._all(queries, k) if rows is None else self._some(queries, k, rows)
        return found

    def ahead(self, vectors: Vectors) -> None:
        """Scores for queries that `search` will get one by one, in one pass over the vectors for all of them.

        Reading the vectors is what takes the time. What was ahead before is forgotten.
        """
        import numpy as np

        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        found = []
        for _, matrix in self.parts:
            scores = np.empty((len(queries), len(matrix)), dtype=np.float32)
            for at in range(0, len(matrix), AHEAD):
                part, block = scores[:, at : at + AHEAD], matrix[at : at + AHEAD].T
                for q in range(len(queries)):  # one by one: together they would have other bits
                    np.matmul(queries[q : q + 1], block, out=part[q : q + 1])
            found.append(scores)
        self._ahead = {
            query.tobytes(): [scores[q] for scores in found] for q, query in enumerate(queries)
        }

    def knows(self, vector: Vectors) -> bool:
        """Whether scores for this query, float32 (1, dim), lie ahead."""
        return vector.tobytes() in self._ahead

    def steady(self) -> bool:
        """Whether scores have the same bits ahead as otherwise: whether this BLAS goes row by row."""
        if not self.parts:
            return True
        probe = self.parts[0][1][:1]
        plain = self.search(probe, len(self.parts[0][1]))[0][1]
        self.ahead(probe)
        return self.search(probe, len(plain))[0][1].tobytes() == plain.tobytes()

    def _all(self, queries: Vectors, k: int) -> list[tuple[Rows, Scores]]:
        import numpy as np

        best: list[tuple[Rows, Scores]] = []
        known = self._ahead.pop(queries.tobytes(), None) if len(queries) == 1 else None
        for part, (first, matrix) in enumerate(self.parts):
            for at in range(0, len(matrix), ROWS_PER_BLOCK):
                block = matrix[at : at + ROWS_PER_BLOCK]
                start = first + at
                ids = np.arange(start, start + len(block))
                # unit vectors: the product is the cosine
                scores = (
                    queries @ block.T
                    if known is None
                    else known[part][None, at : at + ROWS_PER_BLOCK]
                )
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
