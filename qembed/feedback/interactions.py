"""Interactions: an answer of the log with what one kind of client did with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from qembed.feedback.records import ClientKind, Event, LoggedQuery

NO_CLIENT = ""
"""Client of queries that name neither a client nor a session: all of them count as one."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """Answer and the events on it of one kind of client and one source; of an answer without any, none.

    `kind`: of the client that acted, else of the one that asked. `source`: "" for clients, "judge" for a
    language model's votes. Events are ordered by time.
    """

    query: LoggedQuery
    events: tuple[Event, ...] = ()
    kind: ClientKind = "person"
    source: str = ""

    @property
    def client(self) -> str:
        """Client that asked, else its session, else `NO_CLIENT`."""
        return self.query.client_id or self.query.session_id or NO_CLIENT

    def ranks(self) -> dict[str, int]:
        """Rank of each document shown, from 1; of one shown twice, the better rank."""
        found: dict[str, int] = {}
        for hit in sorted(self.query.shown, key=lambda h: h.rank):
            found.setdefault(hit.id, hit.rank)
        return found


@dataclass(frozen=True, slots=True)
class Joined:
    """Interactions of a log, and what of it could not be joined.

    `repeated`: rows whose query id an earlier row has. `unknown`: events whose query is not in the log.
    `duplicates`: events whose id an earlier event has.
    """

    interactions: list[Interaction]
    queries: int = 0
    events: int = 0
    repeated: int = 0
    unknown: int = 0
    duplicates: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


def join_events(queries: Iterable[LoggedQuery], events: Iterable[Event]) -> Joined:
    """Join queries with their events by query id.

    Of several rows of one query id (pages, filters), the one counts that shows most of the objects of its
    events; of equals, the first. Events of persons, of agents, of tests and of judges on one answer make
    an interaction each, so that nothing downstream mixes them.
    """
    rows: dict[str, list[LoggedQuery]] = defaultdict(list)
    for query in queries:
        rows[query.query_id].append(query)
    acted: dict[str, list[Event]] = defaultdict(list)
    seen: set[str] = set()
    total = unknown = duplicates = 0
    for event in events:
        total += 1
        if event.event_id and event.event_id in seen:
            duplicates += 1
        elif event.query_id not in rows:
            unknown += 1
        else:
            acted[event.query_id].append(event)
        seen.add(event.event_id)
    found: list[Interaction] = []
    for query_id, same in rows.items():
        of_query = sorted(acted.get(query_id, ()), key=lambda e: e.time)
        objects = {e.object_id for e in of_query}
        query = max(same, key=lambda q: sum(hit.id in objects for hit in q.shown))
        parts: dict[tuple[ClientKind, str], list[Event]] = defaultdict(list)
        for event in of_query:
            parts[event.client_kind, event.source].append(event)
        if not any(source == "" for _, source in parts):
            parts[query.client_kind, ""] = []
        found += [
            Interaction(query, tuple(some), kind, source) for (kind, source), some in parts.items()
        ]
    kinds: dict[str, int] = defaultdict(int)
    for interaction in found:
        kinds[interaction.kind] += 1
    n = sum(map(len, rows.values()))
    return Joined(found, n, total, n - len(rows), unknown, duplicates, dict(kinds))
