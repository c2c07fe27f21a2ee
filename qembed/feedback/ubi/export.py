"""Records of a log to rows of UBI: NDJSON, or `_bulk` with a line of action before each row.

What the standard has no place for stands under the key `qembed` of the attributes, so that reading the rows
again gives the same records. An event with attributes and without a position is written as it is, although
the schema asks for a position there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qembed.feedback.records import CLIENT_KINDS, Event, LoggedQuery
from qembed.feedback.times import format_time
from qembed.feedback.ubi.rows import MESSAGE, OURS

INDICES = {LoggedQuery: "ubi_queries", Event: "ubi_events"}


def ubi_row(record: LoggedQuery | Event) -> dict[str, Any]:
    """Row of a record."""
    return _event(record) if isinstance(record, Event) else _query(record)


def lacks_position(row: Mapping[str, Any]) -> bool:
    """True for a row of an event that the schema refuses: attributes without a position."""
    attributes = row.get("event_attributes")
    if not attributes:
        return False
    position = attributes.get("position", {})
    return "ordinal" not in position and "xy" not in position


def ubi_lines(record: LoggedQuery | Event, row: Mapping[str, Any], bulk: bool) -> list[str]:
    """Lines of a row, without their ends; in a `_bulk` file with its action."""
    lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":"))]
    if bulk:
        own = record.event_id if isinstance(record, Event) else record.query_id
        action = {"index": {"_index": INDICES[type(record)], "_id": own}}
        lines.insert(0, json.dumps(action, separators=(",", ":")))
    return lines


def _query(q: LoggedQuery) -> dict[str, Any]:
    settings = dict(q.settings)
    attributes = dict(settings.pop("query_attributes", None) or {})
    response_id = settings.pop("query_response_id", None)
    field = attributes.pop("object_id_field", None)
    ranks, scores = [h.rank for h in q.shown], [h.score for h in q.shown]
    ours = {
        "client_kind": q.client_kind if q.client_kind != CLIENT_KINDS[0] else None,
        "session_id": q.session_id or None,
        "generation": q.generation,
        "settings": settings or None,
        "scores": scores if scores and None not in scores else None,
        "ranks": ranks if ranks != list(range(1, len(ranks) + 1)) else None,
        "explored": list(q.explored) or None,
    }
    if ours := {k: v for k, v in ours.items() if v is not None}:
        attributes[OURS] = ours
    row = {
        "application": q.application or None,
        "query_id": q.query_id,
        "client_id": q.client_id or None,
        "user_query": q.text,
        "object_id_field": field,
        "query_attributes": attributes,
        "timestamp": format_time(q.time),
        "query_response_id": response_id,
        "query_response_hit_ids": [h.id for h in q.shown] or None,
    }
    return {k: v for k, v in row.items() if v is not None}


def _event(e: Event) -> dict[str, Any]:
    attributes = dict(e.attributes)
    thing = _part(attributes, "object")
    position = _part(attributes, "position")
    message = _part(attributes, MESSAGE)
    if e.object_id:
        thing = {"object_id": e.object_id, **thing}
    if e.position is not None:
        position = {"ordinal": e.position, **position}
    ours = {
        "client_kind": e.client_kind if e.client_kind != CLIENT_KINDS[0] else None,
        "weight": e.weight if e.weight != 1.0 else None,
        "source": e.source or None,
    }
    inner = {
        "object": thing or None,
        "position": position or None,
        "dwell_time": e.seconds,
        **attributes,
        OURS: {k: v for k, v in ours.items() if v is not None} or None,
    }
    row = {
        "action_name": e.action,
        "event_id": e.event_id,
        "query_id": e.query_id,
        "session_id": e.session_id or None,
        "client_id": e.client_id or None,
        "user_id": e.user_id or None,
        "timestamp": format_time(e.time),
        **message,
        "event_attributes": {k: v for k, v in inner.items() if v is not None} or None,
    }
    return {k: v for k, v in row.items() if v is not None}


def _part(attributes: dict[str, Any], name: str) -> dict[str, Any]:
    """Part of the attributes that has a place of its own in a row, taken out of them."""
    found = attributes.get(name)
    if not isinstance(found, Mapping):
        return {}
    del attributes[name]
    return dict(found)
