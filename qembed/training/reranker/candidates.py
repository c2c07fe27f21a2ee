"""Candidates of held-out queries, and how well a reranker orders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.evaluation import evaluate, parse_measures
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.search.topk import distinct
from qembed.training.judging import MEASURE
from qembed.training.reranker.examples import GradedTexts
from qembed.training.reranker.reranker_folder import score
from qembed.types import Qrels, Query, Run

if TYPE_CHECKING:
    from qembed.protocols import Pair
    from qembed.types import Scores

PREFERRED = "accuracy"
"""Share of preferences, by weight, whose better text has the higher score."""
FIRST = 10
"""Candidates of a query of which it is told how many stay the first ones."""
ALIKE = 1e-3
"""Mean deviation of the logits of a query's candidates below which a reranker says nothing."""

COUNTED = 128
"""Pairs that are scored between two steps of the progress."""


class Candidate(NamedTuple):
    """Text that a query's others are compared with, and its document."""

    document: str
    text: str


class Preferred(NamedTuple):
    """Positions of two of a query's candidates, the better one first, and the weight of this preference."""

    better: int
    worse: int
    weight: float


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """Queries with their candidates, best first in the search before, and what tells which are better.

    `qrels`: judgments. `preferences`: by query id, for the measure PREFERRED.
    """

    queries: Sequence[Query]
    candidates: Mapping[str, Sequence[Candidate]]
    qrels: Qrels = field(default_factory=dict)
    measure: str = MEASURE
    preferences: Mapping[str, Sequence[Preferred]] = field(default_factory=dict)

    def pairs(self) -> list[Pair]:
        """All pairs of a query and a text, by query."""
        return [(q.text, c.text) for q in self.queries for c in self.candidates[q.id]]


@dataclass(frozen=True, slots=True)
class Reranked:
    """One reranker's results: values of the set's measure, and scores of the candidates, by query id."""

    values: dict[str, float]
    scores: dict[str, Scores]

    def spread(self) -> float:
        """Mean standard deviation of a query's scores."""
        found = [float(s.std()) for s in self.scores.values() if len(s) > 1]
        return sum(found) / len(found) if found else float("inf")


def index_candidates(
    session: Session, queries: Sequence[Query], qrels: Qrels, depth: int
) -> CandidateSet:
    """The best passage of each of the first `depth` documents that the index finds for each query."""
    options = QueryOptions(k=depth, by="document")
    found: dict[str, list[Candidate]] = {q.id: [] for q in queries}
    ranked = Retriever(session, options).retrieve(queries).queries if queries else []
    if ranked:
        rows = distinct([r.rows for r in ranked])
        passages = session.documents.passages(rows)
        entries = session.documents.entries(rows)
        render = session.loaded.reranker_text
        texts = {
            row: Candidate(e.id, render(e.title, p.text, p.label))
            for row, e, p in zip(rows.tolist(), entries, passages, strict=True)
        }
        for r in ranked:
            found[r.query.id] = [texts[row] for row in r.rows[:depth].tolist()]
    return CandidateSet(queries, found, qrels)


def preferred_candidates(examples: Sequence[GradedTexts], queries: Sequence[Query]) -> CandidateSet:
    """Texts of the queries' preferences, each once, and the preferences, which are judged by."""
    found: dict[str, dict[Candidate, int]] = {q.id: {} for q in queries}
    preferences: dict[str, list[Preferred]] = {q.id: [] for q in queries}
    for e in examples:
        if e.query_id not in found:
            continue
        texts = found[e.query_id]
        better, worse = (texts.setdefault(Candidate(t, t), len(texts)) for t in e.texts)
        preferences[e.query_id].append(Preferred(better, worse, e.weight))
    candidates = {q: list(texts) for q, texts in found.items()}
    return CandidateSet(queries, candidates, measure=PREFERRED, preferences=preferences)


def rerank(model: Any, given: CandidateSet, progress: Progress) -> Reranked:
    """Score the candidates with a model in memory. Raises KeyboardInterrupt where the progress stops it."""
    import numpy as np

    pairs, found = given.pairs(), [np.zeros(0, dtype=np.float32)]
    for at in range(0, len(pairs), COUNTED):
        if progress.stop():
            raise KeyboardInterrupt
        found.append(score(model, pairs[at : at + COUNTED]))
        progress.advance(len(found[-1]))
    logits = np.concatenate(found)
    ends = np.cumsum([len(given.candidates[q.id]) for q in given.queries])
    parts = np.split(logits, ends[:-1])
    scores = {q.id: part for q, part in zip(given.queries, parts, strict=True)}
    return Reranked(ranked_values(given, scores), scores)


def search_alone(given: CandidateSet) -> Reranked:
    """The order of the search before."""
    import numpy as np

    scores = {
        q.id: -np.arange(len(given.candidates[q.id]), dtype=np.float32) for q in given.queries
    }
    return Reranked(ranked_values(given, scores), scores)


def ranked_values(given: CandidateSet, scores: Mapping[str, Scores]) -> dict[str, float]:
    """Value of each query by its candidates' scores."""
    if given.measure == PREFERRED:
        return {q.id: _accuracy(given, q.id, scores[q.id]) for q in given.queries}
    if not given.queries:
        return {}
    run: Run = {
        q.id: {
            c.document: float(s)
            for c, s in zip(given.candidates[q.id], scores[q.id].tolist(), strict=True)
        }
        for q in given.queries
    }
    judged = {q.id: given.qrels[q.id] for q in given.queries}
    report = evaluate(parse_measures(given.measure), judged, run)
    return {q: values[given.measure] for q, values in report.per_query.items()}


def _accuracy(given: CandidateSet, query: str, scores: Scores) -> float:
    """Share of the query's preferences, by weight, in the right order; equal scores count half."""
    s = scores.tolist()
    right = total = 0.0
    for better, worse, weight in given.preferences[query]:
        total += weight
        if s[better] >= s[worse]:
            right += weight if s[better] > s[worse] else weight / 2
    return right / total if total else 0.5


def first_kept(before: Reranked, after: Reranked) -> float | None:
    """Mean share of a query's FIRST candidates that are still among them; None where none has more."""
    import numpy as np

    shares = []
    for query, was in before.scores.items():
        first, now = (set(np.argsort(-s)[:FIRST].tolist()) for s in (was, after.scores[query]))
        if len(was) > FIRST:
            shares.append(len(first & now) / FIRST)
    return sum(shares) / len(shares) if shares else None
