"""Lines of UBI files: a row a line, `_bulk` with a line of action before each row, or hits of a search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

ACTIONS = frozenset({"index", "create", "update", "delete"})


class UbiLine(NamedTuple):
    """Row and its place, file and line. `id`: the index's own, "" if nothing names it.

    `problem`: why there is no row; "" if there is one.
    """

    place: str
    row: Mapping[str, Any]
    id: str = ""
    problem: str = ""


def read_lines(name: str, data: bytes) -> Iterator[UbiLine]:
    """Rows of a file. `name`: of the file, for messages."""
    own_id: str | None = None  # of an action whose row follows
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            body = json.loads(line)
        except UnicodeDecodeError:
            yield UbiLine(place, {}, problem="not UTF-8")
            own_id = None
            continue
        except (ValueError, RecursionError):
            yield UbiLine(place, {}, problem="not JSON")
            own_id = None
            continue
        if not isinstance(body, dict):
            yield UbiLine(place, {}, problem="a JSON object is wanted")
            own_id = None
        elif own_id is None and (action := _action(body)) is not None:
            verb, own_id = action
            if verb == "delete":  # no row follows
                own_id = None
        elif isinstance(source := body.get("_source"), dict):
            yield UbiLine(place, source, _id(body))
            own_id = None
        elif own_id is not None and isinstance(changed := body.get("doc"), dict):
            yield UbiLine(place, changed, own_id)
            own_id = None
        else:
            yield UbiLine(place, body, own_id or "")
            own_id = None


def _action(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """(verb, id) of a line of action; None for a row."""
    if len(body) != 1:
        return None
    ((verb, target),) = body.items()
    return (verb, _id(target)) if verb in ACTIONS and isinstance(target, dict) else None


def _id(body: Mapping[str, Any]) -> str:
    found = body.get("_id")
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
