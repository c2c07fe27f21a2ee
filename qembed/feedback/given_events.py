"""Events as JSON lines, and the test which of them a log takes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from qembed.feedback.log_rows import VERSION
from qembed.feedback.records import CLIENT_KINDS, Event, LoggedQuery
from qembed.feedback.times import parse_time

MAX_NAME = 100
"""Characters of an action's name, and of ids other than objects'."""
NAMED_IDS = 5
"""Documents that a refusal names, at most."""
CLOCK_SLACK = 60.0
"""Seconds that an event's clock may be before its query's, or before ours."""
_NAMES = {
    "object": "object_id",
    "session": "session_id",
    "client": "client_id",
    "user": "user_id",
    "timestamp": "time",
}
"""Short names of fields."""


class GivenEvent(NamedTuple):
    """Event that is to be logged, and its place in the input for messages, "" for none.

    `names_client`: False for one that takes client and session of its query.
    """

    event: Event
    place: str = ""
    names_client: bool = True


def parse_event(body: Any, now: float) -> GivenEvent:
    """Event of a JSON object with `query_id`, `action` and others; unknown fields become attributes.

    Without a time it is of `now`, seconds since 1970. Without an id it gets one, of its content if that has a
    time, so that the same line given twice is one event. Raises ValueError.
    """
    if not isinstance(body, Mapping):
        raise ValueError("a JSON object is wanted")
    if (version := body.get("v", VERSION)) != VERSION or body.get("kind", "event") != "event":
        raise ValueError(
            f"version {version}, kind {body.get('kind')}: an event of version 1 is wanted"
        )
    given = {k: v for k, v in body.items() if v is not None and k not in ("v", "kind")}
    row: dict[str, Any] = {_NAMES.get(name, name): value for name, value in given.items()}
    if isinstance(row.get("object_id"), int) and not isinstance(row["object_id"], bool):
        row["object_id"] = str(row["object_id"])
    names_client = "client_id" in row or "client_kind" in row
    kind, colon, name = str(row.get("client_id", "")).partition(":")
    if colon and kind in CLIENT_KINDS and "client_kind" not in row:
        row |= {"client_id": name, "client_kind": kind}
    event_id = row.pop("event_id", None)
    if event_id is None:
        event_id = content_id(row) if "time" in row else os.urandom(8).hex()
    event = Event(
        event_id=_text(event_id, "event_id"),
        query_id=_text(row.pop("query_id", ""), "query_id"),
        action=_text(row.pop("action", ""), "action"),
        time=parse_time(row.pop("time", now)),
        object_id=_text(row.pop("object_id", ""), "object", limit=0, wanted=False),
        position=_position(row.pop("position", None)),
        seconds=_seconds(row.pop("seconds", None)),
        client_id=_text(row.pop("client_id", ""), "client", wanted=False),
        client_kind=_kind(row.pop("client_kind", CLIENT_KINDS[0])),
        session_id=_text(row.pop("session_id", ""), "session", wanted=False),
        user_id=_text(row.pop("user_id", ""), "user", wanted=False),
        weight=_weight(row.pop("weight", 1.0)),
        source=_text(row.pop("source", ""), "source", wanted=False),
        attributes={**_object(row.pop("attributes", {})), **row},
    )
    check_event(event)
    return GivenEvent(event, names_client=names_client)


def check_event(event: Event) -> None:
    """Raise ValueError for an event that says nothing: a dwell without seconds, an action of nothing."""
    if event.action == "dwell" and event.seconds is None:
        raise ValueError("dwell wants seconds")
    if not event.object_id and event.position is None:
        raise ValueError("an object, or the position of one, is wanted")


def content_id(row: Mapping[str, Any]) -> str:
    """Id of a row by its content: the same row has the same one."""
    data = json.dumps(row, sort_keys=True, separators=(",", ":"), default=str).encode()
    return hashlib.blake2b(data, digest_size=10).hexdigest()


def _text(value: Any, name: str, *, limit: int = MAX_NAME, wanted: bool = True) -> str:
    if not isinstance(value, str) or (wanted and not value.strip()):
        raise ValueError(f"{name}: a text is wanted")
    if limit and len(value) > limit:
        raise ValueError(f"{name}: longer than {limit} characters")
    return value


def _position(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError("position: a whole number from 1 on is wanted")
    return value


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError("seconds: a number from 0 on is wanted")
    return float(value)


def _weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("weight: above 0 and at most 1 is wanted")
    return float(value)


def _kind(value: Any) -> Any:
    if value not in CLIENT_KINDS:
        raise ValueError(f"client_kind: one of {', '.join(CLIENT_KINDS)} is wanted")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("attributes: an object is wanted")
    return value


# ── what a log takes ─────────────────────────────────────────────────────────────────────────────


class Refusal(NamedTuple):
    """Row that is not taken. `kind`: what is counted; `why`: the message."""

    place: str
    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}" if self.place else self.why


@dataclass(slots=True)
class TakenEvents:
    """Events to append, those refused, and the number of those that are there already."""

    events: list[Event]
    refused: list[Refusal]
    duplicates: int = 0


def take_events(
    given: Iterable[GivenEvent],
    queries: Mapping[str, LoggedQuery],
    known: set[str],
    in_corpus: Callable[[str], bool],
    now: float,
    *,
    shown_only: bool = False,
) -> TakenEvents:
    """Choose the events that a log takes.

    `queries`: of the log, by id. `known`: ids of its events, which grow. `in_corpus`: True for a document
    that the index has. `now`: seconds since 1970. An event without an object is of the hit at its position,
    one without a position of the rank its object was shown at. `shown_only`: refuse events on documents that
    their query did not show.
    """
    found = TakenEvents([], [])
    for event, place, names_client in given:
        if event.event_id in known:
            found.duplicates += 1
            continue
        query = queries.get(event.query_id)
        if query is None:
            named = event.query_id
            why = f"query {named} is not in the log" if named else "it names no query"
            found.refused.append(Refusal(place, "unknown query", why))
            continue
        event = _completed(event, query, names_client)
        refused = _not_shown(event, query) if shown_only else None
        if (refused := refused or _refusal(event, query, in_corpus, now)) is not None:
            found.refused.append(Refusal(place, *refused))
            continue
        known.add(event.event_id)
        found.events.append(event)
    return found


def _completed(event: Event, query: LoggedQuery, names_client: bool) -> Event:
    """Event with the object at its position, or its object's position, and its query's client."""
    if not names_client:
        session = event.session_id or query.session_id
        event = replace(
            event, client_id=query.client_id, client_kind=query.client_kind, session_id=session
        )
    if not event.object_id and event.position is not None:
        shown = {h.rank: h.id for h in query.shown}
        return replace(event, object_id=shown.get(event.position, ""))
    if event.object_id and event.position is None:
        ranks = {h.id: h.rank for h in reversed(query.shown)}
        return replace(event, position=ranks.get(event.object_id))
    return event


def _not_shown(event: Event, query: LoggedQuery) -> tuple[str, str] | None:
    """(kind, message) of an event on a document that its query did not show; None for other ones."""
    ids = list(dict.fromkeys(h.id for h in query.shown))
    if not event.object_id or event.object_id in ids:
        return None
    more = ", …" if len(ids) > NAMED_IDS else ""
    named = "it showed " + ", ".join(ids[:NAMED_IDS]) + more if ids else "it showed none"
    return "not shown", f"query {event.query_id} did not show {event.object_id} ({named})"


def _refusal(
    event: Event, query: LoggedQuery, in_corpus: Callable[[str], bool], now: float
) -> tuple[str, str] | None:
    """(kind, message) of an event that is not taken; None for one that is."""
    if not event.object_id and event.position is not None:
        return (
            "unknown object",
            f"query {event.query_id} was shown no hit at position {event.position}",
        )
    if event.object_id and not in_corpus(event.object_id):
        if any(h.id == event.object_id for h in query.shown):
            return "left the corpus", f"{event.object_id} has left the corpus since it was shown"
        return "unknown object", f"there is no document {event.object_id}, and none was shown"
    if event.time < query.time - CLOCK_SLACK:
        late = query.time - event.time
        return "clock", f"it is {late:.0f} seconds before its query {event.query_id}"
    if event.time > now + CLOCK_SLACK:
        return "clock", f"it is {event.time - now:.0f} seconds after now"
    return None
