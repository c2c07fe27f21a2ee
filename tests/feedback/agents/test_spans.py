from __future__ import annotations

import json

import pytest

from qembed.feedback.agents.otlp import plain_value, read_spans
from qembed.feedback.agents.spans import traces_of_spans
from qembed.feedback.agents.trace import AgentTrace, CiteStep, ReadStep, SearchStep, ToolStep
from qembed.feedback.records import ShownHit
from tests.feedback.agents.otel import any_value, export, span

DOCUMENTS = [{"id": "faq/refunds.md", "score": 0.9}, {"id": "faq/returns.md", "score": None}]


def said(text: str) -> list[dict]:
    return [{"role": "assistant", "parts": [{"type": "text", "content": text}]}]


def traces(*spans: dict) -> list[AgentTrace]:
    return traces_of_spans(read_spans(export(*spans))).traces


@pytest.mark.parametrize(
    "value", ["text", True, 7, 2.5, [1, "a", [True]], {"a": {"b": [1.5]}}, [], {}]
)
def test_values_are_read_as_they_were_written(value: object) -> None:
    assert plain_value(any_value(value)) == value


@pytest.mark.parametrize("value", [{}, None, {"bytesValue": "AA=="}])
def test_values_without_a_plain_form_are_none(value: object) -> None:
    assert plain_value(value) is None


@pytest.mark.parametrize("as_text", [False, True])
def test_a_task_of_spans(as_text: bool) -> None:
    documents = json.dumps(DOCUMENTS[:1]) if as_text else DOCUMENTS[:1]
    arguments = {"path": "faq/refunds.md"}
    output = said("Thirty days (faq/refunds.md).")
    (found,) = traces(
        span(
            "chat",
            4,
            output__messages=json.dumps(output) if as_text else output,
            usage__input_tokens=900,
            usage__output_tokens=100,
            evaluation="pass",
        ),
        span("execute_tool", 3, tool__name="run", error=True),
        span(
            "execute_tool",
            2,
            tool__name="open",
            tool__call__arguments=json.dumps(arguments) if as_text else arguments,
        ),
        span("retrieval", 1, retrieval__query__text="refund", retrieval__documents=documents),
    )
    assert found == AgentTrace(
        id="a" * 32,
        steps=(
            SearchStep("refund", (ShownHit("faq/refunds.md", 1, 0.9),), "", 1.0),
            ReadStep("faq/refunds.md", 2.0),
            ToolStep("run", True),
            CiteStep(("faq/refunds.md",), 4.5),
        ),
        time=1.0,
        client="helper",
        success=True,
        tokens=1000,
        steps_taken=4,
    )


def test_a_score_may_be_null() -> None:
    text = json.dumps(DOCUMENTS)
    (found,) = traces(
        span("retrieval", 1, retrieval__query__text="refund", retrieval__documents=text)
    )
    step = found.steps[0]
    assert isinstance(step, SearchStep)
    assert [hit.score for hit in step.hits] == [0.9, None]


def test_retrievals_without_what_is_opt_in_are_counted() -> None:
    found = traces_of_spans(
        read_spans(
            export(
                span("retrieval", 1, retrieval__documents=DOCUMENTS[:1]),
                span("retrieval", 2, retrieval__query__text="refund"),
            )
        )
    )
    assert (found.traces, found.untold) == ([], 2)


def test_conversations_join_traces_and_traces_take_their_spans_along() -> None:
    search = {"retrieval__query__text": "refund", "retrieval__documents": DOCUMENTS[:1]}
    found = traces(
        span("retrieval", 1, trace="a" * 32, conversation__id="c", **search),
        span("retrieval", 2, trace="b" * 32, **search),
        span("chat", 3, trace="b" * 32, conversation__id="c"),
        span("retrieval", 4, trace="d" * 32, **search),
    )
    assert [(t.id, len(t.steps)) for t in found] == [("c", 2), ("d" * 32, 1)]


@pytest.mark.parametrize(
    ("label", "error", "success"),
    [
        ("pass", True, True),
        ("Incorrect", False, False),
        ("relevant", False, None),
        (None, True, False),
        (None, False, None),
    ],
)
def test_the_outcome_is_an_evaluations_or_the_roots_failure(
    label: str | None, error: bool, success: bool | None
) -> None:
    search = {"retrieval__query__text": "refund", "retrieval__documents": DOCUMENTS[:1]}
    (found,) = traces(
        span("invoke_agent", 0, error=error, evaluation=label),
        span("retrieval", 1, parent=f"{0:016x}", error=True, **search),
    )
    assert found.success is success


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("see faq/refunds.md.", True),
        ("[faq/refunds.md]", True),
        ("docs/faq/refunds.md", False),
        ("faq/refunds.md.bak", False),
        ("Faq/Refunds", False),
    ],
)
def test_an_id_is_cited_whole(text: str, cited: bool) -> None:
    (found,) = traces(
        span("retrieval", 1, retrieval__query__text="a", retrieval__documents=DOCUMENTS[:1]),
        span("chat", 2, output__messages=said(text)),
    )
    assert any(isinstance(s, CiteStep) for s in found.steps) is cited


def test_short_ids_are_not_looked_for_in_texts() -> None:
    (found,) = traces(
        span("retrieval", 1, retrieval__query__text="a", retrieval__documents=[{"id": "12"}]),
        span("chat", 2, output__messages=said("in 12 days")),
    )
    assert len(found.steps) == 1


def test_a_span_of_the_python_sdk() -> None:
    body = {
        "name": "retrieval",
        "context": {"trace_id": "0x" + "a" * 32, "span_id": "0x" + "b" * 16, "trace_state": "[]"},
        "kind": "SpanKind.INTERNAL",
        "parent_id": None,
        "start_time": "2026-11-29T10:00:00.250000Z",
        "end_time": "2026-11-29T10:00:01.000000Z",
        "status": {"status_code": "UNSET"},
        "attributes": {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "refund",
            "gen_ai.retrieval.documents": json.dumps(DOCUMENTS),
        },
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "helper"}, "schema_url": ""},
    }
    (found,) = traces_of_spans(read_spans(body)).traces
    assert (found.id, found.client, found.time) == ("a" * 32, "helper", 1795946400.25)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"traceId": ""}, "traceId is missing"),
        ({"startTimeUnixNano": "soon"}, "no time in nanoseconds"),
        ({"attributes": [1]}, "attributes: a list"),
        ({"events": [1]}, "events: a list of objects"),
    ],
)
def test_mistakes_of_spans_are_named(change: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        list(read_spans(export({**span("retrieval", 1), **change})))
