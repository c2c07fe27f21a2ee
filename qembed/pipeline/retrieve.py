"""`qembed query`: the user's words to hits.

    words -> instruction template -> vector -> rows -> hits -> (rerank) -> cut

The words are never changed: what was encoded is kept beside them as the instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qembed.errors import InputError, UsageError
from qembed.models import check_template, open_reranker, query_text, resolve_task
from qembed.pipeline.fuse import LATE_WEIGHT, mixed
from qembed.pipeline.session import Session
from qembed.search.planner import Search
from qembed.types import Hit, Query, Results

if TYPE_CHECKING:
    from qembed.types import Reranker, Rows, Scores, Vectors

By = Literal["passage", "document"]


@dataclass(frozen=True, slots=True)
class Asked:
    """How to answer. `task` and `template` None: the index's or the model's own."""

    k: int = 10
    task: str | None = None
    instruction: bool = True
    template: str | None = None
    mode: str = "auto"
    search: Search = "auto"
    ef: int | None = None
    rerank: str | None = None
    candidates: int = 100
    min_score: float | None = None
    by: By = "passage"


@dataclass(slots=True)
class Ranked:
    """One query's rows, best first, before they become hits."""

    query: Query
    instruction: str | None
    rows: Rows
    scores: Scores
    dense: Scores
    rerank: Scores | None = None


@dataclass(slots=True)
class Answer:
    """What all queries of a call found, and how."""

    results: list[Results]
    plan: str
    truncated: int
    reranker: str | None = None


def check_queries(queries: Sequence[Query]) -> None:
    """Raises InputError for queries without words."""
    empty = [f"query {q.id}: no words in it" for q in queries if not q.text.strip()]
    if empty:
        raise InputError("an empty query finds nothing:", empty)


