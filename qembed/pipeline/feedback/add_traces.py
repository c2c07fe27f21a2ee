"""Traces of agents into an index's log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.feedback.agents.reader import read_traces
from qembed.feedback.agents.records import trace_records
from qembed.feedback.given_events import GivenEvent
from qembed.pipeline.feedback.take_records import Taken, take_records
from qembed.pipeline.feedback.whole_log import read_log


@dataclass(frozen=True, slots=True)
class AddedTraces:
    """Outcome of adding traces. `problems`: finished lines on what could not be read, with file and line.

    `untold`: retrieval spans without query or documents. `unshown`: documents that were read or cited, and
    that no search before had shown. `silent`: traces without a search. `repeated`: ids given twice.
    """

    traces: int
    outcomes: dict[str, int]
    problems: list[str]
    untold: int
    unshown: int
    silent: int
    repeated: int
    taken: Taken

    def to_json(self) -> dict[str, Any]:
        """JSON values, as `--format json` prints them."""
        taken = self.taken.to_json()
        return {
            "traces": self.traces,
            "outcomes": self.outcomes,
            "untold": self.untold,
            "unshown": self.unshown,
            "silent": self.silent,
            "repeated": self.repeated,
            **taken,
            "problems": [*self.problems, *taken["problems"]],
        }


def add_traces(root: Path, paths: Sequence[Path], wait: float = 0.0) -> AddedTraces:
    """Add what agents did, each search and event once, however often a trace is given.

    Raises InputError for a file that cannot be read, NoIndex, IndexDamaged, IndexLocked, StorageError.
    """
    known = {q.query_id: q for q in reversed(read_log(root, empty=True).queries)}
    read = read_traces(list(paths))
    made = trace_records(read.traces, known, time.time())
    taken = take_records(root, made.queries, [GivenEvent(e) for e in made.events], wait=wait)
    return AddedTraces(
        len(read.traces),
        made.outcomes,
        read.problems,
        read.untold,
        made.unshown,
        made.silent,
        read.repeated,
        taken,
    )
