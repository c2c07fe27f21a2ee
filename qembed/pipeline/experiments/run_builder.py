"""Runs of an evaluation's queries, with the documents' titles and the time per query."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qembed.pipeline.experiments.caching import CachingEncoder, CachingReranker
from qembed.pipeline.experiments.passage_judgments import as_judged, spans_of
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.ranking import RankedQuery
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels, Query, Run

if TYPE_CHECKING:
    from qembed.types import Rows

QUERIES_PER_BATCH = 500
"""Queries ranked at a time: limits the pairs that a reranker holds."""
TIMED_QUERIES = 3
"""Queries timed one by one."""
MAX_TIMING_SECONDS = 5.0
"""Seconds after which no further query is timed."""


@dataclass(slots=True)
class BuiltRun:
    """Run with the search plan, truncated queries, time per query and warnings.

    `titles`: of the best documents that have one. `rows`: (query id, document id) -> row of its best passage,
    for the ten best documents; empty if passages are judged.
    """

    run: Run
    plan: str = ""
    truncated: int = 0
    ms_per_query: float | None = None
    warnings: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)


class RunBuilder:
    """Builder of runs: ranks the judged queries under any options, encoding each text once."""

    def __init__(
        self, session: Session, queries: Sequence[Query], qrels: Qrels | None = None
    ) -> None:
        """`qrels` None: no judgments yet, all queries are ranked."""
        self.encoder = CachingEncoder(session.loaded)
        self.session = session.with_parts(loaded=session.loaded.with_encoder(self.encoder))
        self.queries = [q for q in queries if qrels is None or qrels.get(q.id)]
        self._judged = qrels or {}
        self.spans = spans_of(self._judged, self.documents)
        self._rerankers: dict[str, CachingReranker] = {}

    # ── the collection ───────────────────────────────────────────────────────────────────────────

    @cached_property
    def names(self) -> list[str]:
        """Document ids by their position in the catalog."""
        return self.session.snapshot.catalog.ids()

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """Document id -> digest of its content."""
        digests = self.session.snapshot.catalog.columns("digest")["digest"]
        return dict(zip(self.names, digests, strict=True))

    @cached_property
    def titles(self) -> list[str]:
        """Document titles by their position in the catalog."""
        found: list[str] = self.session.snapshot.catalog.columns("title")["title"]
        return found

    @cached_property
    def one_each(self) -> bool:
        """True if no document has more than one passage, so that passages are documents."""
        return bool((self.session.snapshot.catalog.pointers()[1] <= 1).all())

    # ── ranking ──────────────────────────────────────────────────────────────────────────────────

    def reranker(self, asked: QueryOptions) -> CachingReranker | None:
        """Return the reranker of the options, shared by all variants that name it; None without one."""
        if not asked.rerank:
            return None
        if asked.rerank not in self._rerankers:
            opened = self.session.loaded.reranker(asked.rerank)
            self._rerankers[asked.rerank] = CachingReranker(opened)
        return self._rerankers[asked.rerank]

    def rank(
        self,
        asked: QueryOptions,
        session: Session | None = None,
        track: Callable[[int], None] | None = None,
    ) -> BuiltRun:
        """Rank every query to `asked.k` documents (or judged passages).

        A document that is the query itself (same id, same words: ArguAna, Quora) is left out, unless the
        query's judgments have it. `session`: a variant of the builder's (see `truncated_session`). `track`
        is called with the number of queries ranked since the last call.
        """
        session = session or self.session
        depth = asked.k
        # one more than needed where the query itself may be a hit
        own = any(q.id in self.documents for q in self.queries)
        by_passage = self.spans or self.one_each
        wide = replace(
            asked,
            k=2 * depth if self.spans else depth + own,
            by="passage" if by_passage else "document",
        )
        found = BuiltRun({})
        before = dict(session.timer)
        for part in _parts(self.queries):
            ranking = Retriever(session, wide, self.reranker(wide)).rank(part)
            for r in ranking.queries:
                found.run[r.query.id] = self._hits(r, depth, found)
            found.plan = ranking.plan
            found.truncated += len(ranking.truncated)
            found.warnings += [w for w in ranking.warnings if w not in found.warnings]
            if track is not None:
                track(len(part))
        # without encoding: texts that another variant has encoded would cost nothing
        spent = sum(
            seconds - before.get(stage, 0.0)
            for stage, seconds in session.timer.items()
            if stage not in ("encode", "load", "open", "model", "fetch")
        )
        found.ms_per_query = 1000 * spent / max(1, len(self.queries))
        return found

    def _hits(self, r: RankedQuery, depth: int, into: BuiltRun) -> dict[str, float]:
        """Map one query's documents (or judged spans) to scores; adds titles and rows to `into`."""
        at = self.session.snapshot.positions_of(r.rows).tolist()
        names = [self.names[i] for i in at]
        for i in at[:10]:
            if self.titles[i]:
                into.titles[self.names[i]] = self.titles[i]
        scores = r.scores.tolist()
        if self.spans:
            passages = self.session.documents.passages(r.rows)
            return as_judged(self.spans.get(r.query.id, {}), names, passages, scores, depth)
        hits = dict(zip(names, scores, strict=True))
        into.rows.update(zip(((r.query.id, n) for n in names[:10]), r.rows.tolist(), strict=False))
        if r.query.id in hits and self._is_itself(r.query, r.rows, names):
            del hits[r.query.id]
        return dict(list(hits.items())[:depth])

    def _is_itself(self, query: Query, rows: Rows, names: Sequence[str]) -> bool:
        """Return True if the document with the query's id has its words and is not judged for it."""
        if self._judged.get(query.id, {}).get(query.id, -1) >= 0:  # negative: not judged
            return False
        at = names.index(query.id)
        passage = self.session.documents.passages(rows[at : at + 1])[0]
        title = self.session.documents.entries(rows[at : at + 1])[0].title
        words = query.text.strip()
        return words in (passage.text.strip(), f"{title} {passage.text}".strip())

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def latency(
        self, asked: QueryOptions, began: float, sample: int = TIMED_QUERIES
    ) -> dict[str, Any] | None:
        """Time single queries to ten ranked passages: seconds, median and 95th percentile when warm.

        Counts encoding, searching and reranking, not reading the passages' text. `cold`: from `began`
        (before the index was opened) through the first query, with loading the model. Call it before
        anything else is encoded. None for `sample` 0 and without queries.
        """
        import numpy as np

        chosen = self.queries[: sample + 1]
        if sample < 1 or not chosen:
            return None
        times: list[float] = []
        ten = replace(asked, k=10, by="passage")
        for query in chosen:
            retriever = Retriever(self.session, ten, self.reranker(ten))
            at = time.perf_counter()
            retriever.rank([query])
            times.append(time.perf_counter() - (at if times else began))
            if time.perf_counter() - began > MAX_TIMING_SECONDS + times[0]:
                break
        warm = times[1:] or times
        return {
            "cold": round(times[0], 4),
            "median": round(float(np.median(warm)), 6),
            "p95": round(float(np.quantile(warm, 0.95)), 6),
            "queries": len(warm),
        }


def _parts(queries: Sequence[Query]) -> list[Sequence[Query]]:
    """Split queries into batches."""
    return [
        queries[at : at + QUERIES_PER_BATCH] for at in range(0, len(queries), QUERIES_PER_BATCH)
    ]
