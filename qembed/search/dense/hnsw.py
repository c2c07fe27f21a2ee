"""Approximate search in an HNSW graph (hnswlib), for many queries or a warm process.

hnswlib raises when it finds fewer than k, does not save `ef` and the thread count, returns deleted elements
to the walk, and builds the same graph twice only with one thread. So k is clamped, `ef` is always given,
dead rows are masked here, and small graphs are built by one thread. Of rows with the same vector the graph
holds one; the others join the results.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.dense.planner import TARGET_RECALL
from qembed.search.dense.row_groups import COPY_TOLERANCE, Grouping, RowGroups, vector_hashes
from qembed.search.topk import recall, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

M = 16
EF_CONSTRUCTION = 200
DENSE_M = 48
DENSE_EF_CONSTRUCTION = 400
"""Parameters for vectors on which M and EF_CONSTRUCTION do not reach TARGET_RECALL; four times the time."""
EF = 100
"""Search breadth of a graph that was not measured; hnswlib's own default of 10 loses a fifth of the hits."""
EF_LADDER = (80, 100, 140, 200, 240, 280, 400, 560, 800)
"""Breadths tried when a graph is measured. Search time grows a little less than linearly with them."""
RECALL_MARGIN = 0.002
"""Added to TARGET_RECALL where synthetic queries choose the breadth: about their sampling error."""
MAX_SINGLE_THREAD_ROWS = 20_000
"""Rows up to which one thread builds the graph, so that the same corpus gives the same graph."""


def groups_path(path: Path) -> Path:
    """File of the row groups of the graph at `path`."""
    return path.with_name(f"{path.name}.groups")


class Graph:
    """HNSW graph over consecutive rows; its labels are the ids of the rows that lead a group."""

    def __init__(self, dim: int, index: Any, groups: RowGroups) -> None:
        self.dim = dim
        self._index = index
        self._groups = groups

    @classmethod
    def empty(cls, dim: int, capacity: int, *, dense: bool = False) -> Graph:
        """Make a graph without rows and with room for `capacity`. `dense`: with more links for each row."""
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.init_index(
            max_elements=max(capacity, 1),
            M=DENSE_M if dense else M,
            ef_construction=DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION,
            random_seed=100,
        )
        return cls(dim, index, RowGroups.empty())

    @classmethod
    def load(cls, path: Path, dim: int, capacity: int = 0) -> Graph:
        """Read a saved graph. Check its checksums first: a damaged file can crash the process.

        Raises RuntimeError for a file of another version of hnswlib, and if the groups are missing.
        """
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.load_index(str(path), max_elements=capacity)
        try:
            groups = RowGroups.load(groups_path(path))
        except (OSError, ValueError) as e:
            raise RuntimeError(str(e)) from e
        return cls(dim, index, groups)

    def save(self, path: Path) -> None:
        """Write the graph to `path` and its groups to `groups_path`; the caller syncs both.

        Raises OSError if the disk does not take them.
        """
        self._index.save_index(str(path))
        # hnswlib does not look whether its stream could write
        if (size := path.stat().st_size) != (wanted := self._index.index_file_size()):
            reason = f"only {size:,} of {wanted:,} bytes could be written (is the disk full?)"
            raise OSError(errno.EIO, reason, str(path))
        self._groups.save(groups_path(path))

    def __len__(self) -> int:
        """Number of rows, copies included."""
        return len(self._groups)

    @property
    def distinct(self) -> int:
        """Number of rows that the graph itself holds: one for each distinct vector."""
        return int(self._index.get_current_count())

    @property
    def is_dense(self) -> bool:
        """True if the graph has the links of `empty(dense=True)`."""
        return int(self._index.M) == DENSE_M

    def add(self, first: int, vectors: Vectors, track: Callable[[int], None] | None = None) -> None:
        """Add float32 (n, dim) as the rows first, first + 1, …; the capacity grows as needed.

        `first` follows the last row of the graph.
        """
        import numpy as np

        grouping = Grouping(self._groups)
        leaders, hashes = [], []
        for at in range(0, len(vectors), 2000):
            part = np.ascontiguousarray(vectors[at : at + 2000])
            rows = np.arange(first + at, first + at + len(part))
            hashes.append(vector_hashes(part))
            leaders.append(self._add_part(part, rows, grouping.candidates(rows, hashes[-1])))
            if track is not None:
                track(len(part))
        if leaders:
            self._groups.extend(np.concatenate(leaders), np.concatenate(hashes))

    def _add_part(self, vectors: Vectors, rows: Rows, leaders: Rows) -> Rows:
        """Add the rows that lead, and those whose leader has another vector. Returns the leaders, int64."""
        import numpy as np

        self._insert(vectors[leaders == rows], rows[leaders == rows])
        copies = np.flatnonzero(leaders != rows)
        if len(copies):
            theirs = np.asarray(self._index.get_items(leaders[copies], return_type="numpy"))
            far = copies[np.abs(theirs - vectors[copies]).max(axis=1) > COPY_TOLERANCE]
            self._insert(vectors[far], rows[far])
            leaders[far] = rows[far]
        return leaders

    def _insert(self, vectors: Vectors, rows: Rows) -> None:
        if not len(rows):
            return
        total = self.distinct + len(rows)
        if total > self._index.get_max_elements():
            self._index.resize_index(max(total, int(self._index.get_max_elements() * 1.2)))
        threads = 1 if total <= MAX_SINGLE_THREAD_ROWS else os.cpu_count() or 1
        self._index.add_items(vectors, rows, num_threads=threads)

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
        found = self.search_groups(vectors, k, ef)
        return [top(*self._groups.expand(rows, scores, k), k) for rows, scores in found]

    def search_groups(self, vectors: Vectors, k: int, ef: int) -> list[tuple[Rows, Scores]]:
        """Return, for each query vector, about its k nearest distinct vectors: leading rows and cosines."""
        import numpy as np

        k = min(k, self.distinct)
        if k == 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in vectors]
        self._index.set_ef(max(ef, k))
        try:
            labels, distances = self._index.knn_query(vectors, k=k)
        except RuntimeError:  # a graph with unreachable parts finds fewer than k at a small ef
            self._index.set_ef(self.distinct)
            labels, distances = self._index.knn_query(vectors, k=k)
        # hnswlib's "ip" distance is 1 - product: this line makes it a similarity, higher is better
        cosines = (1.0 - distances).astype(np.float32)
        return [top(r.astype(np.int64), s, k) for r, s in zip(labels, cosines, strict=True)]

    def expand(self, rows: Rows, scores: Scores) -> tuple[Rows, Scores]:
        """Add the copies of leading rows, with the leaders' cosines, best first."""
        found = self._groups.expand(rows, scores)
        return top(*found, len(found[0]))


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
        distinct = self.graph.distinct
        ask = min(k, distinct)
        while unanswered and ask <= min(distinct, 16 * k + 1000):
            ask = min(distinct, ask * 2)
            hits = self.graph.search_groups(vectors[unanswered], ask, max(self.ef, ask))
            rest = []
            for q, leading in zip(unanswered, hits, strict=True):
                rows, scores = self.graph.expand(*leading)
                good = mask[rows - self.base]
                if int(good.sum()) >= wanted:
                    found[q] = rows[good][:k], scores[good][:k]
                else:
                    rest.append(q)
            unanswered = rest
            if ask == distinct:
                break
        return found
