"""Rows of the feedback log: records to JSON lines and back.

    {"v":1,"kind":"query","time":1764410000.1,"query_id":"…","text":"…","shown":[{"id","rank","score"}], …}
    {"v":1,"kind":"event","time":1764410009.3,"event_id":"…","query_id":"…","action":"click", …}

Fields that say nothing are left out. Other fields are allowed and ignored, so that a later qembed may add
some without a new version. Making a row imports no records: a query that is logged does not pay for them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qembed.feedback.records import Event, LoggedQuery, ShownHit

VERSION = 1


class RowError(ValueError):
    """A line that is no row: torn, or changed by hand. The message is the reason."""


class UnknownVersion(RowError):
    """A row of a later version, or of a kind that this one does not know."""


def query_row(
    query_id: str,
    text: str,
    time: float,
    shown: Iterable[tuple[str, int, float | None]],
    **more: Any,
) -> dict[str, Any]:
    """Row of a query. `shown`: (document, rank, score). `more`: other fields, as JSON values."""
    hits = [
        {"id": i, "rank": rank} if score is None else {"id": i, "rank": rank, "score": score}
        for i, rank, score in shown
    ]
    fields = {"query_id": query_id, "text": text, "shown": hits, **more}
    return _row("query", time, fields, ("query_id", "text"))


def _row(
    kind: str, time: float, fields: Mapping[str, Any], always: tuple[str, ...]
) -> dict[str, Any]:
    kept = {
        n: v for n, v in fields.items() if n in always or not (v is None or v in ("", [], {}, ()))
    }
    return {"v": VERSION, "kind": kind, "time": time, **kept}


def row_of_query(q: LoggedQuery) -> dict[str, Any]:
    """Row of a query."""
    return query_row(
        q.query_id,
        q.text,
        q.time,
        ((h.id, h.rank, h.score) for h in q.shown),
        client_id=q.client_id,
        client_kind=q.client_kind,
        session_id=q.session_id,
        application=q.application,
        generation=q.generation,
        settings=dict(q.settings),
        explored=list(q.explored),
    )


def row_of_event(e: Event) -> dict[str, Any]:
    """Row of an event."""
    fields = {
        "event_id": e.event_id,
        "query_id": e.query_id,
        "action": e.action,
        "object_id": e.object_id,
        "position": e.position,
        "seconds": e.seconds,
        "client_id": e.client_id,
        "client_kind": e.client_kind,
        "session_id": e.session_id,
        "user_id": e.user_id,
        "weight": None if e.weight == 1.0 else e.weight,
        "source": e.source,
        "attributes": dict(e.attributes),
    }
    return _row("event", round(e.time, 3), fields, ("event_id", "query_id", "action"))


def row_of(record: LoggedQuery | Event) -> dict[str, Any]:
    """Row of a record."""
    from qembed.feedback.records import Event

    return row_of_event(record) if isinstance(record, Event) else row_of_query(record)


def encode_row(row: Mapping[str, Any]) -> bytes:
    """Line of a row, its end included.

    In ASCII, so that lone surrogates survive: file names that are not UTF-8.
    """
    return json.dumps(row, separators=(",", ":"), default=str).encode("ascii") + b"\n"


# ── lines to records ─────────────────────────────────────────────────────────────────────────────


def parse_line(line: bytes) -> LoggedQuery | Event:
    """Record of a line. Raises RowError, UnknownVersion."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise RowError("not JSON") from None
    if not isinstance(row, dict) or "v" not in row:
        raise RowError("no row of a log")
    if row["v"] != VERSION:
        raise UnknownVersion(f"version {str(row['v'])[:20]}")
    kind = row.get("kind")
    if kind == "query":
        return _query(row)
    if kind == "event":
        return _event(row)
    raise UnknownVersion(f"kind {str(kind)[:20]!r}")


def _query(row: Mapping[str, Any]) -> LoggedQuery:
    from qembed.feedback.records import LoggedQuery

    generation = row.get("generation")
    return LoggedQuery(
        query_id=_text(row, "query_id", wanted=True),
        text=_text(row, "text"),
        time=_number(row, "time"),
        shown=tuple(_hit(h) for h in _list(row, "shown")),
        client_id=_text(row, "client_id"),
        client_kind=_client_kind(row),
        session_id=_text(row, "session_id"),
        application=_text(row, "application"),
        generation=None if generation is None else _integer(row, "generation"),
        settings=_object(row, "settings"),
        explored=tuple(_rank(r, "explored") for r in _list(row, "explored")),
    )


def _event(row: Mapping[str, Any]) -> Event:
    from qembed.feedback.records import Event

    position, seconds = row.get("position"), row.get("seconds")
    return Event(
        event_id=_text(row, "event_id", wanted=True),
        query_id=_text(row, "query_id", wanted=True),
        action=_text(row, "action", wanted=True),
        time=_number(row, "time"),
        object_id=_text(row, "object_id"),
        position=None if position is None else _rank(position, "position"),
        seconds=None if seconds is None else _number(row, "seconds"),
        client_id=_text(row, "client_id"),
        client_kind=_client_kind(row),
        session_id=_text(row, "session_id"),
        user_id=_text(row, "user_id"),
        weight=_number(row, "weight") if "weight" in row else 1.0,
        source=_text(row, "source"),
        attributes=_object(row, "attributes"),
    )


def _hit(body: Any) -> ShownHit:
    from qembed.feedback.records import ShownHit

    if not isinstance(body, dict):
        raise RowError("a hit that is no object")
    score = body.get("score")
    return ShownHit(
        _text(body, "id", wanted=True),
        _rank(body.get("rank"), "rank"),
        None if score is None else _number(body, "score"),
    )


def _client_kind(row: Mapping[str, Any]) -> Any:
    from qembed.feedback.records import CLIENT_KINDS

    kind = row.get("client_kind", CLIENT_KINDS[0])
    if kind not in CLIENT_KINDS:
        raise RowError(f"client_kind {str(kind)[:20]!r} is none of {', '.join(CLIENT_KINDS)}")
    return kind


def _text(row: Mapping[str, Any], name: str, *, wanted: bool = False) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or (wanted and not value):
        raise RowError(f"{name}: a text is wanted")
    return value


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RowError(f"{name}: a number is wanted")
    return float(value)


def _integer(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RowError(f"{name}: a whole number is wanted")
    return value


def _rank(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RowError(f"{name}: a whole number from 1 on is wanted")
    return value


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name, [])
    if not isinstance(value, list):
        raise RowError(f"{name}: a list is wanted")
    return value


def _object(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name, {})
    if not isinstance(value, dict):
        raise RowError(f"{name}: an object is wanted")
    return value
