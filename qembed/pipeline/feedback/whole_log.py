"""Whole log of an index, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qembed.errors import InputError, cannot_read
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.pipeline.retrieval.session import open_snapshot


@dataclass(frozen=True, slots=True)
class WholeLog:
    """Queries and events of a log, in order. `skipped`: lines that are no rows of this version."""

    queries: list[LoggedQuery]
    events: list[Event]
    skipped: int


def read_log(root: Path, empty: bool = False) -> WholeLog:
    """Read the log of the index at `root`. `empty`: it may be.

    Raises NoIndex, IndexDamaged, InputError if it cannot be read or nothing is logged yet.
    """
    with open_snapshot(root):
        pass  # says that there is no index, or what is damaged
    queries: list[LoggedQuery] = []
    events: list[Event] = []
    skipped = 0

    def skip(*_: object) -> None:
        nonlocal skipped
        skipped += 1

    store = LogStore(root)
    try:
        for record in read_records(store, skip):
            if isinstance(record, Event):
                events.append(record)
            else:
                queries.append(record)
    except OSError as e:
        raise cannot_read(e.filename or store.folder, e) from e
    if not queries and not empty:
        raise InputError(
            f"nothing is logged yet in {root} (log queries: qembed query --log, or qembed feedback log on)"
        )
    return WholeLog(queries, events, skipped)
