"""Simulated users of a real collection: what is learned of their clicks, on queries that were not clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qembed.evaluation import read_qrels, read_queries
from qembed.evaluation.tuning.verdict import Gain
from qembed.feedback.preferences import PreferenceOptions, find_preferences
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from qembed.pipeline.feedback.learning.fit import FOLDS, fit_pairs, fold_of, query_components
from qembed.pipeline.feedback.learning.held_out import LaterGain, judge_later
from qembed.pipeline.feedback.learning.judgments import Judged, judge_by
from qembed.pipeline.feedback.learning.pairs import (
    LogPart,
    QueryFeatures,
    Reading,
    make_pairs,
    query_features,
)
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels, Query
from tests.feedback.simulated import Model

SHOWN = 10


@dataclass(frozen=True)
class Collection:
    """Judged queries of an index with the features of their candidates, by id; halves by component."""

    queries: dict[str, Query]
    qrels: Qrels
    known: Mapping[str, QueryFeatures]
    train: list[str]
    test: list[str]
    components: list[list[str]]

    @property
    def by_group(self) -> dict[str, QueryFeatures]:
        """Features by query group."""
        return {normalise_query(self.queries[q].text): of for q, of in self.known.items()}


def open_collection(index: Path, files: Sequence[tuple[Path, Path]], seed: int = 5) -> Collection:
    """Search all judged queries. `files`: of queries and their judgments."""
    queries: dict[str, Query] = {}
    qrels: Qrels = {}
    for asked, judged in files:
        found = {q: {d: g for d, g in of.items() if g > 0} for q, of in read_qrels(judged).items()}
        qrels |= {q: of for q, of in found.items() if of}
        queries |= {q.id: q for q in read_queries(asked) if qrels.get(q.id)}
    with Session(index) as session:
        known, _ = query_features(session, {q.id: q.text for q in queries.values()})
    components = query_components(
        {q.id: q.text for q in queries.values()}, {q: list(qrels[q]) for q in queries}
    )
    half = fold_of(components, 2, seed)
    return Collection(
        queries,
        qrels,
        known,
        [q for q in queries if half[q] == 0],
        [q for q in queries if half[q] == 1],
        components,
    )


def simulate_log(
    collection: Collection,
    model: Model,
    noise: float,
    *,
    sessions: int = 2000,
    seed: int = 0,
    explore: bool = True,
    blind: bool = False,
) -> LogPart:
    """Sessions on the training queries, each another client, all queries as likely.

    Attraction of what is relevant: .9 - noise; of the rest: noise; of all .4 if `blind`. `explore`: two
    neighbours are exchanged in half of the answers.
    """
    rng = np.random.default_rng(seed)
    queries: list[LoggedQuery] = []
    events: list[Event] = []
    for s in range(sessions):
        name = collection.train[int(rng.integers(len(collection.train)))]
        hits = list(collection.known[name].documents)[:SHOWN]
        swapped: tuple[int, ...] = ()
        if explore and len(hits) > 1 and rng.random() < 0.5:
            i = int(rng.integers(len(hits) - 1))
            hits[i], hits[i + 1] = hits[i + 1], hits[i]
            swapped = (i + 1,)
        good = collection.qrels[name]
        attraction = np.array([0.9 - noise if h in good else noise for h in hits])
        clicked = model(rng, np.full(len(hits), 0.4) if blind else attraction)
        queries.append(
            LoggedQuery(
                query_id=f"s{s}",
                text=collection.queries[name].text,
                time=float(s),
                shown=tuple(ShownHit(h, rank) for rank, h in enumerate(hits, 1)),
                client_id=f"c{s}",
                settings={"explore": True} if explore else {},
                explored=swapped,
            )
        )
        events += [
            Event(f"s{s}-{i}", f"s{s}", "click", s + 0.5, hits[i], i + 1)
            for i in np.flatnonzero(clicked).tolist()
        ]
    return LogPart(queries, events)


@dataclass(frozen=True)
class Outcome:
    """Gain in nDCG@10 on the other half's queries, None if nothing was learned; what `learn` says of it."""

    verdict: str
    gain: Gain | None
    before: float
    later: Mapping[str, LaterGain]
    strength: float = 0.0


def learn(collection: Collection, log: LogPart, correct: bool = True) -> Outcome:
    """Learn of a log and measure on the queries that nobody asked."""
    options = PreferenceOptions()
    found = find_preferences(log.queries, log.events, options, correct=correct)
    verdict = found.clicks.verdict
    if not found.preferences:
        return Outcome(verdict, None, 0.0, {})
    known = collection.by_group
    texts = {p.group: p.query for p in found.preferences}
    components = query_components(texts, {p.group: [p.preferred] for p in found.preferences})
    folds = fold_of(components, FOLDS, 0)
    reading = Reading(options, found.propensities, verdict == "position")
    fitted = fit_pairs(make_pairs(reading.training(log), known), folds)
    if fitted is None:
        return Outcome(verdict, None, 0.0, {})
    judged = Judged([collection.queries[q] for q in collection.test], collection.qrels)
    features = {q: collection.known[q] for q in collection.test}
    result = judge_by(judged, features, fitted.weights, collection.components, 0)
    later = judge_later(log, reading, known, folds, components) if correct else {}
    return Outcome(verdict, result.gain, result.before, later, fitted.strength)