class Retriever:
    """Answers queries from one session; loads the model and the reranker once."""

    def __init__(self, session: Session, asked: Asked) -> None:
        if asked.k < 1 or asked.candidates < 1:
            raise UsageError("-k and --candidates: at least 1")
        if asked.template is not None:
            check_template(asked.template)
        self.session = session
        self.asked = asked
        self.plan = ""
        self.truncated = 0
        self._reranker: Reranker | None = None

    # ── words to vectors ─────────────────────────────────────────────────────────────────────────

    def instructions(self, queries: Sequence[Query]) -> list[str]:
        """The text that is encoded for each query."""
        profile = self.session.model.profile
        remembered = self.session.snapshot.manifest.settings.get("task")
        template = "{query}" if not self.asked.instruction else self.asked.template or profile.query
        texts = []
        for q in queries:
            task = q.task or self.asked.task or remembered
            resolved = resolve_task(task, profile) if task else profile.task
            texts.append(query_text(template, q.text, resolved))
        return texts

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dim) for finished query texts; equal texts are encoded once."""
        import numpy as np

        distinct = list(dict.fromkeys(texts))
        limit = self.session.model.max_tokens
        self.truncated = sum(n > limit for n in self.session.model.count(distinct))
        encoder = self.session.encoder
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
        texts = self.instructions(queries)
        vectors = self.encode(texts)
        depth = max(asked.k, asked.candidates) if asked.rerank else asked.k
        found = self._search(vectors, depth)
        ranked = [
            Ranked(q, text if text != q.text else None, rows, scores, scores)
            for q, text, (rows, scores) in zip(queries, texts, found, strict=True)
        ]
        if asked.rerank:
            with self.session.seconds("rerank"):
                self._rerank(ranked, texts, track)
        for r in ranked:
            self._cut(r)
        return ranked

    def _search(self, vectors: Vectors, depth: int) -> list[tuple[Rows, Scores]]:
        """`depth` passages a query or, by document, passages of `depth` documents."""
        asked = self.asked
        session = self.session
        if asked.by == "passage":
            found, plan = session.nearest(vectors, depth, asked.search, asked.ef)
            self.plan = f"{plan.kind} ({plan.why})"
            return found
        total = session.snapshot.passages_total
        documents = max(1, int(session.snapshot.manifest.counts.get("documents", 1)))
        # a document has total / documents passages on average, and the best ones have more among the top
        ask = min(total, depth * max(1, -(-2 * total // documents)))
        while True:
            found, plan = session.nearest(vectors, ask, asked.search, asked.ef)
            self.plan = f"{plan.kind} ({plan.why})"
            found = [self._best_of_each(rows, scores) for rows, scores in found]
            fewest = min((len(rows) for rows, _ in found), default=depth)
            if fewest >= min(depth, documents) or ask >= total:
                return [(rows[:depth], scores[:depth]) for rows, scores in found]
            ask = min(total, ask * 4)

    def _best_of_each(self, rows: Rows, scores: Scores) -> tuple[Rows, Scores]:
        first = self._first_of_each(rows)
        return rows[first], scores[first]

    def _first_of_each(self, rows: Rows) -> Rows:
        """Positions of the first row of each document, in order."""
        import numpy as np

        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        positions = self.session.snapshot.positions_of(rows)
        return np.sort(np.unique(positions, return_index=True)[1])

    # ── again, more slowly ───────────────────────────────────────────────────────────────────────

    @property
    def reranker(self) -> Reranker:
        """The reranker, opened at first use."""
        if self._reranker is None:
            assert self.asked.rerank is not None
            self._reranker = open_reranker(
                self.asked.rerank, self.session.model, task=self.asked.task
            )
        return self._reranker

    def _rerank(
        self,
        ranked: Sequence[Ranked],
        texts: Sequence[str],
        track: Callable[[int], None] | None,
    ) -> None:
        import numpy as np

        for r in ranked:
            best = r.rows[: self.asked.candidates]
            r.rows, r.scores, r.dense = best, r.scores[: len(best)], r.dense[: len(best)]
        distinct = np.unique(np.concatenate([r.rows for r in ranked])) if ranked else None
        if distinct is None or not len(distinct):
            return
        passages = dict(zip(distinct.tolist(), self.session.passages(distinct), strict=True))
        titles = dict(
            zip(
                distinct.tolist(),
                (line.title for line in self.session.snapshot.lines_of(distinct)),
                strict=True,
            )
        )
        late = self.asked.rerank == "late"
        pairs = [
            (text if late else r.query.text, self.session.finished(titles[row], passages[row].text))
            for r, text in zip(ranked, texts, strict=True)
            for row in r.rows.tolist()
        ]
        scores = self.reranker.score(pairs)
        if track is not None:
            track(len(pairs))
        at = 0
        for r in ranked:
            n = len(r.rows)
            r.rerank = scores[at : at + n]
            at += n
            final = mixed(r.dense, r.rerank, LATE_WEIGHT) if late else r.rerank
            order = np.lexsort((r.rows, -final))
            r.rows, r.dense, r.rerank = r.rows[order], r.dense[order], r.rerank[order]
            r.scores = final[order]

    def _cut(self, r: Ranked) -> None:
        keep = len(r.rows)
        if self.asked.min_score is not None:
            keep = int((r.scores >= self.asked.min_score).sum())
        keep = min(keep, self.asked.k)
        r.rows, r.scores, r.dense = r.rows[:keep], r.scores[:keep], r.dense[:keep]
        r.rerank = None if r.rerank is None else r.rerank[:keep]

    # ── rows to hits ─────────────────────────────────────────────────────────────────────────────

    def answer(
        self, queries: Sequence[Query], track: Callable[[int], None] | None = None
    ) -> Answer:
        """The hits of every query, in the order of the queries."""
        import numpy as np

        ranked = self.rank(queries, track)
        session = self.session
        rows = (
            np.unique(np.concatenate([r.rows for r in ranked])) if ranked else np.zeros(0, np.int64)
        )
        with session.seconds("fetch"):
            passages = dict(zip(rows.tolist(), session.passages(rows), strict=True))
            lines = dict(zip(rows.tolist(), session.snapshot.lines_of(rows), strict=True))
        results = []
        for r in ranked:
            hits = []
            for i, row in enumerate(r.rows.tolist()):
                line = lines[row]
                rerank = None if r.rerank is None else float(r.rerank[i])
                hits.append(
                    Hit(
                        document=line.id,
                        path=session.path_of(line.source, line.file),
                        title=line.title,
                        passage=replace(passages[row], document=line.id),
                        score=float(r.scores[i]),
                        scores={"dense": float(r.dense[i]), "lexical": None, "rerank": rerank},
                        meta=line.meta,
                    )
                )
            results.append(Results(r.query, r.instruction, hits, {}))
        kind = getattr(self._reranker, "kind", None)
        return Answer(results, self.plan, self.truncated, kind)


def open_retriever(root: Path, asked: Asked, spec: str | None = None) -> Retriever:
    """Opens the index at `root` for answering. Raises NoIndex, IndexDamaged, RecipeMismatch."""
    return Retriever(Session(root, spec), asked)
