"""`qembed query`: the user's words to hits.

    words -> instruction template -> vector -> rows -> hits -> (rerank) -> cut

The words are never changed: what was encoded is kept beside them as the instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models import query_text, resolve_task
from qembed.pipeline.retrieval.candidates import CandidateRetriever, Candidates
from qembed.pipeline.retrieval.fusion import late_share
from qembed.pipeline.retrieval.options import QueryOptions, check_options, check_queries
from qembed.pipeline.retrieval.pair_scoring import Reranked, ordered, score_pairs, summarize_rerank
from qembed.pipeline.retrieval.session import Session
from qembed.search.topk import distinct
from qembed.types import Hit, Passage, Query, Results

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.types import Rows, Scorer, Scores, Vectors

SPECIAL_TOKENS = 16
"""Tokens that a model may add to a text. An ASCII text has no more of its own than characters."""


@dataclass(slots=True)
class Ranked:
    """One query's rows, best first, before they become hits. `vector`: the query's, float32 (dim,)."""

    query: Query
    instruction: str | None
    rows: Rows
    scores: Scores
    dense: Scores | None
    lexical: Scores | None = None
    rerank: Scores | None = None
    why: str = ""
    vector: Vectors | None = None

    def take(self, at: Rows) -> None:
        """Keeps what is at the given positions, in that order."""
        self.rows, self.scores = self.rows[at], self.scores[at]
        self.dense = None if self.dense is None else self.dense[at]
        self.lexical = None if self.lexical is None else self.lexical[at]
        self.rerank = None if self.rerank is None else self.rerank[at]


@dataclass(slots=True)
class Answer:
    """What all queries of a call found, and how. `vectors`: each query's, None where words alone answer."""

    results: list[Results]
    vectors: list[Vectors | None]
    plan: str
    truncated: int
    reranker: str | None = None
    reranked: Reranked | None = None
    why: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Retriever:
    """Answers queries from one session; loads the model and the reranker once."""

    def __init__(self, session: Session, asked: QueryOptions) -> None:
        check_options(asked)
        self.session = session
        self.asked = asked
        self.plan = ""
        self.truncated = 0
        self.cut_short: list[str] = []
        self.warnings: list[str] = []
        self._arms = CandidateRetriever(session, asked.mode, asked.search, asked.ef, asked.fusion)
        self._reranker: Scorer | None = None
        self.reranked: Reranked | None = None

    def __enter__(self) -> Retriever:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    # ── words to vectors ─────────────────────────────────────────────────────────────────────────

    def instructions(self, queries: Sequence[Query]) -> list[str]:
        """The text that is encoded for each query."""
        profile = self.session.model.profile
        template = "{query}" if not self.asked.instruction else self.asked.template or profile.query
        texts = []
        for q in queries:
            task = self._task(q)
            resolved = resolve_task(task, profile) if task else profile.task
            texts.append(query_text(template, q.text, resolved))
        return texts

    def _task(self, query: Query) -> str | None:
        """A query's own task, else the command's, else the index's; by name or in full."""
        remembered: str | None = self.session.snapshot.manifest.settings.get("task")
        return query.task or self.asked.task or remembered

    def texts_to_encode(self, queries: Sequence[Query]) -> list[str]:
        """What `rank` will ask the encoder for; empty if words alone answer."""
        return self.instructions(queries) if self._arms.wants_vectors else []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dim) for finished query texts; equal texts are encoded once."""
        import numpy as np

        distinct = list(dict.fromkeys(texts))
        limit = self.session.model.max_tokens
        encoder = self.session.encoder  # first: an exported one has a tokenizer to count with
        long = [t for t in distinct if not (t.isascii() and len(t) + SPECIAL_TOKENS <= limit)]
        lengths = self.session.model.count(long) if long else []
        self.cut_short = [t for t, n in zip(long, lengths, strict=True) if n > limit]
        self.truncated = len(self.cut_short)
        with self.session.seconds("encode"):
            vectors = encoder.encode(distinct)
        at = {t: i for i, t in enumerate(distinct)}
        return vectors[np.array([at[t] for t in texts], dtype=np.int64)]

    # ── vectors to rows ──────────────────────────────────────────────────────────────────────────

    def rank(
        self, queries: Sequence[Query], track: Callable[[int], None] | None = None
    ) -> list[Ranked]:
        """Rows for each query: searched, reranked if asked, grouped by document if asked, cut to k."""
        check_queries(queries)
        asked = self.asked
        meaning = self._arms.wants_vectors
        texts = self.instructions(queries) if meaning or asked.rerank == "late" else None
        vectors = self.encode(texts) if texts is not None and meaning else None
        depth = max(asked.k, asked.candidates) if asked.rerank else asked.k
        if asked.diversity:
            depth = max(depth, asked.candidates)
        parts: list[Candidates | None] = [None] * len(queries)
        for where, at in _groups(queries).items():
            part = None if vectors is None else vectors[at]
            hits = self._search([queries[i].text for i in at], part, depth, self._allowed(where))
            for i, one in zip(at, hits, strict=True):
                parts[i] = one
        ranked = []
        for i, (q, hit) in enumerate(zip(queries, parts, strict=True)):
            assert hit is not None
            encoded = texts[i] if texts is not None and meaning else q.text
            said = encoded if encoded != q.text else None
            vector = None if vectors is None else vectors[i]
            ranked.append(
                Ranked(q, said, hit.rows, hit.scores, hit.dense, hit.lexical, None, hit.why, vector)
            )
        if asked.rerank:
            self._rerank(ranked, texts, track)
        for r in ranked:
            self._cut(r)
        return ranked

    def _allowed(self, where: str | None) -> Allowed | None:
        """What the command's filters and a query's own let through; None without any."""
        texts = (*self.asked.where, *([where] if where is not None else []))
        if not texts:
            return None
        with self.session.seconds("filter"):
            allowed = self.session.filters.allowed(texts)
        self.warnings += [w for w in allowed.warnings if w not in self.warnings]
        return allowed

    def _search(
        self, words: Sequence[str], vectors: Vectors | None, depth: int, allowed: Allowed | None
    ) -> list[Candidates]:
        """`depth` passages a query or, by document, passages of `depth` documents."""
        session = self.session
        if self.asked.by == "passage":
            found = self._arms.find(words, vectors, depth, allowed)
            self.plan = self._arms.plan
            return [f.take(_first(depth, f)) for f in found]
        total = session.snapshot.passages_total if allowed is None else len(allowed.rows)
        documents = int(session.snapshot.manifest.counts.get("documents", 1))
        documents = max(1, documents if allowed is None else allowed.documents)
        # a document has total / documents passages on average, and the best ones have more among the top
        ask = min(total, depth * max(1, -(-2 * total // documents)))
        while True:
            found = self._arms.find(words, vectors, ask, allowed)
            self.plan = self._arms.plan
            # fewer than asked for: no other passage holds the words
            all_seen = all(len(f.rows) < ask for f in found)
            found = [f.take(self._first_of_each(f.rows)) for f in found]
            fewest = min((len(f.rows) for f in found), default=depth)
            if fewest >= min(depth, documents) or ask >= total or all_seen:
                return [f.take(_first(depth, f)) for f in found]
            ask = min(total, ask * 4)

    def _first_of_each(self, rows: Rows) -> Rows:
        """Positions of the first row of each document, in order."""
        import numpy as np

        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        positions = self.session.snapshot.positions_of(rows)
        return np.sort(np.unique(positions, return_index=True)[1])

    # ── again, more slowly ───────────────────────────────────────────────────────────────────────

    @property
    def reranker(self) -> Scorer:
        """The reranker, opened at first use."""
        if self._reranker is None:
            assert self.asked.rerank is not None
            self._reranker = self.session.reranker(self.asked.rerank)
        return self._reranker

    def _rerank(
        self,
        ranked: Sequence[Ranked],
        texts: Sequence[str] | None,
        track: Callable[[int], None] | None,
    ) -> None:
        import numpy as np

        for r in ranked:
            r.take(np.arange(min(len(r.rows), self.asked.candidates)))
        rows = distinct([r.rows for r in ranked])
        if not len(rows):
            return
        passages = dict(zip(rows.tolist(), self.session.passages(rows), strict=True))
        lines = self.session.lines(rows)
        titles = dict(zip(rows.tolist(), (line.title for line in lines), strict=True))
        late = self.asked.rerank == "late"
        # a cross-encoder reads words as people write them: the encoder's prefixes are not for it
        render = self.session.encoder_text if late else self.session.reranker_text
        spoken = texts if late and texts is not None else [r.query.text for r in ranked]
        pairs = [
            (text, render(titles[row], passages[row].text, passages[row].label))
            for r, text in zip(ranked, spoken, strict=True)
            for row in r.rows.tolist()
        ]
        ranks = [i for r in ranked for i in range(len(r.rows))]
        tasks = [task for r in ranked for task in [self._task(r.query)] * len(r.rows)]
        reranker, budget = self.reranker, self.asked.rerank_budget
        with self.session.seconds("rerank"):
            scores = score_pairs(reranker, pairs, ranks, budget, track, tasks=tasks)
        self.reranked = summarize_rerank(self.asked.rerank or "", reranker, scores, self.reranked)
        at = 0
        for r in ranked:
            n = len(r.rows)
            r.rerank = scores[at : at + n]
            at += n
            share = late_share(r.dense, r.lexical) if late else 1.0
            r.scores, order = ordered(r.scores, r.rerank, share)
            r.take(order)

    def _cut(self, r: Ranked) -> None:
        keep = len(r.rows)
        if self.asked.min_score is not None:
            keep = int((r.scores >= self.asked.min_score).sum())
        if self.asked.diversity:
            r.take(_first(keep, r))
            vectors = self.session.vectors(r.rows)
            from qembed.pipeline.retrieval.postprocess import maximal_marginal_relevance

            r.take(
                maximal_marginal_relevance(r.scores, vectors, self.asked.k, self.asked.diversity)
            )
        r.take(_first(min(keep, self.asked.k), r))

    # ── rows to hits ─────────────────────────────────────────────────────────────────────────────

    def answer(
        self, queries: Sequence[Query], track: Callable[[int], None] | None = None
    ) -> Answer:
        """The hits of every query, in the order of the queries."""
        ranked = self.rank(queries, track)
        session = self.session
        rows = distinct([r.rows for r in ranked])
        with session.seconds("fetch"):
            passages = dict(zip(rows.tolist(), session.passages(rows), strict=True))
            lines = dict(zip(rows.tolist(), session.lines(rows), strict=True))
        if self.asked.context:
            from qembed.pipeline.retrieval.postprocess import add_context
        results = []
        for r in ranked:
            hits = []
            shown: list[Passage | None] = [passages[row] for row in r.rows.tolist()]
            if self.asked.context:
                with session.seconds("fetch"):
                    own = [passages[row] for row in r.rows.tolist()]
                    shown = add_context(session, r.rows.tolist(), own, self.asked.context)
            for i, row in enumerate(r.rows.tolist()):
                line, passage = lines[row], shown[i]
                if passage is None:
                    continue
                rerank = None if r.rerank is None else float(r.rerank[i])
                if rerank is not None and not isfinite(rerank):
                    rerank = None  # the budget did not reach it
                hits.append(
                    Hit(
                        document=line.id,
                        path=session.path_of(line.source, line.file),
                        title=line.title,
                        passage=_of(passage, line.id),
                        score=float(r.scores[i]),
                        scores={
                            "dense": None if r.dense is None else float(r.dense[i]),
                            "lexical": None if r.lexical is None else float(r.lexical[i]),
                            "rerank": rerank,
                        },
                        meta=line.meta,
                    )
                )
            results.append(Results(r.query, r.instruction, hits, {}))
        kind = None if self._reranker is None else self._reranker.kind
        why = {r.query.id: r.why for r in ranked if r.why}
        return Answer(
            results,
            [r.vector for r in ranked],
            self.plan,
            self.truncated,
            kind,
            self.reranked,
            why,
            self.warnings,
        )


def _of(passage: Passage, document: str) -> Passage:
    """The passage under its document's present name: a file may have moved since it was encoded."""
    return passage if passage.document == document else replace(passage, document=document)


def _first(k: int, of: Candidates | Ranked) -> Rows:
    """The positions of the first k."""
    import numpy as np

    return np.arange(min(k, len(of.rows)))


def _groups(queries: Sequence[Query]) -> dict[str | None, list[int]]:
    """A query's own filter -> the positions of the queries that have it."""
    groups: dict[str | None, list[int]] = {}
    for i, q in enumerate(queries):
        groups.setdefault(q.where, []).append(i)
    return groups


def open_retriever(root: Path, asked: QueryOptions, spec: str | None = None) -> Retriever:
    """Opens the index at `root` for answering. Raises NoIndex, IndexDamaged, RecipeMismatch."""
    check_options(asked)
    return Retriever(Session(root, spec), asked)
