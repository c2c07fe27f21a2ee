"""Preferences of a log as differences of features."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qembed.feedback.interactions import join_events
from qembed.feedback.learning.popularity import popularity
from qembed.feedback.preferences import Preference, PreferenceOptions, find_preferences
from qembed.feedback.preferences.limits import limit_interactions
from qembed.feedback.preferences.signals import read_signals
from qembed.feedback.propensity.estimate import Propensities
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.records import Event, LoggedQuery
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.pipeline.retrieval.learned.order import ranked_features
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

if TYPE_CHECKING:
    import numpy.typing as npt

    from qembed.pipeline.retrieval.learned.features import Matrix

CANDIDATES = 100
"""Documents of a query whose features are taken, as many as a reranker gets by default."""
BATCH = 200
POPULAR = FEATURES.index("popular")
Popularity = Mapping[str, Mapping[str, float]]
"""Group of a query -> document -> popularity."""


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """Candidates of a query in the order before, and their features, float64 (n, len(FEATURES)).

    `popular` is 0 in them.
    """

    documents: Mapping[str, int]
    features: Matrix


def query_features(
    session: Session, texts: Mapping[str, str], track: Callable[[int], None] = lambda _: None
) -> tuple[dict[str, QueryFeatures], dict[str, Any]]:
    """(features by group, the options of the order before that differ from the defaults).

    `texts`: of a query of each group. The order before is that of the index without its reranker. `track`:
    called with the number of queries just done. Raises as the `Retriever`.
    """
    options = QueryOptions(k=CANDIDATES, by="document", given=())
    probe = Retriever(session, options)
    retriever = Retriever(session, replace(probe.options, rerank=None, diversity=0.0))
    tuned = {n: v for n, v in probe.tuned.items() if not n.startswith("rerank")}
    now = time.time()
    found: dict[str, QueryFeatures] = {}
    names = list(texts)
    for at in range(0, len(names), BATCH):
        part = names[at : at + BATCH]
        asked = [Query(name, texts[name]) for name in part]
        for name, ranked in zip(part, retriever.retrieve(asked).queries, strict=True):
            ids = session.documents.document_ids(ranked.rows)
            features = ranked_features(session, ranked, None, now)
            found[name] = QueryFeatures({d: i for i, d in enumerate(ids)}, features)
        track(len(part))
    return found, tuned


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of documents. `differences`: preferred minus rejected, float64 (n, len(FEATURES)).

    `trust`: weight of each, float64 (n,). `groups`: query group of each.
    """

    differences: Matrix
    trust: npt.NDArray[Any]
    groups: Sequence[str]

    def of(self, wanted: Callable[[str], bool]) -> Pairs:
        """The pairs of some groups."""
        import numpy as np

        at = np.array([i for i, g in enumerate(self.groups) if wanted(g)], dtype=np.int64)
        return Pairs(self.differences[at], self.trust[at], [self.groups[i] for i in at.tolist()])


def make_pairs(
    parts: Sequence[tuple[Sequence[Preference], Popularity]],
    known: Mapping[str, QueryFeatures],
) -> Pairs:
    """Pairs of preferences, each part with what was popular before it.

    Documents that are not among a query's candidates are left out.
    """
    import numpy as np

    rows: list[Matrix] = []
    trust: list[float] = []
    groups: list[str] = []
    for preferences, popular in parts:
        for p in preferences:
            query = known.get(p.group)
            if query is None:
                continue
            a, b = query.documents.get(p.preferred), query.documents.get(p.rejected)
            if a is None or b is None:
                continue
            row = query.features[a] - query.features[b]
            of_query = popular.get(p.group, {})
            row[POPULAR] = of_query.get(p.preferred, 0.0) - of_query.get(p.rejected, 0.0)
            rows.append(row)
            trust.append(p.weight)
            groups.append(p.group)
    differences = np.array(rows) if rows else np.zeros((0, len(FEATURES)))
    return Pairs(differences, np.array(trust), groups)


@dataclass(frozen=True, slots=True)
class LogPart:
    """Queries of a stretch of time, in order, and the events on them."""

    queries: Sequence[LoggedQuery]
    events: Sequence[Event]

    def divide(self, share: float) -> tuple[LogPart, LogPart]:
        """The part up to a share of the queries, and the rest. Rows of one query id stay together."""
        ordered = sorted(self.queries, key=lambda q: q.time)
        first_ids = {q.query_id for q in ordered[: int(len(ordered) * share)]}
        return self._only(first_ids, True), self._only(first_ids, False)

    def _only(self, ids: set[str], inside: bool) -> LogPart:
        return LogPart(
            [q for q in self.queries if (q.query_id in ids) is inside],
            [e for e in self.events if (e.query_id in ids) is inside],
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Rules for reading all parts of a log. `votes_only`: persons' clicks follow position alone."""

    options: PreferenceOptions
    propensities: Propensities | None
    votes_only: bool

    def preferences(self, part: LogPart) -> list[Preference]:
        """Preferences of a part."""
        # whether clicks follow documents was asked of the whole log: a part has too few answers to tell
        alpha = self.options.alpha if self.votes_only else 1 - 1e-9
        return find_preferences(
            part.queries,
            part.events,
            replace(self.options, alpha=alpha),
            correct=self.propensities is not None,
            propensities=self.propensities,
        ).preferences

    def popularity(self, part: LogPart) -> dict[str, dict[str, float]]:
        """Popularity of documents in a part."""
        joined = join_events(part.queries, part.events).interactions
        wanted = [i for i in joined if i.kind in self.options.kinds]
        limited = limit_interactions(
            wanted,
            normalise_query,
            lambda i: bool(read_signals(i.events, self.options)),
            self.options,
        )
        return popularity(
            limited.interactions,
            normalise_query,
            self.options,
            self.propensities,
            votes_only=self.votes_only,
        )

    def training(
        self, part: LogPart, only: Callable[[str], bool] = lambda _: True
    ) -> list[tuple[list[Preference], Popularity]]:
        """Preferences of both halves of a part, with what was popular before each.

        What is preferred and what is popular must not be counted from the same answers: a document would be
        preferred because it was clicked, and popular because it was clicked. `only`: the groups to take.
        """
        first, second = part.divide(0.5)
        return [
            ([p for p in self.preferences(first) if only(p.group)], {}),
            ([p for p in self.preferences(second) if only(p.group)], self.popularity(first)),
        ]
