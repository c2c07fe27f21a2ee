"""Records of a feedback log, streamed; its counts, and what is wrong in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qembed.feedback.log_rows import RowError, UnknownVersion, parse_line
from qembed.feedback.log_store import LogLine, LogStore

if TYPE_CHECKING:
    from qembed.feedback.records import Event, LoggedQuery

ROW_HEAD = re.compile(rb'\{"v":(\d+),"kind":"(\w+)","time":(-?[\d.e+-]+)')
"""Beginning of each row: version, kind, time. Rows are counted by it without being parsed."""


FEW_IDS = 50
"""Number of ids up to which lines are looked through for them before they are parsed."""


def read_records(
    store: LogStore,
    skipped: Callable[[LogLine, RowError], None] = lambda _line, _why: None,
    ids: Iterable[str] | None = None,
) -> Iterator[LoggedQuery | Event]:
    """Queries and events of a log in the order in which they were appended. Raises OSError.

    `skipped`: called for each line that is no row of this version. `ids`: leave out rows that name none of
    these queries and events; others may be among what is left. For few ids it takes a thirtieth of the time.
    """
    named = None if ids is None else {json.dumps(name).encode("ascii") for name in ids}
    few = named is not None and len(named) <= FEW_IDS
    for line in store.lines():
        if few and not any(name in line.data for name in named or ()):
            continue
        try:
            yield parse_line(line.data)
        except RowError as e:
            skipped(line, e)


@dataclass(slots=True)
class LogCounts:
    """Size of a log. `since`, `until`: times of its first and last row, seconds since 1970."""

    queries: int = 0
    events: int = 0
    bytes: int = 0
    since: float | None = None
    until: float | None = None


def count_rows(store: LogStore) -> LogCounts:
    """Count the rows of a log by their beginnings, without parsing them. Raises OSError."""
    found = LogCounts()
    for line in store.lines():
        found.bytes += len(line.data) + 1
        head = ROW_HEAD.match(line.data)
        if head is None:
            continue
        found.queries += head[2] == b"query"
        found.events += head[2] == b"event"
        time = float(head[3])
        found.since = time if found.since is None else min(found.since, time)
        found.until = time if found.until is None else max(found.until, time)
    return found


@dataclass(slots=True)
class LogDamage:
    """Findings of a check of a log. `torn`: lines that are no rows. `unknown`: of a later version.

    `orphans`: events of queries that are not there. `twice`: events whose id another one has.
    """

    torn: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    orphans: int = 0
    twice: int = 0


def check_log(store: LogStore) -> LogDamage:
    """Read all of a log. Raises OSError."""
    from qembed.feedback.records import Event

    found = LogDamage()
    queries: set[str] = set()
    events: set[str] = set()
    wanted: Counter[str] = Counter()

    def skipped(line: LogLine, why: RowError) -> None:
        if isinstance(why, UnknownVersion):
            found.unknown[str(why)] += 1
        else:
            found.torn.append(f"{line.place}: {why}")

    for record in read_records(store, skipped):
        if isinstance(record, Event):
            found.twice += record.event_id in events
            events.add(record.event_id)
            wanted[record.query_id] += 1
        else:
            queries.add(record.query_id)
    found.orphans = sum(n for name, n in wanted.items() if name not in queries)
    return found
