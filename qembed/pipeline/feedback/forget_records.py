"""`qembed feedback forget`: rows of a log deleted, its segments written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qembed.feedback.learning.model import forget_popularity
from qembed.feedback.log_rows import RowError, UnknownVersion, parse_line
from qembed.feedback.log_store import LogStore, segment_lines
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.text_hash import read_key
from qembed.feedback.votes.memory import forget_memory, refresh_memory
from qembed.pipeline.feedback.row_filter import RowFilter
from qembed.store.durable_files import storage_errors
from qembed.store.manifest import require_index

STATE = "the log holds what was not rewritten yet"


@dataclass(slots=True)
class ForgottenRows:
    """Deleted rows of each kind. `unread`: lines that are no rows, deleted only where this was asked."""

    queries: int = 0
    events: int = 0
    unread: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Segment:
    """Lines of a segment and their records; None where there is none, `later` those of a later version."""

    lines: list[bytes]
    records: list[LoggedQuery | Event | None]
    later: set[int]


def forget_records(
    root: Path,
    where: Sequence[str],
    *,
    unreadable: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> ForgottenRows:
    """Delete the rows for which every filter holds, and the events of deleted queries.

    `unreadable`: delete what `verify` finds: lines that are no rows, events without a query, events of an id
    that is there already. Queries may be logged meanwhile; these are not looked at. Each segment is replaced
    in one rename, so that a reader sees it before or after; a second call finishes what a killed one began.
    Raises NoIndex, UsageError, IndexLocked, StorageError.
    """
    require_index(root)
    found = ForgottenRows()
    store = LogStore(root)
    if not store.numbers():
        return found
    with storage_errors(root, STATE), store.maintenance(wait):
        rows = RowFilter(where, read_key(root)) if where else None
        store.remove_leftovers()
        numbers = store.numbers()
        if not dry_run:
            forget_memory(root)
            last = store.begin_segment()
            numbers = [n for n in store.numbers() if n < last]
        chosen, deleted, queries = _choose(store, numbers, rows)
        events: set[str] = set()
        texts: list[str] = []
        unread = later = 0
        for number in numbers:
            segment = _read(store, number)
            later += len(segment.later)
            kept = []
            for i, (line, record) in enumerate(zip(segment.lines, segment.records, strict=True)):
                if record is None:
                    is_row = i in segment.later
                    unread += not is_row
                    drop = unreadable and not is_row
                    found.unread += drop
                elif isinstance(record, Event):
                    drop = i in chosen[number] or record.query_id in deleted
                    twice = record.event_id in events
                    drop = drop or (unreadable and (twice or record.query_id not in queries))
                    events.add(record.event_id)
                    found.events += drop
                else:
                    drop = i in chosen[number]
                    found.queries += drop
                    texts += [record.text] if drop else []
                if not drop:
                    kept.append(line + b"\n")
            if len(kept) < len(segment.lines) and not dry_run:
                store.replace_segment(number, kept)
        if not dry_run:
            forget_popularity(root, texts)
            refresh_memory(root)
        if unread > found.unread and where:
            left = f"not looked at: lines that are no rows, {unread - found.unread:,}"
            found.warnings.append(f"{left} (--unreadable deletes them)")
        if later:
            found.warnings.append(f"not looked at: rows of a later qembed, {later:,}")
        if rows is not None and rows.unseen:
            found.warnings.append(
                f"texts are hashed, and query = '…' alone finds them: {rows.unseen:,}"
            )
    return found


def _choose(
    store: LogStore, numbers: Sequence[int], rows: RowFilter | None
) -> tuple[dict[int, set[int]], set[str], set[str]]:
    """(lines to delete by segment, ids of queries among them, ids of all queries that stay)."""
    chosen: dict[int, set[int]] = {}
    deleted: set[str] = set()
    queries: set[str] = set()
    for number in numbers:
        segment = _read(store, number)
        places = [i for i, record in enumerate(segment.records) if record is not None]
        records = [r for r in segment.records if r is not None]
        mask = [False] * len(records) if rows is None else rows.matching(records).tolist()
        chosen[number] = {i for i, hit in zip(places, mask, strict=True) if hit}
        for record, hit in zip(records, mask, strict=True):
            if not isinstance(record, Event):
                (deleted if hit else queries).add(record.query_id)
    return chosen, deleted, queries


def _read(store: LogStore, number: int) -> _Segment:
    found = _Segment([], [], set())
    for line in segment_lines(store.path(number)):
        record: LoggedQuery | Event | None = None
        try:
            record = parse_line(line.data)
        except UnknownVersion:
            found.later.add(len(found.lines))
        except RowError:
            pass
        found.lines.append(line.data)
        found.records.append(record)
    return found
