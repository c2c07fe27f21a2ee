"""Records from outside into an index's log: all that it can take, each once, under the log's lock."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from qembed.feedback.given_events import GivenEvent, Refusal, take_events
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.text_hash import hash_text, is_hashed, make_key
from qembed.feedback.votes.memory import ACTIONS, refresh_memory
from qembed.pipeline.feedback.log_setting import hashes_texts
from qembed.pipeline.retrieval.learned.near_votes import AT_ONCE
from qembed.pipeline.retrieval.learned.vote_vectors import encode_votes
from qembed.pipeline.retrieval.session import open_snapshot
from qembed.store import Snapshot
from qembed.store.durable_files import storage_errors

T = TypeVar("T")

BATCH = 200
"""Rows appended under one lock of the segment: a query that is logged meanwhile waits for them."""
PROBLEMS = 100
"""Refused rows that are named in JSON; all are counted."""
STATE = "the log holds what was appended before"


@dataclass(slots=True)
class Taken:
    """Numbers of rows that a log took. `duplicates`: that were there; `merged`: further rows of a query."""

    queries: int = 0
    events: int = 0
    duplicates: int = 0
    merged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """JSON values, as `--format json` prints them."""
        return {
            "queries": self.queries,
            "events": self.events,
            "duplicates": self.duplicates,
            "merged": self.merged,
            "refused": dict(Counter(r.kind for r in self.refused)),
            "problems": [str(r) for r in self.refused[:PROBLEMS]],
            "warnings": self.warnings,
        }


def take_records(
    root: Path,
    queries: Sequence[LoggedQuery],
    given: Sequence[GivenEvent],
    *,
    wait: float = 0.0,
    shown_only: bool = False,
) -> Taken:
    """Append queries whose ids are new, and the events that the log takes (see `take_events`).

    `shown_only`: refuse events on documents that their query did not show. Texts of queries are hashed where
    the log is a hashed one. Raises NoIndex, IndexDamaged, IndexLocked, StorageError.
    """
    found = Taken()
    store = LogStore(root)
    ids = {q.query_id for q in queries}
    ids.update(name for g in given for name in (g.event.query_id, g.event.event_id))
    with (
        open_snapshot(root) as snapshot,
        storage_errors(root, STATE),
        store.maintenance(wait),
    ):
        known_queries: dict[str, LoggedQuery] = {}
        known_events: set[str] = set()
        for record in read_records(store, ids=ids):
            if isinstance(record, Event):
                known_events.add(record.event_id)
            else:
                known_queries.setdefault(record.query_id, record)
        new = [q for q in queries if q.query_id not in known_queries]
        if new and hashes_texts(snapshot.manifest.settings):
            new = _hashed(new, make_key(root))
        found.queries = append_all(store, new)
        found.duplicates = len(queries) - len(new)
        known_queries.update((q.query_id, q) for q in new)
        in_corpus = _membership(snapshot)
        for part in _batches(given):
            taken = take_events(
                part, known_queries, known_events, in_corpus, time.time(), shown_only=shown_only
            )
            found.events += append_all(store, taken.events)
            found.duplicates += taken.duplicates
            found.refused += taken.refused
        refresh_memory(root)
    if sum(g.event.action in ACTIONS for g in given) > AT_ONCE:
        encode_votes(root)
    return found


def is_logged(root: Path, query_id: str) -> bool:
    """True if the log has a query. Raises OSError."""
    return any(
        isinstance(record, LoggedQuery) and record.query_id == query_id
        for record in read_records(LogStore(root), ids=[query_id])
    )


def _hashed(queries: Iterable[LoggedQuery], key: bytes) -> list[LoggedQuery]:
    return [q if is_hashed(q.text) else replace(q, text=hash_text(q.text, key)) for q in queries]


def append_all(store: LogStore, records: Iterable[LoggedQuery | Event]) -> int:
    """Append records, some at a time. Returns their number. Raises OSError."""
    return sum(
        store.append([encode_row(row_of(record)) for record in part]) for part in _batches(records)
    )


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while part := list(itertools.islice(left, BATCH)):
        yield part


def _membership(snapshot: Snapshot) -> Callable[[str], bool]:
    """Question whether the index has a document; ids are read at the first one."""
    ids: set[str] = set()

    def is_there(name: str) -> bool:
        if not ids:
            ids.update(snapshot.catalog.ids())
        return name in ids

    return is_there
