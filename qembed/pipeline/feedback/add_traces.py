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
from qembed.pipeline.feedback.judge import judge_answers, judged_by
from qembed.pipeline.feedback.take_records import Taken, take_records
from qembed.pipeline.feedback.whole_log import read_log
from qembed.pipeline.progress import Progress


@dataclass(frozen=True, slots=True)
class AddedTraces:
    """Outcome of adding traces. `problems`: finished lines on what could not be read, with file and line.

    `untold`: retrieval spans without query or documents. `unshown`: documents that were read or cited, and
    that no search before had shown. `silent`: traces without a search. `repeated`: ids given twice.
    `votes`: of a judge.
    """

    traces: int
    outcomes: dict[str, int]
    problems: list[str]
    untold: int
    unshown: int
    silent: int
    repeated: int
    taken: Taken
    votes: int = 0

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
            "votes": self.votes,
            **taken,
            "problems": [*self.problems, *taken["problems"]],
        }


def add_traces(
    root: Path,
    paths: Sequence[Path],
    wait: float = 0.0,
    judge: str | None = None,
    progress: Progress | None = None,
) -> AddedTraces:
    """Add what agents did, each search and event once, however often a trace is given.

    `judge`: address of a language model that votes on the hits of their searches; if it fails, nothing is
    added. Raises InputError for a file that cannot be read, NoIndex, IndexDamaged, IndexLocked, StorageError;
    for a judge UsageError, ModelUnavailable, KeyboardInterrupt.
    """
    log = read_log(root, empty=True)
    known = {q.query_id: q for q in reversed(log.queries)}
    read = read_traces(list(paths))
    made = trace_records(read.traces, known, time.time())
    events = [GivenEvent(e) for e in made.events]
    votes: list[GivenEvent] = []
    if judge is not None:
        named = {e.query_id for e in made.events} | {q.query_id for q in made.queries}
        searches = {**known, **{q.query_id: q for q in made.queries}}
        asked = [q for q in searches.values() if q.query_id in named]
        votes = judge_answers(root, asked, judge, judged_by(log.events, judge), progress)
    taken = take_records(root, made.queries, [*events, *votes], wait=wait)
    return AddedTraces(
        len(read.traces),
        made.outcomes,
        read.problems,
        read.untold,
        made.unshown,
        made.silent,
        read.repeated,
        taken,
        len(votes),
    )
