"""Approximate search in an HNSW graph (usearch), for many queries or a warm process.

The graph holds codes of a byte a dimension, in which the walk finds a few more rows than are wanted; their
products are computed from the vectors. A saved graph is mapped, so that it answers at once. usearch saves
neither breadth, its threads share a state, it returns zeros where it finds fewer than asked for, and builds
the same graph twice only with one thread. So k is clamped, `ef` is always given, searches take turns, dead
rows are masked here, and small graphs are built by one thread. Of rows with the same vector the graph holds
one; the others join the results.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.dense.coded import Fetch, products
from qembed.search.dense.planner import TARGET_RECALL
from qembed.search.dense.row_groups import COPY_TOLERANCE, Grouping, RowGroups, vector_hashes
from qembed.search.topk import recall, top
from qembed.vector_codes import LARGEST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

M = 16
EF_CONSTRUCTION = 100
DENSE_M = 48
DENSE_EF_CONSTRUCTION = 400
"""Parameters for vectors on which M and EF_CONSTRUCTION do not reach TARGET_RECALL; four times the time."""
EF = 100
"""Search breadth of a graph that was not measured; usearch's own default of 64 loses hits."""
EF_LADDER = (80, 100, 140, 200, 240, 280, 400, 560, 800)
"""Breadths tried when a graph is measured. Search time grows a little less than linearly with them."""
RECALL_MARGIN = 0.002
"""Added to TARGET_RECALL where synthetic queries choose the breadth: about their sampling error."""
MAX_SINGLE_THREAD_ROWS = 20_000
"""Rows up to which one thread builds the graph, so that the same corpus gives the same graph."""
LARGEST_DEVIATION = 8
"""Numbers of a unit vector up to so many times 1 / sqrt(dim) have codes of their own."""
ROWS_PER_ADD = 2000
"""Rows added together."""


def graph_codes(vectors: Vectors) -> npt.NDArray[np.int8]:
    """Codes of unit vectors for the walk, int8 (n, dim): all with one scale, so that products compare.

    Numbers beyond LARGEST_DEVIATION times the usual size are clipped; what that costs is measured as recall.
    """
    import numpy as np

    largest = min(1.0, LARGEST_DEVIATION / np.sqrt(vectors.shape[1]))
    scaled = np.asarray(vectors, dtype=np.float32) * np.float32(LARGEST / largest)
    codes: npt.NDArray[np.int8] = np.clip(np.rint(scaled), -LARGEST, LARGEST).astype(np.int8)
    return codes


