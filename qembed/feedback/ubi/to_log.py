"""Rows of UBI to records of a log.

Rows of one query id are one query: the earliest one's text, and the first list of hits that is not empty;
filters and pages of shops write such rows. A query without hits was shown what its impressions name. Ranks
count from 1; whether ordinals do is asked of each application: one with an ordinal 0 counts from 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from qembed.feedback.given_events import GivenEvent, Refusal
from qembed.feedback.records import CLIENT_KINDS, ClientKind, Event, LoggedQuery, ShownHit
from qembed.feedback.ubi.lines import UbiLine
from qembed.feedback.ubi.rows import OURS, UbiEvent, UbiQuery, is_event, read_event, read_query

IMPRESSION = "impression"
OrdinalBase = Literal["auto", "0", "1"]


@dataclass(slots=True)
class UbiLog:
    """Records of UBI rows. `merged`: further rows of a query. `renamed`: query ids whose text changes.

    `untimed`: queries without a time, which have that of their first event, else that of the reading.
    """

    queries: list[LoggedQuery] = field(default_factory=list)
    events: list[GivenEvent] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    merged: int = 0
    renamed: int = 0
    untimed: int = 0


def read_ubi(
    lines: Iterable[UbiLine],
    now: float,
    ordinals: OrdinalBase = "auto",
    client_kind: ClientKind = CLIENT_KINDS[0],
) -> UbiLog:
    """Records of rows. `now`: seconds since 1970. `client_kind`: of clients whose rows name none."""
    found = UbiLog()
    rows: dict[str, list[UbiQuery]] = defaultdict(list)
    events: list[tuple[str, UbiEvent]] = []
    for line in lines:
        if line.problem:
            found.refused.append(Refusal(line.place, "unreadable", line.problem))
            continue
        try:
            if is_event(line.row):
                events.append((line.place, read_event(line.row)))
            else:
                query = read_query(line.row, line.id)
                rows[query.query_id].append(query)
        except ValueError as wrong:
            found.refused.append(Refusal(line.place, "schema", str(wrong)))
    bases = _Bases((e for _, e in events), ordinals)
    of_query: dict[str, list[UbiEvent]] = defaultdict(list)
    for place, e in events:
        base = bases[e.application]
        if e.ordinal is not None and e.ordinal < base:
            why = "event_attributes.position.ordinal: 0, where they count from 1"
            found.refused.append(Refusal(place, "schema", why))
            continue
        of_query[e.query_id].append(e)
        found.events.append(_given(e, place, base, client_kind))
    for name, some in of_query.items():
        texts = [e for e in some if e.text is not None]
        if name and name not in rows and texts:
            rows[name] = [_of_event(min(texts, key=lambda e: e.time))]
    for name, several in rows.items():
        found.merged += len(several) - 1
        found.renamed += len({q.text for q in several}) > 1
        found.queries.append(_query(several, of_query[name], bases, now, client_kind))
        found.untimed += all(q.time is None for q in several)
    return found


class _Bases(dict[str, int]):
    """Number of the first position, by application."""

    def __init__(self, events: Iterable[UbiEvent], ordinals: OrdinalBase) -> None:
        super().__init__()
        self._default = 1 if ordinals == "auto" else int(ordinals)
        if ordinals == "auto":
            self.update((e.application, 0) for e in events if e.ordinal == 0)

    def __missing__(self, _: str) -> int:
        return self._default


def _given(e: UbiEvent, place: str, base: int, kind: ClientKind) -> GivenEvent:
    attributes = dict(e.attributes)
    ours = attributes.pop(OURS, None)
    ours = ours if isinstance(ours, dict) else {}
    weight = ours.get("weight", 1.0)
    event = Event(
        event_id=e.event_id,
        query_id=e.query_id,
        action=e.action,
        time=e.time,
        object_id=e.object_id,
        position=None if e.ordinal is None else e.ordinal - base + 1,
        seconds=e.seconds,
        client_id=e.client_id,
        client_kind=_kind(ours, kind),
        session_id=e.session_id,
        user_id=e.user_id,
        weight=weight if isinstance(weight, float) and 0 < weight <= 1 else 1.0,
        source=str(ours.get("source", "")),
        attributes=attributes,
    )
    return GivenEvent(event, place, names_client=bool(e.client_id) or "client_kind" in ours)


def _kind(ours: Mapping[str, Any], default: ClientKind) -> ClientKind:
    named = ours.get("client_kind")
    return named if named in CLIENT_KINDS else default


def _of_event(e: UbiEvent) -> UbiQuery:
    """Query that an event tells of, where no row does."""
    return UbiQuery(e.query_id, e.text or "", e.time, (), e.client_id, e.application, {}, "")


def _query(
    rows: Sequence[UbiQuery],
    events: Sequence[UbiEvent],
    bases: Mapping[str, int],
    now: float,
    kind: ClientKind,
) -> LoggedQuery:
    """Query of all its rows and events."""
    times = [q.time for q in rows if q.time is not None] or [e.time for e in events] or [now]
    first = min(rows, key=lambda q: now if q.time is None else q.time)
    attributes = dict(first.attributes)
    ours = attributes.pop(OURS, None)
    ours = ours if isinstance(ours, dict) else {}
    settings = dict(ours.get("settings") or {})
    if attributes:
        settings["query_attributes"] = attributes
    if first.response_id:
        settings["query_response_id"] = first.response_id
    generation, session = ours.get("generation"), ours.get("session_id", "")
    return LoggedQuery(
        query_id=first.query_id,
        text=first.text,
        time=min(times),
        shown=_shown(rows, events, bases, ours),
        client_id=first.client_id,
        client_kind=_kind(ours, kind),
        session_id=session or next((e.session_id for e in events if e.session_id), ""),
        application=first.application,
        generation=generation if isinstance(generation, int) else None,
        settings=settings,
        explored=tuple(r for r in ours.get("explored", ()) if isinstance(r, int)),
    )


def _shown(
    rows: Sequence[UbiQuery],
    events: Sequence[UbiEvent],
    bases: Mapping[str, int],
    ours: Mapping[str, Any],
) -> tuple[ShownHit, ...]:
    """Hits that were shown: the first list of them, else what impressions name, each object once."""
    listed: Sequence[str] = next((q.shown for q in rows if q.shown), ())
    if listed:
        scores = _values(ours, "scores", len(listed), float) or [None] * len(listed)
        ranks = _values(ours, "ranks", len(listed), int) or range(1, len(listed) + 1)
        return tuple(map(ShownHit, listed, ranks, scores))
    places: dict[str, int] = {}
    unplaced: dict[str, None] = {}
    for e in events:
        if e.action != IMPRESSION or not e.object_id:
            continue
        if e.ordinal is None:
            unplaced[e.object_id] = None
        else:
            rank = e.ordinal - bases[e.application] + 1
            places[e.object_id] = min(rank, places.get(e.object_id, rank))
    last = max(places.values(), default=0)
    for n, name in enumerate((n for n in unplaced if n not in places), 1):
        places[name] = last + n
    return tuple(ShownHit(name, rank) for name, rank in sorted(places.items(), key=lambda r: r[1]))


def _values(ours: Mapping[str, Any], name: str, n: int, kind: type) -> list[Any] | None:
    """List of `n` values of a kind, None for another one."""
    found = ours.get(name)
    whole = isinstance(found, list) and len(found) == n and all(type(v) is kind for v in found)
    return found if whole else None
