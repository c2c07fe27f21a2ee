"""Exact search: every vector is looked at. The oracle of the graph, and faster than it when cold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.search.top import distinct, merge, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

BLOCK = 1 << 15
"""Rows scored at a time: 48 MiB of 384-dimensional vectors, and scores that stay in cache."""
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

    def _all(self, queries: Vectors, k: int) -> list[tuple[Rows, Scores]]:
        import numpy as np

        best: list[tuple[Rows, Scores]] = [
            (np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries
        ]
        for first, matrix in self.parts:
            for at in range(0, len(matrix), BLOCK):
                block = matrix[at : at + BLOCK]
                start = first + at
                ids = np.arange(start, start + len(block))
                scores = queries @ block.T  # unit vectors: the product is the cosine
                if self.live is not None:
                    alive = self.live[start - self.base : start - self.base + len(block)]
                    ids, scores = ids[alive], scores[:, alive]
                for q, row in enumerate(scores):
                    best[q] = merge([best[q], top(ids, row, k)], k)
        return best

    def _some(self, queries: Vectors, k: int, rows: Rows) -> list[tuple[Rows, Scores]]:
        import numpy as np

        rows = distinct([rows])
        if self.live is not None:
            rows = rows[self.live[rows - self.base]]
        parts: list[tuple[Rows, Vectors]] = []
        for first, matrix in self.parts:
            inside = rows[(rows >= first) & (rows < first + len(matrix))]
            for at in range(0, len(inside), BLOCK):
                wanted = inside[at : at + BLOCK]
                parts.append((wanted, queries @ matrix[wanted - first].T))
        if not parts:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
        return [merge([(ids, s[q]) for ids, s in parts], k) for q in range(len(queries))]
