"""`qembed feedback agent`: traces of agents, also as spans of OpenTelemetry."""

from __future__ import annotations

import json

from tests.cli.conftest import Shell
from tests.cli.feedback_log import ask, lines_of
from tests.feedback.agents.otel import export, span

TRACES = [
    {
        "trace": "run-1",
        "client": "helper",
        "outcome": "success",
        "tokens": 900,
        "steps": [
            {"search": "money", "hits": ["parcels.md", "refunds.md"]},
            {"read": "refunds.md"},
            {"tool": "calculator"},
            {"cite": ["refunds.md", "unseen.md"]},
        ],
    },
    {
        "trace": "run-2",
        "client": "helper",
        "outcome": "failure",
        "steps": [
            {"search": "money", "hits": ["deep/locks.txt", "parcels.md"]},
            {"cite": ["deep/locks.txt"]},
        ],
    },
]


def test_traces_of_agents(docs: Shell) -> None:
    docs.write("traces.jsonl", "".join(json.dumps(t) + "\n" for t in TRACES))
    done = docs("feedback", "agent", "traces.jsonl")
    assert done.code == 0, done.err
    assert done.out == "2 traces (1 success, 1 failure): logged 2 queries, 5 events\n"
    assert "1 document read or cited that no search before had shown" in done.err
    again = docs("feedback", "agent", "traces.jsonl", "--format", "json").json
    assert (again["queries"], again["events"], again["duplicates"]) == (0, 0, 7)
    assert docs("feedback", "pairs", "--out", "pairs.jsonl", "--client-kind", "agent").code == 0
    found = {
        (p["chosen_id"], p["rejected_id"], p["reason"])
        for p in lines_of(docs.folder / "pairs.jsonl")
    }
    assert found == {
        ("refunds.md", "parcels.md", "cite over unused"),
        ("refunds.md", "deep/locks.txt", "success over failure"),
    }
    report = docs("feedback", "report").out
    assert "1 task of agents: success (steps 4, searches 1, tokens 900)" in report
    assert "1 task of agents: failure (steps 2, searches 1)" in report


def test_a_trace_names_a_search_that_was_logged(docs: Shell) -> None:
    name = ask(docs, "--client", "agent:helper")
    steps = [{"search": "money", "query_id": name}, {"cite": ["parcels.md"]}]
    docs.write("t.jsonl", json.dumps({"trace": "t", "outcome": "success", "steps": steps}))
    done = docs("feedback", "agent", "t.jsonl")
    assert (done.code, done.out) == (0, "1 trace (1 success): logged 2 events\n")


def test_spans_of_opentelemetry(docs: Shell) -> None:
    search = {"retrieval__query__text": "money", "retrieval__documents": [{"id": "refunds.md"}]}
    lines = [
        export(span("retrieval", 1_700_000_000, **search), span("retrieval", 1_700_000_001)),
        export(span("execute_tool", 1_700_000_002, tool__call__arguments={"id": "refunds.md"})),
    ]
    docs.write("otlp.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    done = docs("feedback", "agent", "otlp.jsonl")
    assert (done.code, done.out) == (0, "1 trace (1 unknown): logged 1 query, 1 event\n")
    assert "1 retrieval without query text or documents" in done.err


def test_what_cannot_be_read_or_taken_is_named_and_the_rest_is_logged(docs: Shell) -> None:
    gone = {"trace": "g", "steps": [{"search": "x", "hits": ["gone.md"]}, {"read": "gone.md"}]}
    lines = [json.dumps(TRACES[1]), "{", '{"trace": "t"}', json.dumps(gone)]
    docs.write("t.jsonl", "\n".join(lines))
    done = docs("feedback", "agent", "t.jsonl")
    assert done.code == 4
    assert "t.jsonl:2: not JSON" in done.err
    assert "t.jsonl:3: steps: a list is wanted" in done.err
    assert "gone.md" in done.err
    assert done.out.startswith("2 traces (1 failure, 1 unknown): logged 2 queries, 2 events")
    missing = docs("feedback", "agent", "none.jsonl")
    assert (missing.code, missing.out) == (2, "")
    assert "cannot read none.jsonl: no such file" in missing.err
