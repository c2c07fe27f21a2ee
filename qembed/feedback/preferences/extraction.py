"""Extraction of preferences from a log: joined, limited, corrected for position, netted by query group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from qembed.feedback.interactions import NO_CLIENT, Interaction, Joined, join_events
from qembed.feedback.preferences.answers import Vote, answer_votes
from qembed.feedback.preferences.limits import by_group, client_factors, limit_interactions
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import CLICKS, DWELL, USES, Signal, read_signals
from qembed.feedback.preferences.traces import reformulation_votes, trace_votes
from qembed.feedback.propensity.click_log import make_click_log
from qembed.feedback.propensity.click_test import ClickTest, click_test
from qembed.feedback.propensity.estimate import Propensities, estimate_propensities
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.records import ClientKind, Event, LoggedQuery

Grouping = Callable[[str], str]
"""Name of the group of a query's text: queries of one group want the same."""
LEAST = 1e-9
"""Net weight below which two documents are equal."""


@dataclass(frozen=True, slots=True)
class Preference:
    """For a query, one document over another.

    `query`: text of the group's first query. `weight`: net of all votes on the two. `reason`: of the largest
    part of it. `clients`, `answers`: that voted so. `against`: answers that voted the other way. `kind`: of
    the clients, never two. `source`: "judge" for a language model's votes. `time`: of the last such query.
    """

    query: str
    group: str
    preferred: str
    rejected: str
    weight: float
    reason: str
    kind: ClientKind
    source: str = ""
    clients: int = 1
    answers: int = 1
    against: int = 0
    time: float = 0.0


@dataclass(slots=True)
class PreferenceSummary:
    """Counts of an extraction.

    `repeated`, `duplicates`, `unknown`: see `Joined`. `other_kinds`: interactions of kinds that were not
    asked for, by kind. `silent`: answers without any signal. `not_shown`: objects of events that their
    answer did not show. `position_only`: votes of opened over other hits that were dropped, as clicks follow
    position alone. `limited`: clients whose weight was cut to their share. `contradictions`: pairs with votes
    both ways; `undecided`: those of them whose votes cancel out. `opposed`: pairs on which persons and
    agents, or judges, disagree. `kinds`, `reasons`: preferences by kind and reason.
    """

    queries: int = 0
    events: int = 0
    repeated: int = 0
    duplicates: int = 0
    unknown: int = 0
    other_kinds: dict[str, int] = field(default_factory=dict)
    silent: int = 0
    not_shown: int = 0
    robots: int = 0
    robot_answers: int = 0
    capped: int = 0
    limited: int = 0
    position_only: int = 0
    contradictions: int = 0
    undecided: int = 0
    opposed: int = 0
    groups: int = 0
    preferences: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Extracted:
    """Preferences, largest weight first within a query, and how they came about."""

    preferences: list[Preference]
    summary: PreferenceSummary
    clicks: ClickTest
    propensities: Propensities | None


def find_preferences(
    queries: Iterable[LoggedQuery],
    events: Iterable[Event],
    options: PreferenceOptions | None = None,
    *,
    group: Grouping = normalise_query,
    correct: bool = True,
    propensities: Propensities | None = None,
) -> Extracted:
    """Preferences of a log. `correct`: for the position bias of persons, else click over skipped above.
    `propensities`: known ones to correct by, None to estimate them.

    Persons, agents and judges are netted apart. Persons' clicks count only if they do not follow position
    alone, as far as the log can tell. Raises UsageError for options out of range.
    """
    options = options or PreferenceOptions()
    options.check()
    group = cache(group)
    joined = join_events(queries, events)
    summary = _joined_summary(joined)
    wanted = [i for i in joined.interactions if i.kind in options.kinds]
    left_out = Counter(str(i.kind) for i in joined.interactions if i.kind not in options.kinds)
    summary.other_kinds = dict(left_out)
    limited = limit_interactions(
        wanted, group, lambda i: bool(read_signals(i.events, options)), options
    )
    summary.robots, summary.robot_answers = limited.robots, limited.robot_answers
    summary.capped = limited.capped
    kept = limited.interactions
    persons = [i for i in kept if i.kind == "person" and not i.source]
    tested = click_test(
        make_click_log(_one_each(persons, group), group, is_click), options.alpha, options.seed
    )
    if not correct:
        propensities = None
    elif propensities is None:
        propensities = estimate_propensities(make_click_log(persons, group, is_click))
    cast = list(_votes(kept, options, group, propensities, summary))
    if tested.verdict == "position":
        telling = [(i, v) for i, v in cast if i.kind != "person" or not _by_position(v)]
        summary.position_only = len(cast) - len(telling)
        cast = telling
    preferences = _net(_shared(cast, options, summary), group, summary)
    return Extracted(preferences, summary, tested, propensities)


def is_click(event: Event) -> bool:
    """Return whether the event shows that its hit was opened, which wants that it was looked at."""
    return event.action in CLICKS or event.action in USES or event.action == DWELL


