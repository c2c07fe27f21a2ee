"""Search of a remote index: the server finds rows, their cosines are computed here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.engines.milvus.collection import MOST_HITS
from qembed.pipeline.background import Background
from qembed.pipeline.progress import StageTimer
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.remote.filters import where_of
from qembed.pipeline.retrieval.remote.lexical import RemoteLexicalIndex
from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot
from qembed.search import Plan
from qembed.search.dense.planner import Search
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.query import ParsedQuery
from qembed.search.topk import best_first
from qembed.store.manifest import unpack_vectors

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.store import derived_files
    from qembed.types import Rows, Scores, Vectors

HITS_BEYOND = 16
"""Hits asked for beyond k, so that equal passages at the border come in the order of their rows."""
LEAST_EF = 100
"""Breadth of graph search, at least; Milvus wants no less than the number of hits."""


class RemoteSearch(IndexSearch):
    """Vector and lexical search on the server: exact over a `flat` index, by a graph over an `hnsw` one."""

    def __init__(self, snapshot: RemoteSnapshot, timer: StageTimer | None = None) -> None:
        super().__init__(snapshot, timer, watch_graph=False)
        self._remote = snapshot

    @cached_property
    def parts(self) -> Sequence[tuple[int, Vectors]]:
        """All vectors, read from the server: for evaluations that compare other searches."""
        return list(self._remote.vector_batches(self._manifest.base))

    @cached_property
    def background(self) -> Background | None:
        """Background of the vectors, as the index had it."""
        import numpy as np

        found = self._remote.state["background"]
        if found is None:
            return None
        mean = unpack_vectors(found["mean"], self._manifest.recipe.dim)[0]
        return Background(np.array(mean), float(found["spread"]))

    def vectors(self, rows: Rows) -> Vectors:
        """Vectors of the rows, float32 (n, dim)."""
        return self._remote.vectors(rows)

    def notes(self, weighs: bool) -> list[str]:
        """Messages on what is not as the export wanted it. `weighs`: of no effect."""
        if self._remote.is_complete:
            return []
        return [
            "an export to this index goes on, or was stopped (qembed export milvus completes it)"
        ]

    @property
    def is_exact(self) -> bool:
        """True if the server compares with all vectors."""
        return bool(self._remote.state["index"] == "flat")

    def graph_stamp(self) -> derived_files.Stamp | None:
        """Stamp of a graph on this machine: there is none."""
        return None

    def plan(self, queries: int, wanted: Search, allowed: int | None = None) -> Plan:
        """Plan of a search: by the server, with the index that it has."""
        if self.is_exact:
            return Plan("exact", "by the server", is_fallback=wanted == "graph")
        return Plan("graph", "by the server")

    def prefetch(self, vectors: Vectors) -> None:
        """Score queries ahead: nothing to do, the server gets all of a call together."""

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """(the k best rows and cosines of each query vector, float32 (n, dim); how they were found)."""
        where, plan = where_of(self._remote, allowed), self.plan(len(vectors), wanted)
        with self._timer("search"):
            ask = min(k + HITS_BEYOND, MOST_HITS)
            found: list[tuple[Rows, Scores] | None] = [None] * len(vectors)
            left = list(range(len(vectors)))
            while left:
                breadth = None if self.is_exact else max(ef or LEAST_EF, ask)
                hits = self._remote.collection.nearest(vectors[left], ask, where, breadth)
                again = []
                for i, rows in zip(left, hits, strict=True):
                    scores = self.cosines(vectors[i], rows)
                    found[i] = best_first(rows, scores, k)
                    if _ends_in_a_tie(rows, scores, k, ask) and ask < MOST_HITS:
                        again.append(i)
                left, ask = again, min(4 * ask, MOST_HITS)
        return [hit for hit in found if hit is not None], plan

    # ── words ────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _words(self) -> RemoteLexicalIndex:
        return RemoteLexicalIndex(self._remote)

    @property
    def lexical(self) -> LexicalIndex | None:
        """Word search of the server."""
        return self._words

    @property
    def rows_without_words(self) -> int:
        """Number of rows without words: each entity has them."""
        return 0

    def lexical_search(
        self,
        query: str | ParsedQuery,
        k: int,
        allowed: Allowed | None = None,
        least: int | None = None,
    ) -> tuple[Rows, Scores] | None:
        """The k best rows by words, and their BM25 scores."""
        with self._timer("lexical"):
            parsed = self.parse(query) if isinstance(query, str) else query
            return self._words.find(parsed, k, where_of(self._remote, allowed))


def _ends_in_a_tie(rows: Rows, scores: Scores, k: int, asked: int) -> bool:
    """True if rows beyond those found may be as near as the k-th."""
    if len(rows) < asked or len(rows) <= k:
        return False
    import numpy as np

    kth = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    return bool(scores.min() >= kth)
