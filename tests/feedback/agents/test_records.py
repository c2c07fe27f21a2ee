from __future__ import annotations

from typing import Any

from qembed.feedback.agents.records import TraceRecords, trace_records
from qembed.feedback.agents.trace_lines import parse_trace
from qembed.feedback.preferences import find_preferences
from tests.feedback.logs import answer


def records(*steps: dict[str, Any], known: Any = None, **trace: Any) -> TraceRecords:
    body = {"trace": "run", "steps": list(steps), **trace}
    return trace_records([parse_trace(body)], known, now=100.0)


def actions(found: TraceRecords) -> list[tuple[str, str, str]]:
    """(action, document, text of the query)."""
    texts = {q.query_id: q.text for q in found.queries}
    return [(e.action, e.object_id, texts.get(e.query_id, e.query_id)) for e in found.events]


REFUND = {"search": "refund", "hits": ["a", "b"]}
INVOICE = {"search": "invoice", "hits": ["b", "c"]}


def test_uses_count_for_the_last_search_that_showed_the_document() -> None:
    found = records(REFUND, INVOICE, {"read": "b"}, {"read": "a"}, {"read": "z"})
    assert actions(found) == [("read", "b", "invoice"), ("read", "a", "refund")]
    assert [e.position for e in found.events] == [1, 1]
    assert found.unshown == 1


def test_a_citation_counts_for_the_search_that_its_document_was_read_from() -> None:
    found = records(REFUND, {"read": "b"}, INVOICE, {"cite": ["b", "c"]})
    assert actions(found)[1:] == [("cite", "b", "refund"), ("cite", "c", "invoice")]


def test_a_search_of_which_nothing_was_used_and_that_was_asked_anew() -> None:
    other = {"search": "refund period", "hits": ["c"]}
    assert ("reformulate", "", "refund") in actions(records(REFUND, other, {"read": "c"}))
    assert not any(a == "reformulate" for a, *_ in actions(records(REFUND, {"read": "a"}, other)))
    # another question is no reformulation, and the last search was not asked anew
    assert actions(records(REFUND, INVOICE)) == []


def test_misspelt_queries_are_reformulated_too() -> None:
    found = records({"search": "refnds", "hits": ["a"]}, {"search": "refunds", "hits": ["b"]})
    assert actions(found) == [("reformulate", "", "refnds")]


def test_each_search_has_the_outcome_and_the_effort_of_the_task() -> None:
    found = records(
        REFUND,
        INVOICE,
        {"tool": "run_tests", "failed": True},
        {"tool": "run_tests"},
        outcome="failure",
        tokens=700,
    )
    assert [(a, t) for a, _, t in actions(found)] == [("failure", "refund"), ("failure", "invoice")]
    effort = {
        "steps": 4,
        "searches": 2,
        "tokens": 700,
        "tools": ["run_tests"],
        "failed_tools": 1,
    }
    assert [dict(e.attributes) for e in found.events] == [effort, effort]
    assert found.outcomes == {"failure": 1}


def test_a_logged_search_is_not_logged_again_and_its_own_hits_count() -> None:
    known = {"q1": answer("q1", "xyz", "refund", client_kind="agent", time=50.0)}
    found = records(
        {"search": "refund", "query_id": "q1"}, {"read": "y"}, known=known, outcome="success"
    )
    assert found.queries == []
    assert actions(found) == [("read", "y", "q1"), ("success", "", "q1")]
    assert found.events[0].position == 2


def test_records_of_the_same_trace_are_the_same() -> None:
    steps = (REFUND, {"read": "a"}, {"read": "a"}, {"cite": ["a"]})
    one, two = (records(*steps, outcome="success") for _ in range(2))
    assert one == two
    assert len({e.event_id for e in one.events}) == len(one.events) == 4
    other = records(*steps, outcome="success", trace="other")
    assert {e.event_id for e in other.events}.isdisjoint(e.event_id for e in one.events)


def test_times_do_not_run_back() -> None:
    found = records({**REFUND, "time": 500.0}, {"read": "a", "time": 10.0}, time=400.0)
    assert found.queries[0].time == 500.0
    assert found.events[0].time == 500.0
    assert records(REFUND).queries[0].time == 100.0


def test_a_trace_without_a_search_is_counted() -> None:
    found = records({"tool": "run"}, outcome="success")
    assert (found.silent, found.queries, found.events) == (1, [], [])


def test_traces_become_preferences() -> None:
    found = records(REFUND, {"read": "a"}, {"read": "b"}, {"cite": ["b"]}, outcome="success")
    (only,) = find_preferences(found.queries, found.events).preferences
    assert (only.query, only.preferred, only.rejected, only.kind) == ("refund", "b", "a", "agent")
