"""Rows of UBI checked and read, one by one.

A name of an action is any text: the published schema lists names and allows any text besides, as a `oneOf`,
so that taken at its word it refuses the listed ones. Read as they are found: null for a field that is not
there, times as milliseconds, offsets without a colon, positions without a rank, numbers as ids of objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qembed.feedback.given_events import content_id
from qembed.feedback.times import parse_time

MAX_TEXT = 100
"""Characters of ids, names of actions and applications, as the schema has it."""
MESSAGE = "ubi"
"""Key of a row's message in the attributes of an event."""
OURS = "qembed"
"""Key of what the standard has no place for, in `query_attributes` and `event_attributes`."""


@dataclass(frozen=True, slots=True)
class UbiQuery:
    """Row of a query. `time`: None without a timestamp. `shown`: ids in their order."""

    query_id: str
    text: str
    time: float | None
    shown: tuple[str, ...]
    client_id: str
    application: str
    attributes: Mapping[str, Any]
    response_id: str


@dataclass(frozen=True, slots=True)
class UbiEvent:
    """Row of an event. `ordinal`: as it was counted, from 0 or 1; None without one. `text`: of its query."""

    event_id: str
    query_id: str
    action: str
    time: float
    object_id: str
    ordinal: int | None
    seconds: float | None
    client_id: str
    session_id: str
    user_id: str
    application: str
    text: str | None
    attributes: Mapping[str, Any]


def is_event(row: Mapping[str, Any]) -> bool:
    """True for a row of an event, False for one of a query."""
    return row.get("action_name") is not None


def read_query(row: Mapping[str, Any], own_id: str) -> UbiQuery:
    """Query of a row. `own_id`: the index's, for a row without `query_id`. Raises ValueError."""
    text = row.get("user_query")
    if not isinstance(text, str):
        raise ValueError(
            "neither action_name nor user_query: no row of UBI"
            if text is None
            else "user_query: a text is wanted"
        )
    hits = _list(row, "query_response_hit_ids")
    time = row.get("timestamp")
    attributes = dict(_object(row, "query_attributes"))
    if field := _text(row, "object_id_field"):
        attributes["object_id_field"] = field
    return UbiQuery(
        query_id=_text(row, "query_id") or own_id[:MAX_TEXT] or content_id(row),
        text=text,
        time=None if time is None else _time(time),
        shown=tuple(_object_id(h, "query_response_hit_ids") for h in hits),
        client_id=_text(row, "client_id"),
        application=_text(row, "application"),
        attributes=attributes,
        response_id=_text(row, "query_response_id", limit=0),
    )


def read_event(row: Mapping[str, Any]) -> UbiEvent:
    """Event of a row, with an id of its content if it has none. Raises ValueError."""
    attributes = dict(_object(row, "event_attributes"))
    thing = dict(_object(attributes, "object", "event_attributes.object"))
    position = dict(_object(attributes, "position", "event_attributes.position"))
    object_id = thing.pop("object_id", None)
    ordinal = position.pop("ordinal", None)
    if isinstance(ordinal, bool) or not isinstance(ordinal, int | None) or (ordinal or 0) < 0:
        raise ValueError("event_attributes.position.ordinal: a whole number from 0 on is wanted")
    seconds = attributes.pop("dwell_time", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        if seconds is not None:
            attributes["dwell_time"] = seconds
        seconds = None
    left = {k: row[k] for k in ("message_type", "message") if row.get(k) is not None}
    for name, part in (("object", thing), ("position", position), (MESSAGE, left)):
        attributes.pop(name, None)
        if part := {k: v for k, v in part.items() if v is not None}:
            attributes[name] = part
    text = row.get("user_query")
    return UbiEvent(
        event_id=_text(row, "event_id") or content_id(row),
        query_id=_text(row, "query_id"),
        action=_text(row, "action_name"),
        time=_time(row.get("timestamp")),
        object_id="" if object_id is None else _object_id(object_id, "object_id"),
        ordinal=ordinal,
        seconds=seconds,
        client_id=_text(row, "client_id"),
        session_id=_text(row, "session_id"),
        user_id=_text(row, "user_id"),
        application=_text(row, "application"),
        text=text if isinstance(text, str) else None,
        attributes={k: v for k, v in attributes.items() if v is not None},
    )


def _text(row: Mapping[str, Any], name: str, limit: int = MAX_TEXT) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: a text is wanted")
    if limit and len(value) > limit:
        raise ValueError(f"{name}: longer than {limit} characters")
    return value


def _time(value: Any) -> float:
    if value is None:
        raise ValueError("timestamp: required")
    try:
        return parse_time(value)
    except ValueError as e:
        raise ValueError(f"timestamp: {e}") from None


def _object_id(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{name}: a text or a whole number is wanted")
    return str(value)


def _object(row: Mapping[str, Any], name: str, shown: str = "") -> Mapping[str, Any]:
    value = row.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{shown or name}: an object is wanted")
    return value or {}


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name}: a list is wanted")
    return value or []
