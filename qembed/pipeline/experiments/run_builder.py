"""Runs of an evaluation: the judged queries of an index ranked under given options, and their latency."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError
from qembed.evaluation import contents_json
from qembed.evaluation.corpus_changes import record_files_json
from qembed.evaluation.formats.source_file import counted
from qembed.pipeline.experiments.caching import CachingEncoder, CachingReranker, PairStore
from qembed.pipeline.experiments.passage_judgments import as_judged, spans_of
from qembed.pipeline.progress import LOAD_RERANKER, Progress
from qembed.pipeline.retrieval.options import LEARNED, QueryOptions
from qembed.pipeline.retrieval.ranking import RankedQuery
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.ties.order import id_order
from qembed.pipeline.source_options import STDIN
from qembed.types import Qrels, Query, Run

if TYPE_CHECKING:
    from qembed.types import Rows, Scores

LEAST_DEPTH = 100
"""Documents of a run at least where candidates are weighed against one another: their number follows from the
depth, and measures with smaller cutoffs are not to depend on what else is asked for."""
QUERIES_PER_BATCH = 500
"""Queries ranked at a time: limits the pairs in memory."""
TIMED_QUERIES = 3
"""Queries timed one by one, after a first one."""
TIMING_SECONDS = 5.0
"""Time after the first query in which further ones are timed."""


def corpus_contents(session: Session | None) -> dict[str, Any]:
    """Keys of a report on the documents of an index: `contents`, `record_files`; null without one."""
    if session is None:
        return {"contents": None, "record_files": None}
    columns = session.snapshot.catalog.columns("id", "digest", "source", "file")
    contents = contents_json(dict(zip(columns["id"], columns["digest"], strict=True)))
    places = zip(columns["id"], columns["source"], columns["file"], strict=True)
    files = None if contents is None else record_files_json(p for p in places if p[1] != STDIN)
    return {"contents": contents, "record_files": files}


def weighs_candidates(options: QueryOptions) -> bool:
    """True if the order of the first documents may depend on how many candidates there are."""
    fused = options.mode in ("auto", "hybrid")
    return fused or options.document_score != "best" or options.diversity > 0


def deep_enough(options: QueryOptions) -> QueryOptions:
    """The options with the depth that a run has at least.

    It is not more than measures need otherwise: a graph search for more hits is broader than that of users.
    """
    return (
        replace(options, k=max(options.k, LEAST_DEPTH)) if weighs_candidates(options) else options
    )


@dataclass(slots=True)
class BuiltRun:
    """A run and how it was found.

    `truncated`: number of queries longer than the model reads. `ms_per_query`: without encoding and loading.
    `titles`: of the best documents that have one. `rows`: (query, document) -> row of its best passage.
    """

    run: Run
    plan: str = ""
    truncated: int = 0
    ms_per_query: float | None = None
    warnings: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)


class RunBuilder:
    """Builds runs of the judged queries under any options, encoding each text once.

    `qrels` None: nothing is judged yet, all queries are ranked. `session`: the given one with a caching
    `encoder`. `progress`: a phase for each run. `pair_store`: scores of a reranker's pairs that an earlier
    run kept, by its spec; None for a reranker whose scores are not kept.
    """

    def __init__(
        self,
        session: Session,
        queries: Sequence[Query],
        qrels: Qrels | None = None,
        progress: Progress | None = None,
        pair_store: Callable[[str], PairStore | None] = lambda _: None,
    ) -> None:
        self._progress = progress or Progress()
        self._pair_store = pair_store
        self.encoder = CachingEncoder(session.loaded)
        self.session = session.with_parts(loaded=session.loaded.with_encoder(self.encoder))
        self.queries = [q for q in queries if qrels is None or qrels.get(q.id)]
        self._judged = qrels or {}
        self.spans = spans_of(self._judged, self.documents)
        self.rerankers: dict[str, CachingReranker] = {}

    # ── the collection ───────────────────────────────────────────────────────────────────────────

    @cached_property
    def names(self) -> list[str]:
        """Document ids by catalog position."""
        return self.session.snapshot.catalog.ids()

    @cached_property
    def positions(self) -> dict[str, int]:
        """Map from document id to catalog position."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def tie_order(self) -> Rows:
        """Place of each document among documents of equal score, by catalog position, int64 (n,).

        By id, as measures have them; of judged passages that is `doc#start-end`.
        """
        return id_order([f"{name}#" for name in self.names] if self.spans else self.names)

    def places(self, rows: Rows) -> Rows:
        """Place of each row's document among documents of equal score, int64 (n,)."""
        return self.tie_order[self.session.snapshot.positions_of(rows)]

    @cached_property
    def ordered(self) -> Session:
        """The session with ties in the order of measures, however deep a search goes."""
        return self.session.with_parts(ties=self.places)

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """Map from document id to the digest of its content."""
        digests = self.session.snapshot.catalog.columns("digest")["digest"]
        return dict(zip(self.names, digests, strict=True))

    @cached_property
    def titles(self) -> list[str]:
        """Titles by catalog position."""
        found: list[str] = self.session.snapshot.catalog.columns("title")["title"]
        return found

    @cached_property
    def one_passage_each(self) -> bool:
        """True if no document has more than one passage."""
        return bool((self.session.snapshot.catalog.pointers()[1] <= 1).all())

    # ── ranking ──────────────────────────────────────────────────────────────────────────────────

    def reranker(self, options: QueryOptions) -> CachingReranker | None:
        """Reranker of pairs that the options name, shared by all runs; None if they name none."""
        if not options.rerank or options.rerank == LEARNED:
            return None
        if options.rerank not in self.rerankers:
            opened = self.session.loaded.reranker(options.rerank, self._progress)
            self.rerankers[options.rerank] = CachingReranker(
                opened, self._progress, self._pair_store(options.rerank)
            )
        return self.rerankers[options.rerank]

    def refused_pairs(self) -> list[str]:
        """Warnings that count the pairs that each reranker refused, with the first reason."""
        return [
            f"the reranker {spec} refused {len(r.refused):,} of {counted(r.pairs, 'pair')}, "
            f"which {'keeps its' if len(r.refused) == 1 else 'keep their'} order "
            f"behind the others: {next(iter(r.refused.values()))}"
            for spec, r in self.rerankers.items()
            if r.refused
        ]

    def rank(
        self,
        options: QueryOptions,
        session: Session | None = None,
        label: str = "search",
    ) -> BuiltRun:
        """Rank every query to `options.k` documents, or judged passages, by score and then as measures do.

        A document that is the query itself (same id, same words: ArguAna, Quora) is left out, unless the
        judgments of the query have it. `session`: a variant of this one's, see `truncated_session`.
        `label`: name of the phase of `progress`. Raises KeyboardInterrupt if that is stopped.
        """
        session = self.ordered if session is None else session.with_parts(ties=self.places)
        depth = options.k
        # one more than needed where the query itself may be among them
        own = any(q.id in self.documents for q in self.queries)
        by_passage = self.spans or self.one_passage_each
        wide = replace(
            options,
            k=2 * depth if self.spans else depth + own,
            by="passage" if by_passage else "document",
        )
        found = BuiltRun({})
        before = dict(session.timer)
        self.reranker(wide)  # loading it is a phase of its own
        self._progress.phase(label, "queries", len(self.queries))
        for part in _batches(self.queries):
            if self._progress.stop():
                raise KeyboardInterrupt
            ranking = Retriever(session, wide, self.reranker(wide)).rank(part)
            for r in ranking.queries:
                found.run[r.query.id] = self._hits(r, wide, depth, found)
            found.plan = ranking.plan
            found.truncated += len(ranking.truncated)
            found.warnings += [w for w in ranking.warnings if w not in found.warnings]
            self._progress.advance(len(part))
        # without encoding: texts that another run has encoded cost nothing
        spent = sum(
            seconds - before.get(stage, 0.0)
            for stage, seconds in session.timer.items()
            if stage not in ("encode", "load", LOAD_RERANKER, "open", "model", "fetch")
        )
        found.ms_per_query = 1000 * spent / max(1, len(self.queries))
        return found

    def _hits(
        self, r: RankedQuery, options: QueryOptions, depth: int, into: BuiltRun
    ) -> dict[str, float]:
        """Scores of one query's documents, best first. Adds their titles and rows to `into`."""
        at = self.session.snapshot.positions_of(r.rows).tolist()
        names = [self.names[i] for i in at]
        for i in at[:10]:
            if self.titles[i]:
                into.titles[self.names[i]] = self.titles[i]
        scores = (falling(r.scores) if options.diversity else r.scores).tolist()
        if self.spans:
            passages = self.session.documents.passages(r.rows)
            return as_judged(self.spans.get(r.query.id, {}), names, passages, scores, depth)
        hits = dict(zip(names, scores, strict=True))
        into.rows.update(zip(((r.query.id, n) for n in names[:10]), r.rows.tolist(), strict=False))
        if r.query.id in hits and self.is_itself(r.query, r.rows[[names.index(r.query.id)]]):
            del hits[r.query.id]
        return dict(list(hits.items())[:depth])

    def is_itself(self, query: Query, row: Rows) -> bool:
        """True if a document is the query's text, and not judged. `row`: of a passage of it, int64 (1,).

        The document has the query's id.
        """
        if self._judged.get(query.id, {}).get(query.id, -1) >= 0:  # negative: not judged
            return False
        passage = self.session.documents.passages(row)[0]
        title = self.session.documents.entries(row)[0].title
        words = query.text.strip()
        return words in (passage.text.strip(), f"{title} {passage.text}".strip())

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def latency(
        self, options: QueryOptions, began: float, sample: int = TIMED_QUERIES
    ) -> dict[str, Any] | None:
        """Seconds to rank ten passages for one query: median and 95th percentile of `sample` queries.

        Without reading the passages' text. `cold`: from `began`, before the index was opened, through the
        first query. Call it before anything is encoded. None without queries to time.
        """
        import numpy as np

        chosen = self.queries[: sample + 1]
        if sample < 1 or not chosen:
            return None
        times: list[float] = []
        ten = replace(options, k=10, by="passage")
        self.reranker(ten)
        self._progress.phase("time single queries", "queries", len(chosen))
        for query in chosen:
            reranker = self.reranker(ten)
            retriever = Retriever(self.session, ten, reranker)
            start = time.perf_counter()
            with (
                contextlib.suppress(EncodingError),  # the run of all queries says what is refused
                reranker.unreported() if reranker is not None else contextlib.nullcontext(),
            ):
                retriever.rank([query])
            times.append(time.perf_counter() - (start if times else began))
            self._progress.advance(1)
            if time.perf_counter() - began > TIMING_SECONDS + times[0]:
                break
        warm = times[1:] or times
        return {
            "cold": round(times[0], 4),
            "median": round(float(np.median(warm)), 6),
            "p95": round(float(np.quantile(warm, 0.95)), 6),
            "queries": len(warm),
        }


def falling(scores: Scores) -> Scores:
    """Scores of an order that is not theirs, float32 (n,), lowered where needed to fall strictly."""
    import numpy as np

    found = scores.copy()
    for i in range(1, len(found)):
        found[i] = min(found[i], np.nextafter(found[i - 1], np.float32(-np.inf)))
    return found


def _batches(queries: Sequence[Query]) -> list[Sequence[Query]]:
    """Queries in batches."""
    return [
        queries[at : at + QUERIES_PER_BATCH] for at in range(0, len(queries), QUERIES_PER_BATCH)
    ]
