"""Small logs for tests: answers that show documents a, b, c … and events on them."""

from __future__ import annotations

from typing import Any

from qembed.feedback.records import Event, LoggedQuery, ShownHit


def answer(query_id: str, shown: str = "abcde", text: str = "refund", **fields: Any) -> LoggedQuery:
    """Answer that shows one document a letter, asked by a client of its own."""
    hits = tuple(ShownHit(d, rank) for rank, d in enumerate(shown, 1))
    given = {"time": 100.0, "client_id": f"client of {query_id}", **fields}
    return LoggedQuery(query_id, text, shown=hits, **given)


def event(
    query_id: str, action: str, document: str = "", time: float = 101.0, **fields: Any
) -> Event:
    """Event with an id of its own."""
    name = f"{query_id} {action} {document} {time}"
    return Event(name, query_id, action, time, document, **fields)
