"""Approximate search in an HNSW graph, for many queries or a warm process.

A library's graph (`graphs`) holds one of the rows with the same vector; the others join the results. k is
clamped, and dead rows are masked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.dense.coded import Fetch
from qembed.search.dense.graphs.library import (
    Library,
    VectorGraph,
    library_of,
    load_graph,
    make_graph,
)
from qembed.search.dense.planner import TARGET_RECALL
from qembed.search.dense.row_groups import COPY_TOLERANCE, Grouping, RowGroups, vector_hashes
from qembed.search.topk import recall, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

EF = 100
"""Search breadth of a graph that was not measured; hnswlib's own default of 10 loses a fifth of the hits."""
EF_LADDER = (80, 100, 140, 200, 240, 280, 400, 560, 800)
"""Breadths tried when a graph is measured. Search time grows a little less than linearly with them."""
WIDE_LADDER = (*EF_LADDER, 1120, 1600, 2240, 3200)
WIDE_ROWS = 2_000_000
"""Rows from which on WIDE_LADDER is tried: one with more links, made instead, would take hours."""
RECALL_MARGIN = 0.002
"""Added to TARGET_RECALL where synthetic queries choose the breadth: about their sampling error."""
ROWS_PER_ADD = 4096
"""Rows added together."""


def measured_ef(extra: Mapping[str, Any]) -> int:
    """Breadth of search that the graph's writer measured to be enough. `extra`: of its stamp, {} for none."""
    return int(extra.get("ef", EF))


def groups_path(path: Path) -> Path:
    """File of the row groups of the graph at `path`."""
    return path.with_name(f"{path.name}.groups")


class Graph:
    """HNSW graph over consecutive rows; its keys are the ids of the rows that lead a group.

    `fetch`: vectors of rows that ascend, those that are being added too.
    """

    def __init__(self, dim: int, leaders: VectorGraph, groups: RowGroups, fetch: Fetch) -> None:
        self.dim = dim
        self._leaders = leaders
        self._groups = groups
        self._grouping: Grouping | None = None
        self._fetch = fetch

    @classmethod
    def empty(
        cls,
        dim: int,
        fetch: Fetch,
        rows: int = 0,
        *,
        dense: bool = False,
        library: Library | None = None,
    ) -> Graph:
        """Make a graph without rows. `rows`: about how many will come, which chooses the library.

        `dense`: with more links for each row.
        """
        leaders = make_graph(library or library_of(rows), dim, fetch, rows, dense)
        return cls(dim, leaders, RowGroups.empty(), fetch)

    @classmethod
    def load(
        cls, path: Path, dim: int, fetch: Fetch, library: Library, extend_to: int | None = None
    ) -> Graph:
        """Open a saved graph. Check its checksums first: a damaged file can crash the process.

        `extend_to`: about the rows that it will have, None to search it only. Raises RuntimeError for a
        file that the library does not read, and if the groups are missing.
        """
        leaders = load_graph(library, path, dim, fetch, extend_to)
        try:
            groups = RowGroups.load(groups_path(path))
        except (OSError, ValueError) as e:
            raise RuntimeError(str(e)) from e
        return cls(dim, leaders, groups, fetch)

    def save(self, path: Path) -> None:
        """Write the graph to `path` and its groups to `groups_path`; the caller syncs both.

        Raises OSError if the disk does not take them.
        """
        self._leaders.save(path)
        self._groups.save(groups_path(path))

    def __len__(self) -> int:
        """Number of rows, copies included."""
        return len(self._groups)

    @property
    def distinct(self) -> int:
        """Number of rows that the graph itself holds: one for each distinct vector."""
        return len(self._leaders)

    @property
    def is_dense(self) -> bool:
        """True if the graph has the links of `empty(dense=True)`."""
        return self._leaders.is_dense

    @property
    def library(self) -> Library:
        """Library that keeps the graph."""
        return self._leaders.library

    def add(
        self,
        first: int,
        vectors: Vectors,
        track: Callable[[int], None] | None = None,
        threads: int | None = None,
    ) -> None:
        """Add float32 (n, dim) as the rows first, first + 1, ….

        `first` follows the last row of the graph. `threads`: None for as many as there are cores.
        """
        import numpy as np

        grouping = self._grouping = self._grouping or Grouping(self._groups)
        leaders, hashes = [], []
        for at in range(0, len(vectors), ROWS_PER_ADD):
            part = np.ascontiguousarray(vectors[at : at + ROWS_PER_ADD])
            rows = np.arange(first + at, first + at + len(part))
            hashes.append(vector_hashes(part))
            candidates = grouping.candidates(rows, hashes[-1])
            leaders.append(self._add_part(part, rows, candidates, threads))
            if track is not None:
                track(len(part))
        if leaders:
            self._groups.extend(np.concatenate(leaders), np.concatenate(hashes))

    def _add_part(self, vectors: Vectors, rows: Rows, leaders: Rows, threads: int | None) -> Rows:
        """Add the rows that lead, and those whose leader has another vector. Returns the leaders, int64."""
        import numpy as np

        copies = np.flatnonzero(leaders != rows)
        if len(copies):
            # of a hash of rounded numbers, not of the numbers
            known, which = np.unique(leaders[copies], return_inverse=True)
            theirs = self._fetch(known)[which]
            far = copies[np.abs(theirs - vectors[copies]).max(axis=1) > COPY_TOLERANCE]
            leaders[far] = rows[far]
        if (leads := leaders == rows).any():
            self._leaders.add(rows[leads], vectors[leads], threads)
        return leaders

    def measure_ef(
        self,
        queries: Vectors,
        truth: Sequence[tuple[Rows, Scores]],
        wanted: float = TARGET_RECALL + RECALL_MARGIN,
    ) -> tuple[int, float]:
        """Find the smallest `ef` of the ladder with the wanted recall, the last if none; returns both.

        `truth[i]`: the rows nearest to the i-th query and their cosines, by exact search.
        """
        ladder = EF_LADDER if len(self) < WIDE_ROWS else WIDE_LADDER
        if not len(truth):
            return ladder[0], 1.0
        k = max(len(rows) for rows, _ in truth)

        def share(step: int, n: int = len(truth)) -> float:
            found = self.search(queries[:n], k, ladder[step])
            scores = zip(found, truth[:n], strict=True)
            return sum(recall(got, best) for (_, got), (_, best) in scores) / n

        # some of the queries say about where it is: all of them at every step would take seconds
        few, last = max(1, len(truth) // 10), len(ladder) - 1
        step = next((i for i in range(last) if share(i, few) >= wanted), last)
        reached = share(step)
        if reached < wanted:
            while reached < wanted and step < last:
                step += 1
                reached = share(step)
        else:
            while step and (below := share(step - 1)) >= wanted:
                step, reached = step - 1, below
        return ladder[step], reached

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
        return self._leaders.nearest(np.asarray(vectors, dtype=np.float32), k, ef)

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
