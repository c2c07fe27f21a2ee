"""`qembed feedback export`: an index's log as rows of UBI or as learning-to-rank data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qembed.errors import cannot_read
from qembed.feedback.letor import letor_lines
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.ubi.export import lacks_position, ubi_lines, ubi_row
from qembed.store import manifest as manifests

Form = Literal["ubi", "ubi-bulk", "letor"]


@dataclass(slots=True)
class Export:
    """Export of a log. The counts are complete once `lines` has ended.

    `kinds`: kinds of the clients whose rows are exported; none for all. `found_kinds`: those that there were.
    `unplaced`: events without the position that the schema of UBI asks for. `unread`: lines that are no rows.
    """

    root: Path
    form: Form
    kinds: Collection[str] = ()
    queries: int = 0
    events: int = 0
    unplaced: int = 0
    unread: int = 0
    found_kinds: set[str] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """Lines without their ends. Raises NoIndex, InputError for a log that cannot be read."""
        manifests.read(self.root)
        try:
            yield from self._letor() if self.form == "letor" else self._ubi()
        except OSError as e:
            raise cannot_read(e.filename or self.root, e) from e

    def _records(self) -> Iterator[LoggedQuery | Event]:
        for record in read_records(LogStore(self.root), self._skipped):
            if self.kinds and record.client_kind not in self.kinds:
                continue
            if isinstance(record, Event):
                self.events += 1
                self.found_kinds.add(record.client_kind)
            else:
                self.queries += 1
            yield record

    def _skipped(self, *_: object) -> None:
        self.unread += 1

    def _ubi(self) -> Iterator[str]:
        for record in self._records():
            row = ubi_row(record)
            self.unplaced += lacks_position(row)
            yield from ubi_lines(record, row, self.form == "ubi-bulk")

    def _letor(self) -> Iterator[str]:
        queries: list[LoggedQuery] = []
        events: dict[str, list[Event]] = defaultdict(list)
        for record in self._records():
            if isinstance(record, Event):
                events[record.query_id].append(record)
            else:
                queries.append(record)
        for some in events.values():
            some.sort(key=lambda e: e.time)
        yield from letor_lines(queries, events)