def rescored(k: int) -> int:
    """Number of rows that a walk by codes has to find so that the k best are among them."""
    return k + max(10, k // 4)


def groups_path(path: Path) -> Path:
    """File of the row groups of the graph at `path`."""
    return path.with_name(f"{path.name}.groups")


class Graph:
    """HNSW graph over consecutive rows; its keys are the ids of the rows that lead a group.

    `fetch`: vectors of rows that ascend, those that are being added too.
    """

    def __init__(self, dim: int, index: Any, groups: RowGroups, fetch: Fetch) -> None:
        self.dim = dim
        self._index = index
        self._groups = groups
        self._fetch = fetch
        self._lock = threading.Lock()

    @classmethod
    def empty(cls, dim: int, fetch: Fetch, *, dense: bool = False) -> Graph:
        """Make a graph without rows. `dense`: with more links for each row."""
        from usearch.index import Index

        index = Index(
            ndim=dim,
            metric="ip",  # of codes with one scale for all
            dtype="i8",
            connectivity=DENSE_M if dense else M,
            expansion_add=DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION,
        )
        return cls(dim, index, RowGroups.empty(), fetch)

    @classmethod
    def load(cls, path: Path, dim: int, fetch: Fetch, *, extend: bool = False) -> Graph:
        """Map a saved graph, or read it to `extend` it. Check its checksums first: damage can crash.

        Raises RuntimeError for a file that usearch does not read, and if the groups are missing.
        """
        from usearch.index import Index

        try:
            index: Any = Index.restore(str(path), view=not extend)
            groups = RowGroups.load(groups_path(path))
        except (OSError, ValueError) as e:
            raise RuntimeError(str(e)) from e
        if index is None or index.ndim != dim:
            raise RuntimeError(f"{path} is no graph of {dim} dimensions")
        dense = index.connectivity == DENSE_M
        index.expansion_add = DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION
        return cls(dim, index, groups, fetch)

    def save(self, path: Path) -> None:
        """Write the graph to `path` and its groups to `groups_path`; the caller syncs both.

        Raises OSError if the disk does not take them.
        """
        wanted = int(self._index.serialized_length)
        try:
            self._index.save(str(path))
        except RuntimeError:  # it does not say why
            size = -1
        else:  # of the last bytes it does not look whether they could be written
            size = path.stat().st_size
        if size != wanted:
            reason = f"not all of the graph's {wanted:,} bytes could be written (is the disk full?)"
            raise OSError(errno.EIO, reason, str(path))
        self._groups.save(groups_path(path))

    def __len__(self) -> int:
        """Number of rows, copies included."""
        return len(self._groups)

    @property
    def distinct(self) -> int:
        """Number of rows that the graph itself holds: one for each distinct vector."""
        return len(self._index)

    @property
    def is_dense(self) -> bool:
        """True if the graph has the links of `empty(dense=True)`."""
        return int(self._index.connectivity) == DENSE_M

    def add(self, first: int, vectors: Vectors, track: Callable[[int], None] | None = None) -> None:
        """Add float32 (n, dim) as the rows first, first + 1, ….

        `first` follows the last row of the graph.
        """
        import numpy as np

        grouping = Grouping(self._groups)
        leaders, hashes = [], []
        for at in range(0, len(vectors), ROWS_PER_ADD):
            part = np.ascontiguousarray(vectors[at : at + ROWS_PER_ADD])
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

        copies = np.flatnonzero(leaders != rows)
        if len(copies):
            # of a hash of rounded numbers, not of the numbers
            known, which = np.unique(leaders[copies], return_inverse=True)
            theirs = self._fetch(known)[which]
            far = copies[np.abs(theirs - vectors[copies]).max(axis=1) > COPY_TOLERANCE]
            leaders[far] = rows[far]
        self._insert(vectors[leaders == rows], rows[leaders == rows])
        return leaders

    def _insert(self, vectors: Vectors, rows: Rows) -> None:
        import numpy as np

        if not len(rows):
            return
        threads = 1 if self.distinct + len(rows) <= MAX_SINGLE_THREAD_ROWS else 0  # 0: all
        self._index.add(rows.astype(np.uint64), graph_codes(vectors), copy=True, threads=threads)

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

        if min(k, self.distinct) == 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in vectors]
        queries = np.asarray(vectors, dtype=np.float32)
        found = self._walk(queries, min(rescored(k), self.distinct), ef)
        return [
            top(rows, products(self._fetch(rows), query), k)
            for rows, query in zip(found, queries, strict=True)
        ]

    def _walk(self, queries: Vectors, n: int, ef: int) -> list[Rows]:
        """About the n nearest rows by the codes of each query, int64, ascending."""
        import numpy as np

        codes = graph_codes(queries)
        threads = 1 if len(codes) == 1 else 0  # 0: all
        with self._lock:
            self._index.expansion_search = max(ef, n)
            found = self._index.search(codes, n, threads=threads)
            keys = found.keys  # of one query they are as many as were found
            if keys.size < n or np.min(getattr(found, "counts", n)) < n:
                # a graph with unreachable parts: compare with all
                keys = self._index.search(codes, n, threads=threads, exact=True).keys
        return [np.sort(row.astype(np.int64)) for row in keys.reshape(len(codes), n)]

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
