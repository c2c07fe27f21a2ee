"""Spans of OpenTelemetry's GenAI conventions (0.1.0) as traces of agents.

gen_ai.operation.name says what a span is: `retrieval` a search, with `gen_ai.retrieval.query.text` and
`gen_ai.retrieval.documents` (both opt-in: without them nothing can be learned of it); `execute_tool` another
tool; `chat`, `generate_content` and `text_completion` a turn of a model, with its tokens. The conventions
have no read and no citation. So a tool whose arguments hold the id of a document that a search showed reads
it, and an output text of a model that names such an id cites it. The outcome is the last
`gen_ai.evaluation.result` with a label that says pass or fail, else a failed root span is a failure.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.feedback.agents.otlp import Span
from qembed.feedback.agents.trace import (
    AgentTrace,
    CiteStep,
    ReadStep,
    SearchStep,
    Step,
    ToolStep,
)
from qembed.feedback.agents.trace_lines import parse_hits

OPERATION = "gen_ai.operation.name"
QUERY_TEXT = "gen_ai.retrieval.query.text"
DOCUMENTS = "gen_ai.retrieval.documents"
OUR_QUERY_ID = "qembed.query_id"
MODEL_TURNS = frozenset({"chat", "generate_content", "text_completion"})
PASSES = frozenset({"pass", "passed", "correct", "success", "successful", "true", "yes"})
FAILS = frozenset({"fail", "failed", "incorrect", "failure", "unsuccessful", "false", "no"})
SHORTEST_ID = 4
"""Characters of the shortest id that is looked for in an output text: shorter ones stand in any text."""


@dataclass(frozen=True, slots=True)
class SpanTraces:
    """Traces of spans. `untold`: retrievals without their query or documents, which are left out."""

    traces: list[AgentTrace]
    untold: int


def traces_of_spans(spans: Iterable[Span]) -> SpanTraces:
    """Group spans by conversation, else by trace, and read each group's steps in order of time.

    Spans of one trace that name no conversation belong to that of the others. Raises ValueError for spans
    that `check_span` refuses.
    """
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    groups: dict[str, list[Span]] = defaultdict(list)
    for trace_id, same in by_trace.items():
        told = [str(i) for s in same if (i := s.attributes.get("gen_ai.conversation.id"))]
        for span in same:
            own = span.attributes.get("gen_ai.conversation.id")
            groups[str(own) if own else told[0] if told else trace_id].append(span)
    traces, untold = [], 0
    for name, same in groups.items():
        same.sort(key=lambda s: (s.start, s.span_id))
        trace, left_out = _trace(name, same)
        untold += left_out
        if any(isinstance(step, SearchStep) for step in trace.steps):
            traces.append(trace)
    return SpanTraces(traces, untold)


def check_span(span: Span) -> None:
    """Raise ValueError for retrieved documents that are none: no list, or without ids."""
    if span.attributes.get(OPERATION) == "retrieval":
        _search(span)


def _trace(name: str, spans: Sequence[Span]) -> tuple[AgentTrace, int]:
    steps: list[Step] = []
    shown: set[str] = set()
    untold = turns = tokens = 0
    for span in spans:
        operation = span.attributes.get(OPERATION)
        if operation == "retrieval":
            step = _search(span)
            if step is None:
                untold += 1
                continue
            shown |= {hit.id for hit in step.hits}
            steps.append(step)
        elif operation == "execute_tool":
            steps += _tool(span, shown)
        elif operation in MODEL_TURNS:
            turns += 1
            tokens += _tokens(span)
            if cited := _cited(span, shown):
                steps.append(CiteStep(cited, span.end))
    first = spans[0]
    trace = AgentTrace(
        id=name,
        steps=tuple(steps),
        time=first.start,
        client=_client(spans),
        success=_success(spans),
        tokens=tokens or None,
        steps_taken=turns + sum(not isinstance(s, CiteStep) for s in steps),
    )
    return trace, untold


def _search(span: Span) -> SearchStep | None:
    text = span.attributes.get(QUERY_TEXT)
    documents = _structured(span.attributes.get(DOCUMENTS))
    query_id = span.attributes.get(OUR_QUERY_ID) or ""
    if not isinstance(text, str) or not text.strip() or (documents is None and not query_id):
        return None
    return SearchStep(text, parse_hits(documents), str(query_id), span.start)


def _structured(value: Any) -> Any:
    """Structured value of an attribute, which may be JSON text where a span takes no structures."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _tool(span: Span, shown: set[str]) -> Iterator[Step]:
    arguments = _structured(span.attributes.get("gen_ai.tool.call.arguments"))
    read = [text for text in _texts(arguments) if text in shown]
    for name in dict.fromkeys(read):
        yield ReadStep(name, span.start)
    if not read:
        yield ToolStep(str(span.attributes.get("gen_ai.tool.name") or span.name), span.failed)


def _texts(value: Any) -> Iterator[str]:
    """Texts anywhere in a JSON value, keys of objects left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _cited(span: Span, shown: set[str]) -> tuple[str, ...]:
    """Documents that the output's text parts name, whole: an id inside a longer word is none."""
    messages = _structured(span.attributes.get("gen_ai.output.messages"))
    found: list[str] = []
    for message in messages if isinstance(messages, list) else []:
        parts = message.get("parts") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and part.get("type") == "text":
                found += _named(str(part.get("content") or ""), shown)
    return tuple(dict.fromkeys(found))


def _named(text: str, shown: set[str]) -> Iterator[str]:
    for name in sorted(shown):
        if len(name) >= SHORTEST_ID and re.search(
            rf"(?<![\w/.-]){re.escape(name)}(?![\w/-]|\.\w)", text
        ):
            yield name


def _tokens(span: Span) -> int:
    used = (span.attributes.get(f"gen_ai.usage.{side}_tokens") for side in ("input", "output"))
    return sum(n for n in used if isinstance(n, int))


def _client(spans: Sequence[Span]) -> str:
    for key in ("gen_ai.agent.id", "gen_ai.agent.name"):
        for span in spans:
            if found := span.attributes.get(key):
                return str(found)
    return next((str(n) for s in spans if (n := s.resource.get("service.name"))), "")


def _success(spans: Sequence[Span]) -> bool | None:
    labels = [
        str(attributes.get("gen_ai.evaluation.score.label")).strip().casefold()
        for span in spans
        for name, attributes in _evaluations(span)
    ]
    told = [label in PASSES for label in labels if label in PASSES or label in FAILS]
    if told:
        return told[-1]
    ids = {s.span_id for s in spans}
    roots = [s for s in spans if s.parent_id not in ids]
    return False if any(s.failed for s in roots) else None


def _evaluations(span: Span) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, a) for name, a in span.events if name == "gen_ai.evaluation.result"]
