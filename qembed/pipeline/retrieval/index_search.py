"""Search of one generation: vectors, exactly or in the graph, and words in the lexical index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qembed.pipeline.background import Background, background_notes, measure_sample, open_background
from qembed.pipeline.lexical_index import mark_lexical_damaged, open_lexical
from qembed.pipeline.progress import StageTimer
from qembed.search import Exact, Graph, GraphSearcher, Plan, choose, merge
from qembed.search.dense.coded import CodedSearch
from qembed.search.dense.exact import CODED_QUERIES
from qembed.search.dense.graphs.library import stored_library
from qembed.search.dense.hnsw import measured_ef
from qembed.search.dense.planner import DAMAGED_GRAPH, Search
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.files import LexicalIndexDamaged
from qembed.search.lexical.kmers import query_parser
from qembed.search.lexical.query import ParsedQuery
from qembed.store import Snapshot, derived_files
from qembed.store.damage import impossible_cosines
from qembed.store.vector_files import stored_vectors as stored
from qembed.store.vector_files.codes import open_codes

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.types import Rows, Scores, Vectors

_UNOPENED: Any = object()


class IndexSearch:
    """Vector and lexical search of one generation. What is searched is loaded when first needed.

    `parts`: vectors to search instead of the index's, as (first row, float32 (n, dim)). `watch_graph`: look
    for a newly published graph before each search; False where a new session is opened for it.
    `limit_blas`: context of searches with a single vector.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        timer: StageTimer | None = None,
        *,
        parts: Sequence[tuple[int, Vectors]] | None = None,
        watch_graph: bool = True,
        limit_blas: Callable[[], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._root, self._manifest = snapshot.root, snapshot.manifest
        self.parse = query_parser(snapshot.manifest.recipe.chunker)
        self._timer = StageTimer() if timer is None else timer
        self._given_parts = parts
        self._watch_graph = watch_graph
        self._limit_blas = limit_blas
        self._graph: Graph | None = None
        self._graph_stamp: derived_files.Stamp | None = None
        self._graph_broken = False
        self._lexical: LexicalIndex | None = _UNOPENED
        self._words_upto = snapshot.manifest.base
        self._prefetch_is_exact: bool | None = None
        self.graph_loaded = False
        """True if the planner counts the graph as loaded."""

    @property
    def rows(self) -> int:
        """Row ids in use, dead ones included."""
        return self._manifest.next_row - self._manifest.base

    def notes(self, weighs: bool) -> list[str]:
        """Messages on what this search cannot do as it should. `weighs`: words against meaning."""
        return background_notes(self._snapshot) if weighs and self.background is None else []

    # ── vectors ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def parts(self) -> Sequence[tuple[int, Vectors]]:
        """All vectors as (first row, float32 (n, dim)), in ascending order."""
        given = self._given_parts
        return stored.map_vectors(self._snapshot) if given is None else given

    @cached_property
    def exact(self) -> Exact:
        """Exact search over all vectors."""
        live, manifest = self._snapshot.live, self._manifest
        return Exact(lambda: self.parts, live, manifest.base, self._coded(), manifest.next_row)

    @cached_property
    def _has_codes(self) -> bool:
        return derived_files.current(self._root, self._manifest, derived_files.CODES) is not None

    def _coded(self) -> CodedSearch | None:
        """Exact search by codes; None where there are none, or not for the vectors that are searched."""
        codes = open_codes(self._root, self._manifest) if self._given_parts is None else None
        if codes is None:
            return None
        live, base = self._snapshot.live, self._manifest.base
        fetch = stored.fetch_vectors(self._snapshot, codes.upto)
        return CodedSearch(codes.batches, fetch, codes.upto, live, base)

    @cached_property
    def _fetch(self) -> Callable[[Rows], Vectors]:
        return stored.fetch_vectors(self._snapshot)

    @cached_property
    def background(self) -> Background | None:
        """Background of the vectors; None where none was measured, or on too few passages."""
        if self._given_parts is not None:
            return measure_sample(self._snapshot, self.vectors)
        with self._timer("open"):
            return open_background(self._root, self._manifest)

    def vectors(self, rows: Rows) -> Vectors:
        """Vectors of the rows, float32 (n, dim)."""
        if self._given_parts is None and self._has_codes:  # large: no more than is wanted
            return stored.read_vectors(self._fetch, rows)
        dim = self.parts[0][1].shape[1] if self.parts else self._manifest.recipe.dim
        return stored.take_vectors(self.parts, rows, dim)

    def cosines(self, vector: Vectors, rows: Rows) -> Scores:
        """Cosine of a query vector, float32 (dim,), with each of the rows, in their order."""
        return self.vectors(rows) @ vector

    def _leave_matrix(self) -> None:
        """Note that the matrix is damaged, and read the shards from now on."""
        impossible_cosines.note_damaged_matrix(self._snapshot)
        self._graph = None
        for name in ("exact", "_fetch"):
            self.__dict__.pop(name, None)
        self.parts = stored.map_vectors(self._snapshot, matrix=False)

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """(the k best rows and cosines of each query vector, float32 (n, dim); how they were found).

        `ef`: breadth of the graph search, None for the measured one. `allowed`: rows to stay within.
        """
        limit: AbstractContextManager[Any] = nullcontext()
        if (
            self._limit_blas is not None
            and len(vectors) == 1
            and not self.exact.is_prefetched(vectors)
        ):
            limit = self._limit_blas()
        plan = self.plan(len(vectors), wanted, None if allowed is None else allowed.size)
        found: list[tuple[Rows, Scores]] | None = None
        with limit, self._timer("search"), impossible_cosines.silent():
            if plan.kind == "graph":
                found = self._search_graph(vectors, k, ef, allowed)
                if found is None:
                    plan = DAMAGED_GRAPH
            if found is None:
                found = self.exact.search(vectors, k, allowed.rows if allowed else None)
            if self._given_parts is None and not impossible_cosines.are_cosines(found):
                self._leave_matrix()
                plan = Plan("exact", impossible_cosines.MATRIX_DAMAGED, True)
                found = self.exact.search(vectors, k, allowed.rows if allowed else None)
                impossible_cosines.refuse(self._snapshot, found)
        return found, plan

    def prefetch(self, vectors: Vectors) -> None:
        """Score queries that `vector_search` will get one by one, float32 (n, dim), in one pass.

        Does nothing where a pass over several queries would give other bits than one over each.
        """
        if len(vectors) < 2 or self.plan(1, "auto").kind != "exact" or self.exact.coded:
            return
        with self._limit_blas() if self._limit_blas is not None else nullcontext():
            if self._prefetch_is_exact is None:
                self._prefetch_is_exact = self.exact.prefetch_is_exact()
            if self._prefetch_is_exact:
                self.exact.prefetch(vectors)

    # ── graph ────────────────────────────────────────────────────────────────────────────────────

    def graph_stamp(self) -> derived_files.Stamp | None:
        """Stamp of the loaded graph, else of the published one; None without a usable graph.

        A writer may publish another graph after one was loaded.
        """
        if self._graph_broken:
            return None
        if self._graph_stamp is not None:
            return self._graph_stamp
        return self._published_stamp() if self._watch_graph else self._first_stamp

    def _published_stamp(self) -> derived_files.Stamp | None:
        return derived_files.current(self._root, self._manifest, derived_files.GRAPH)

    @cached_property
    def _first_stamp(self) -> derived_files.Stamp | None:
        return self._published_stamp()

    def graph(self) -> tuple[Graph, derived_files.Stamp] | None:
        """The graph, loaded, and its stamp; None without a usable graph."""
        stamp = self.graph_stamp()
        if stamp is None:
            return None
        if self._graph is None:
            with self._timer("graph"):
                try:
                    # loading a damaged one could crash the process
                    whole = derived_files.is_whole(self._root, stamp)
                    dim = self._manifest.recipe.dim
                    fetch = stored.fetch_vectors(self._snapshot)
                    library, path = stored_library(stamp.extra), self._root / stamp.file
                    graph = Graph.load(path, dim, fetch, library) if whole else None
                    if graph is None:
                        derived_files.mark_damaged(self._root, stamp)
                except RuntimeError:  # a writer replaced it between the two
                    graph = None
                if graph is None:  # answer exactly, the next writer makes a new one
                    self._graph_broken = True
                    return None
                self._graph, self._graph_stamp = graph, stamp
        self.graph_loaded = True
        return self._graph, stamp

    def plan_as_cold(self) -> None:
        """Plan the next search as a process that has not loaded the graph would."""
        self.graph_loaded = False

    def plan(self, queries: int, wanted: Search, allowed: int | None = None) -> Plan:
        """Plan of a search with `queries` vectors. `allowed`: number of rows that a filter leaves."""
        stamp = self.graph_stamp()
        covered = 0 if stamp is None else stamp.upto - stamp.base
        lacks = stamp is None and wanted == "graph"
        if lacks and (self._graph_broken or derived_files.graph_is_bad(self._root, self._manifest)):
            return DAMAGED_GRAPH
        return choose(
            wanted=wanted,
            rows=self.rows,
            covered=covered,
            queries=queries,
            loaded=self.graph_loaded,
            allowed=allowed,
            ef=measured_ef({} if stamp is None else stamp.extra),
            recall=1.0 if stamp is None else float(stamp.extra.get("recall", 1.0)),
            coded=queries <= CODED_QUERIES and self._has_codes,
            library=stored_library({} if stamp is None else stamp.extra),
        )

    def _search_graph(
        self, vectors: Vectors, k: int, ef: int | None, allowed: Allowed | None = None
    ) -> list[tuple[Rows, Scores]] | None:
        """Vector search in the graph, and exact in rows it does not cover; None without a graph."""
        if (opened := self.graph()) is None:
            return None
        graph, stamp = opened
        ef = measured_ef(stamp.extra) if ef is None else ef
        searcher = GraphSearcher(graph, self._snapshot.live, self._manifest.base, ef)
        rows = None if allowed is None else allowed.rows
        found = searcher.search(vectors, k, None if allowed is None else allowed.mask)
        missed = [i for i, hits in enumerate(found) if hits is None]
        if stamp.upto < self._manifest.next_row:
            tail = self.exact.after(stamp.upto).search(vectors, k, rows)
            found = [
                None if a is None else merge([a, b], k) for a, b in zip(found, tail, strict=True)
            ]
        if missed:  # searched exactly over all rows
            for i, hits in zip(missed, self.exact.search(vectors[missed], k, rows), strict=True):
                found[i] = hits
        return [hits for hits in found if hits is not None]

    # ── words ────────────────────────────────────────────────────────────────────────────────────

    @property
    def lexical(self) -> LexicalIndex | None:
        """The lexical index; None without a usable one."""
        if self._lexical is _UNOPENED:
            with self._timer("lexical"):
                opened = open_lexical(self._root, self._manifest)
            self._lexical, upto = opened or (None, self._manifest.base)
            self._words_upto = min(upto, self._manifest.next_row)
        return self._lexical

    @property
    def rows_without_words(self) -> int:
        """Number of living rows that the lexical index does not cover: of all without a usable one."""
        upto = self._manifest.base if self.lexical is None else self._words_upto
        return self._snapshot.living_from(upto)

    def lexical_search(
        self,
        query: str | ParsedQuery,
        k: int,
        allowed: Allowed | None = None,
        least: int | None = None,
    ) -> tuple[Rows, Scores] | None:
        """(the k best rows by words, their BM25 scores); None without a lexical index.

        `least`: so many and all that tie with the last of them are enough, see LexicalIndex.search.
        """
        index, manifest = self.lexical, self._manifest
        if index is None:
            return None
        try:
            with self._timer("lexical"):
                return index.search(
                    self.parse(query) if isinstance(query, str) else query,
                    k,
                    base=manifest.base,
                    upto=manifest.next_row,
                    least=least,
                    live=self._snapshot.live,
                    allowed=None if allowed is None else allowed.mask,
                )
        except LexicalIndexDamaged:
            mark_lexical_damaged(self._root, manifest)
            self._lexical = None
            return None
