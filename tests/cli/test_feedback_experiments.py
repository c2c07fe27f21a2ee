"""Experiments in `qembed feedback report`, logged here or imported."""

from __future__ import annotations

import json

from tests.cli.conftest import Shell
from tests.cli.feedback_log import append
from tests.feedback.logs import answer, event
from tests.feedback.simulated import Log


def test_an_experiment_in_the_report(docs: Shell) -> None:
    log = Log()
    both = {"interleaved": {"a": "old", "b": "new", "teams": "ABA"}}
    for n in range(30):
        row = answer(f"{n}", "abc", client_id=f"c{n}", settings=both, time=float(n))
        log.queries.append(row)
        log.events.append(event(f"{n}", "click", "b", float(n)))
    append(docs, log)
    done = docs("feedback", "report")
    assert done.code == 0, done.err
    assert "A old against B new, 30 answers to persons\n" in done.out
    assert "A 0, B 30, ties 0: p 0.0000 for one look, 0.0000 for many\n" in done.out
    assert "  new is better\n" in done.out
    (found,) = docs("feedback", "report", "--format", "json").json["experiments"]
    assert (found["names"], found["b"], found["still_needed"]) == ({"a": "old", "b": "new"}, 30, 0)


def test_an_experiment_that_came_from_ubi(docs: Shell) -> None:
    hits = ["parcels.md", "refunds.md"]
    both = {"interleaved": {"a": "old", "b": "new", "teams": "AB"}}
    rows = [
        {"query_id": "q", "user_query": "money", "timestamp": "2026-01-24T08:00:00Z",
         "query_response_hit_ids": hits, "query_attributes": both},
        {"action_name": "click", "query_id": "q", "timestamp": "2026-01-24T08:00:10Z",
         "event_attributes": {"object": {"object_id": "refunds.md"}, "position": {"ordinal": 2}}},
    ]  # fmt: skip
    docs.write("ubi.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert docs("feedback", "import", "ubi.jsonl").code == 0
    (found,) = docs("feedback", "report", "--format", "json").json["experiments"]
    assert (found["names"], found["a"], found["b"]) == ({"a": "old", "b": "new"}, 0, 1)


def test_a_report_of_nothing(docs: Shell) -> None:
    done = docs("feedback", "report")
    assert (done.code, done.out) == (2, "")
    assert "nothing is logged yet" in done.err