def _by_position(vote: Vote) -> bool:
    """Return whether the vote rests on which hits were opened: not if both were, nor if it is explicit."""
    return " over " in vote.reason and not vote.reason.startswith(("vote", "unused"))


def _joined_summary(joined: Joined) -> PreferenceSummary:
    return PreferenceSummary(
        queries=joined.queries,
        events=joined.events,
        repeated=joined.repeated,
        duplicates=joined.duplicates,
        unknown=joined.unknown,
    )


def _one_each(interactions: Sequence[Interaction], group: Grouping) -> Iterator[Interaction]:
    """Yield the first answer of each named client to each query that it acted on: a habit is not a repeat."""
    seen: set[tuple[str, str]] = set()
    for interaction in interactions:
        key = interaction.client, group(interaction.query.text)
        if not interaction.events or key in seen:
            continue
        if key[0] != NO_CLIENT:
            seen.add(key)
        yield interaction


def _votes(
    kept: Sequence[Interaction],
    options: PreferenceOptions,
    group: Grouping,
    propensities: Propensities | None,
    summary: PreferenceSummary,
) -> Iterator[tuple[Interaction, Vote]]:
    sessions: dict[tuple[str, str], list[Interaction]] = defaultdict(list)
    for interaction in kept:
        signals: dict[str, Signal] = read_signals(interaction.events, options)
        shown = interaction.ranks()
        summary.silent += not signals
        summary.not_shown += sum(d not in shown for d in signals)
        for vote in answer_votes(interaction, signals, options, propensities):
            yield interaction, vote
        if interaction.kind == "agent" and interaction.query.session_id and not interaction.source:
            sessions[interaction.client, interaction.query.session_id].append(interaction)
    for same in by_group(kept, group).values():
        yield from trace_votes(same, options)
    for session in sessions.values():
        yield from reformulation_votes(session, options)


def _shared(
    cast: Sequence[tuple[Interaction, Vote]],
    options: PreferenceOptions,
    summary: PreferenceSummary,
) -> list[tuple[Interaction, Vote, float]]:
    """Votes with weights that keep each client, among those of its kind, at its share."""
    weights: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for interaction, vote in cast:
        weights[interaction.kind, interaction.source][interaction.client] += vote.weight
    factors = {key: client_factors(of, options.share) for key, of in weights.items()}
    summary.limited = sum(f < 1 for of in factors.values() for f in of.values())
    found = []
    for interaction, vote in cast:
        factor = factors[interaction.kind, interaction.source][interaction.client]
        trust = options.judge if interaction.source else 1.0
        found.append((interaction, vote, vote.weight * factor * trust))
    return found


@dataclass(slots=True)
class _Side:
    """Votes for one direction of a pair."""

    weight: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    clients: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    time: float = 0.0


def _net(
    weighted: Sequence[tuple[Interaction, Vote, float]],
    group: Grouping,
    summary: PreferenceSummary,
) -> list[Preference]:
    sides: dict[tuple[ClientKind, str, str, str, str], _Side] = defaultdict(_Side)
    texts: dict[str, tuple[float, str]] = {}
    for interaction, vote, weight in weighted:
        query = interaction.query
        name = group(query.text)
        texts[name] = min(texts.get(name, (query.time, query.text)), (query.time, query.text))
        if weight <= 0:
            continue
        side = sides[interaction.kind, interaction.source, name, vote.preferred, vote.rejected]
        side.weight += weight
        side.reasons[vote.reason] += weight  # type: ignore[assignment]
        side.clients.add(interaction.client)
        side.answers.add(query.query_id)
        side.time = max(side.time, query.time)
    found: list[Preference] = []
    for (kind, source, name, a, b), side in sides.items():
        other = sides.get((kind, source, name, b, a))
        if other is not None and a < b:
            summary.contradictions += 1
            summary.undecided += abs(side.weight - other.weight) <= LEAST
        net = side.weight - (other.weight if other else 0.0)
        if net <= LEAST:
            continue
        found.append(
            Preference(
                query=texts[name][1],
                group=name,
                preferred=a,
                rejected=b,
                weight=net,
                reason=side.reasons.most_common(1)[0][0],
                kind=kind,
                source=source,
                clients=len(side.clients),
                answers=len(side.answers),
                against=len(other.answers) if other else 0,
                time=side.time,
            )
        )
    found.sort(key=lambda p: (p.group, -p.weight, p.preferred, p.rejected, p.kind, p.source))
    decided = {(p.group, p.preferred, p.rejected) for p in found}
    summary.opposed = sum((g, b, a) in decided for g, a, b in decided if a < b)
    summary.preferences, summary.groups = len(found), len({p.group for p in found})
    summary.kinds = dict(Counter(p.source or p.kind for p in found))
    summary.reasons = dict(Counter(p.reason for p in found).most_common())
    return found
