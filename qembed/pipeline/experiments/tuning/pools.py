"""Searches of the judged queries: the candidates of both, as deep as a Retriever would go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.pipeline.experiments.run_builder import LEAST_DEPTH, QUERIES_PER_BATCH, RunBuilder
from qembed.pipeline.retrieval.by_document import deepen
from qembed.pipeline.retrieval.candidates import NORMALIZATION_POOL, CandidateRetriever
from qembed.pipeline.retrieval.pictures.kind_search import dense_search
from qembed.pipeline.retrieval.ranking import CandidatePool, Searched
from qembed.search.lexical.query import parse_query
from qembed.search.topk import distinct

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.types import Query, Rows, Scores, Vectors

DEPTH = LEAST_DEPTH
"""Documents of a run, as of `eval`."""


class SearchedPool(NamedTuple):
    """Hits of both searches for one query, and their candidates.

    `plain`: positions in the pool of the hits of mode dense, best first, which knows no operators.
    """

    searched: Searched
    pool: CandidatePool
    plain: Rows

    @property
    def within_operators(self) -> Rows:
        """The rows that a search with the query's operators finds."""
        return self.pool.rows[distinct([self.pool.near, self.pool.words])]


def search_pools(
    builder: RunBuilder, queries: Sequence[Query], vectors: Vectors
) -> list[SearchedPool]:
    """Hits and candidates of each query. `vectors`: of the queries' texts, float32 (n, dim)."""
    found: list[SearchedPool] = []
    for at in range(0, len(queries), QUERIES_PER_BATCH):
        batch = slice(at, at + QUERIES_PER_BATCH)
        found += _search_batch(builder, queries[batch], vectors[batch])
    return found


def _search_batch(
    builder: RunBuilder, queries: Sequence[Query], vectors: Vectors
) -> list[SearchedPool]:
    """Search one batch of queries, each within its own filter."""
    groups: dict[str | None, list[int]] = {}
    for i, q in enumerate(queries):
        groups.setdefault(q.where, []).append(i)
    found: dict[int, SearchedPool] = {}
    for where, positions in groups.items():
        filters = builder.session.documents.filters
        allowed = None if where is None else filters.allowed((where,))
        texts = [queries[i].text for i in positions]
        part = _search(builder, texts, vectors[positions], allowed)
        found.update(zip(positions, part, strict=True))
    return [found[i] for i in range(len(queries))]


def _search(
    builder: RunBuilder, texts: Sequence[str], vectors: Vectors, allowed: Allowed | None
) -> Sequence[SearchedPool]:
    """Search queries of one filter, ever deeper until they have DEPTH documents each."""
    session, snapshot = builder.ordered, builder.session.snapshot
    retriever = CandidateRetriever(session, "auto", "auto", None)
    own = any(q.id in builder.documents for q in builder.queries)
    strict = [i for i, text in enumerate(texts) if parse_query(text).strict]

    def find(ask: int) -> list[SearchedPool]:
        depth = max(ask, NORMALIZATION_POOL)
        searched = retriever.search_both(texts, vectors, ask, allowed)
        pools = [
            retriever.pool(vector, one, depth)
            for vector, one in zip(vectors, searched, strict=True)
        ]
        found = [SearchedPool(s, p, p.near) for s, p in zip(searched, pools, strict=True)]
        for i in strict:
            part = vectors[i : i + 1]
            plain, _ = dense_search(session).vector_search(part, depth, allowed=allowed)
            found[i] = SearchedPool(searched[i], *_with_plain(pools[i], *plain[0]))
        return found

    def passages(found: SearchedPool) -> int:
        return len(found.within_operators)

    def documents(found: SearchedPool) -> int:
        return len(set(snapshot.positions_of(found.within_operators).tolist()))

    if builder.one_passage_each:
        return find(DEPTH + own)
    total = snapshot.passages_total if allowed is None else len(allowed.rows)
    counted = int(snapshot.manifest.counts.get("documents", 1))
    counted = counted if allowed is None else allowed.documents
    return deepen(find, passages, documents, DEPTH + own, total, counted)


def _with_plain(pool: CandidatePool, rows: Rows, cosines: Scores) -> tuple[CandidatePool, Rows]:
    """(the pool with the dense hits of a search without the query's operators; their positions)."""
    import numpy as np

    every = distinct([pool.rows, rows])
    at, plain = np.searchsorted(every, pool.rows), np.searchsorted(every, rows)
    scores = np.zeros((2, len(every)), dtype=np.float32)
    scores[0, plain] = cosines
    scores[:, at] = pool.cosines, pool.bm25
    scale = np.zeros(len(every), dtype=bool)
    scale[at] = True if pool.scale is None else pool.scale
    return CandidatePool(every, scores[0], scores[1], at[pool.near], at[pool.words], scale), plain
