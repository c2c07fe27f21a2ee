from __future__ import annotations

from typing import Any

import pytest

from qembed.feedback.agents.trace import CiteStep, ReadStep, SearchStep, ToolStep
from qembed.feedback.agents.trace_lines import parse_trace
from qembed.feedback.records import ShownHit


def test_a_whole_trace() -> None:
    found = parse_trace(
        {
            "trace": "run-7",
            "client": "helper",
            "task": "how long",
            "outcome": "success",
            "tokens": 5210,
            "time": "2026-11-29T10:00:00Z",
            "note": "kept by others",
            "steps": [
                {"search": "refund", "hits": ["a", {"id": "b", "score": 0.5}], "time": 1.5},
                {"search": "again", "query_id": "q1"},
                {"read": "a"},
                {"tool": "run_tests", "failed": True},
                {"cite": ["a", "a", "b"]},
                {"cite": "b"},
            ],
        }
    )
    assert (found.id, found.client, found.task) == ("run-7", "helper", "how long")
    assert (found.success, found.tokens, found.time) == (True, 5210, 1795946400.0)
    assert found.steps == (
        SearchStep("refund", (ShownHit("a", 1), ShownHit("b", 2, 0.5)), "", 1.5),
        SearchStep("again", (), "q1"),
        ReadStep("a"),
        ToolStep("run_tests", True),
        CiteStep(("a", "b")),
        CiteStep(("b",)),
    )


@pytest.mark.parametrize(
    ("outcome", "success"),
    [("success", True), ("failure", False), ("unknown", None), (True, True), (None, None)],
)
def test_outcomes(outcome: Any, success: bool | None) -> None:
    assert parse_trace({"trace": "t", "steps": [], "outcome": outcome}).success is success


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "an object"),
        ({"steps": []}, "trace is missing"),
        ({"trace": "t"}, "steps: a list"),
        ({"trace": "t", "steps": [], "outcome": "fine"}, "outcome: one of success"),
        ({"trace": "t", "steps": [], "tokens": -1}, "tokens: a whole number"),
        ({"trace": "t", "steps": [], "time": "noon"}, "is no time"),
        ({"trace": "t", "steps": ["a"]}, "step 1: an object"),
        ({"trace": "t", "steps": [{"read": "a"}, {}]}, "step 2: one of search"),
        ({"trace": "t", "steps": [{"read": "a", "cite": ["a"]}]}, "not 2 of them"),
        ({"trace": "t", "steps": [{"search": " "}]}, "search: a text"),
        ({"trace": "t", "steps": [{"search": "a", "hits": {}}]}, "hits: a list"),
        ({"trace": "t", "steps": [{"search": "a", "hits": [None]}]}, "hit 1: an id"),
        ({"trace": "t", "steps": [{"search": "a", "hits": [{"id": 1.5}]}]}, "hit 1: id"),
        ({"trace": "t", "steps": [{"search": "a", "hits": [{"id": "b", "score": "c"}]}]}, "score"),
        ({"trace": "t", "steps": [{"tool": "a", "failed": "no"}]}, "failed: true or false"),
        ({"trace": "t", "steps": [{"cite": [1]}]}, "cite: a list of ids"),
    ],
)
def test_mistakes_are_named(body: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_trace(body)
