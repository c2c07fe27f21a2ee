"""Approximate search in an HNSW graph (hnswlib), for many queries or a warm process.

hnswlib raises when it finds fewer than k, does not save `ef` and the thread count, returns deleted elements
to the walk, and builds the same graph twice only with one thread. So k is clamped, `ef` is always given,
dead rows are masked here, and small graphs are built by one thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.topk import recall, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

M = 16
EF_CONSTRUCTION = 200
EF = 100
"""Search breadth of a graph that was not measured; hnswlib's own default of 10 loses a fifth of the hits."""
EF_LADDER = (80, 100, 140, 200, 240, 280, 400, 560, 800)
"""Breadths tried when a graph is measured. Search time grows a little less than linearly with them."""
TARGET_RECALL = 0.98
"""Wanted recall@10 of a measured graph."""
RECALL_MARGIN = 0.002
"""Added to TARGET_RECALL where synthetic queries choose the breadth: about their sampling error."""
MAX_SINGLE_THREAD_ROWS = 20_000
"""Rows up to which one thread builds the graph, so that the same corpus gives the same graph."""


class Graph:
    """HNSW graph over rows; its labels are row ids."""

    def __init__(self, dim: int, index: Any) -> None:
        self.dim = dim
        self._index = index

    @classmethod
    def empty(cls, dim: int, capacity: int) -> Graph:
        """Make a graph without rows and with room for `capacity`."""
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.init_index(
            max_elements=max(capacity, 1), M=M, ef_construction=EF_CONSTRUCTION, random_seed=100
        )
        return cls(dim, index)

    @classmethod
    def load(cls, path: Path, dim: int, capacity: int = 0) -> Graph:
        """Read a saved graph. Check its checksum first: a damaged file can crash the process."""
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.load_index(str(path), max_elements=capacity)
        return cls(dim, index)

    def save(self, path: Path) -> None:
        """Write the graph to `path`; the caller syncs it."""
        self._index.save_index(str(path))

    def __len__(self) -> int:
        return int(self._index.get_current_count())

    def add(self, first: int, vectors: Vectors, track: Callable[[int], None] | None = None) -> None:
        """Add float32 (n, dim) as the rows first, first + 1, …; the capacity grows as needed."""
        import numpy as np

        total = len(self) + len(vectors)
        if total > self._index.get_max_elements():
            self._index.resize_index(max(total, int(self._index.get_max_elements() * 1.2)))
        threads = 1 if total <= MAX_SINGLE_THREAD_ROWS else os.cpu_count() or 1
        for at in range(0, len(vectors), 2000):
            part = vectors[at : at + 2000]
            rows = np.arange(first + at, first + at + len(part))
            self._index.add_items(part, rows, num_threads=threads)
            if track is not None:
                track(len(part))

    def measure_ef(
        self,
        queries: Vectors,
        truth: Sequence[tuple[Rows, Scores]],
        wanted: float = TARGET_RECALL + RECALL_MARGIN,
    ) -> tuple[int, float]:
        """Find the smallest `ef` of EF_LADDER with the wanted recall, the last if none; returns both.

        `truth[i]`: the rows nearest to the i-th query and their cosines, by exact search.
        """
        if not len(truth):
            return EF_LADDER[0], 1.0
        k = max(len(rows) for rows, _ in truth)
        ef, share = EF_LADDER[0], 1.0
        for ef in EF_LADDER:
            found = self.search(queries, k, ef)
            shares = [
                recall(scores, best) for (_, scores), (_, best) in zip(found, truth, strict=True)
            ]
            share = sum(shares) / len(shares)
            if share >= wanted:
                break
        return ef, share

    def search(self, vectors: Vectors, k: int, ef: int = EF) -> list[tuple[Rows, Scores]]:
        """Return, for each query vector, about its k nearest rows and cosines, dead rows included."""
        import numpy as np

        k = min(k, len(self))
        if k == 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in vectors]
        self._index.set_ef(max(ef, k))
        try:
            labels, distances = self._index.knn_query(vectors, k=k)
        except RuntimeError:  # a graph with unreachable parts finds fewer than k at a small ef
            self._index.set_ef(len(self))
            labels, distances = self._index.knn_query(vectors, k=k)
        # hnswlib's "ip" distance is 1 - product: this line makes it a similarity, higher is better
        cosines = (1.0 - distances).astype(np.float32)
        return [top(r.astype(np.int64), s, k) for r, s in zip(labels, cosines, strict=True)]


class GraphSearcher:
    """Search of a graph without its dead and filtered rows.

    Asks the graph for more rows until k of them are left. A query for which that does not help has the
    result None: the caller answers it exactly.
    """

    def __init__(
        self, graph: Graph, live: npt.NDArray[np.bool_] | None, base: int, ef: int = EF
    ) -> None:
        self.graph = graph
        self.live = live
        self.base = base
        self.ef = ef

    def search(
        self, vectors: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[Rows, Scores] | None]:
        """Return, per query, at most k living (and allowed) rows with cosines; None if too few were found.

        `allowed`: bool over the rows from `base` on.
        """
        mask = self.live
        if allowed is not None:
            mask = allowed if mask is None else mask & allowed
        if mask is None:
            # `ef` was measured for ten: more hits need more breadth
            return list(self.graph.search(vectors, k, max(self.ef, 2 * k)))
        n = len(self.graph)
        wanted = min(k, int(mask[:n].sum()))
        found: list[tuple[Rows, Scores] | None] = [None] * len(vectors)
        unanswered = list(range(len(vectors)))
        ask = k
        while unanswered and ask <= min(n, 16 * k + 1000):
            ask = min(n, ask * 2)
            hits = self.graph.search(vectors[unanswered], ask, max(self.ef, ask))
            rest = []
            for q, (rows, scores) in zip(unanswered, hits, strict=True):
                good = mask[rows - self.base]
                if int(good.sum()) >= wanted:
                    found[q] = rows[good][:k], scores[good][:k]
                else:
                    rest.append(q)
            unanswered = rest
            if ask == n:
                break
        return found
