"""Events of answers: one by options, many as JSON lines, or a program's objects with rows of UBI."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from qembed.errors import InputError, UsageError
from qembed.feedback.given_events import GivenEvent, Refusal, parse_event
from qembed.feedback.records import ClientKind
from qembed.feedback.ubi.lines import UbiLine
from qembed.feedback.ubi.to_log import UbiLog, read_ubi
from qembed.pipeline.feedback.import_ubi import bare_if_hashed
from qembed.pipeline.feedback.log_setting import Client
from qembed.pipeline.feedback.take_records import Taken, take_records

ACTIONS = (
    *("click", "open", "copy", "dwell", "cite", "thumbs_up", "thumbs_down"),
    *("add_to_cart", "purchase"),
)
"""Actions that have a meaning for what is learned; others are kept."""
UBI_KEYS = ("action_name", "user_query")
"""Keys of which a row of UBI has one, and an event of our form none."""


def add_event(root: Path, fields: Mapping[str, Any], client: Client | None, wait: float) -> Taken:
    """Add one event of fields as in a JSON line; None is none. `client`: who did it, None for who asked.

    Raises UsageError for fields that make no event, InputError for one that the log does not take.
    """
    row = {k: v for k, v in fields.items() if v is not None}
    try:
        given = _of_client(parse_event(row, time.time()), client)
    except ValueError as e:
        raise UsageError(_as_options(str(e))) from None
    taken = take_records(root, [], [given], wait=wait)
    if taken.refused:
        raise InputError(str(taken.refused[0]))
    return taken


def _as_options(message: str) -> str:
    """Message on a field, on the option that has its value."""
    words = {"dwell wants seconds": "--action dwell wants --seconds"}
    if message.startswith("an object, or"):
        return "--object ID, or the --position of the hit, is wanted"
    name, colon, rest = message.partition(": ")
    return words.get(message, f"--{name.replace('_', '-')}: {rest}" if colon else message)


def _of_client(given: GivenEvent, client: Client | None) -> GivenEvent:
    """Event of a client, if it names none."""
    if client is None or given.names_client:
        return given
    event = replace(
        given.event,
        client_id=client.id,
        client_kind=cast(ClientKind, client.kind),
        session_id=given.event.session_id or client.session,
    )
    return given._replace(event=event, names_client=True)


def add_event_lines(
    root: Path, lines: Iterable[bytes], client: Client | None, wait: float, name: str = "-"
) -> Taken:
    """Add events of JSON lines; those that cannot be read or taken are in the result. `name`: of the input.

    `client`: of events that name none; None for that of their query.
    """
    unread: list[Refusal] = []
    # read to the end before the log is locked: a pipe may be slow
    given = list(_parsed(lines, client, name, unread))
    taken = take_records(root, [], given, wait=wait)
    taken.refused = sorted(unread + taken.refused, key=lambda r: int(r.place.rpartition(":")[2]))
    return taken


def _parsed(
    lines: Iterable[bytes], client: Client | None, name: str, unread: list[Refusal]
) -> Iterator[GivenEvent]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            body = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            yield _of_client(parse_event(body, time.time()), client)._replace(place=place)
        except UnicodeDecodeError:
            unread.append(Refusal(place, "unreadable", "not UTF-8"))
        except (json.JSONDecodeError, RecursionError):
            unread.append(Refusal(place, "unreadable", "not JSON"))
        except ValueError as e:
            unread.append(Refusal(place, "unreadable", str(e)))


def add_objects(
    root: Path,
    objects: Sequence[Any],
    wait: float,
    name: str = "events",
    *,
    shown_only: bool = False,
) -> Taken:
    """Add events; those that cannot be read or taken are in the result, as `name[i]`.

    `shown_only`: refuse events on documents that their query did not show.
    Raises NoIndex, IndexLocked, StorageError.
    """
    now = time.time()
    unread: list[Refusal] = []
    given: list[GivenEvent] = []
    lines: list[UbiLine] = []
    for i, body in enumerate(objects):
        place = f"{name}[{i}]"
        if isinstance(body, Mapping) and any(body.get(key) is not None for key in UBI_KEYS):
            lines.append(UbiLine(place, body))
            continue
        try:
            given.append(parse_event(body, now)._replace(place=place))
        except ValueError as e:
            unread.append(Refusal(place, "unreadable", str(e)))
    rows = read_ubi(lines, now) if lines else UbiLog()
    bare_if_hashed(root, rows)
    events = [*given, *rows.events]
    taken = take_records(root, rows.queries, events, wait=wait, shown_only=shown_only)
    places = {f"{name}[{i}]": i for i in range(len(objects))}
    taken.refused = sorted(
        [*unread, *rows.refused, *taken.refused], key=lambda r: places.get(r.place, -1)
    )
    taken.merged = rows.merged
    return taken
