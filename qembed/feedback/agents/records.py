"""Traces of agents as queries and events of the log."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qembed.feedback.agents.trace import (
    AgentTrace,
    CiteStep,
    ReadStep,
    SearchStep,
    ToolStep,
)
from qembed.feedback.records import ClientKind, Event, LoggedQuery

KIND: ClientKind = "agent"
ALIKE = 0.6
"""Similarity of two queries (difflib's ratio) from which on the later one is the earlier in other words."""


@dataclass(slots=True)
class TraceRecords:
    """Records of traces. `unshown`: documents read or cited that no search before had shown.

    `silent`: traces without a search. `outcomes`: traces by outcome.
    """

    queries: list[LoggedQuery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    unshown: int = 0
    silent: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Search:
    """Search of a trace, with the documents that its answer showed and what was used of them."""

    query: LoggedQuery
    is_known: bool
    shown: dict[str, int]
    used: set[str] = field(default_factory=set)
    text: str = ""


def trace_records(
    traces: Iterable[AgentTrace],
    known: Mapping[str, LoggedQuery] | None = None,
    now: float = 0.0,
) -> TraceRecords:
    """Queries and events of traces. `known`: logged queries, by id. `now`: time of traces that tell none.

    A document that was read or cited counts for the last search that showed it; one cited after it was read,
    for the search that it was read from. A search of which nothing was used, with a later one for the same
    in other words, has an event "reformulate". Each search has the outcome, with steps, tokens, searches and
    other tools of the whole task. Ids are made of the trace's id and the step, so that a trace that is given
    twice makes the same records.
    """
    found = TraceRecords()
    for trace in traces:
        _add_trace(trace, known or {}, now, found)
    return found


def _add_trace(
    trace: AgentTrace, known: Mapping[str, LoggedQuery], now: float, found: TraceRecords
) -> None:
    outcome = {True: "success", False: "failure", None: "unknown"}[trace.success]
    found.outcomes[outcome] = found.outcomes.get(outcome, 0) + 1
    begin = trace.time if trace.time is not None else now
    client = trace.client or "agent"
    searches: list[_Search] = []
    read_from: dict[str, _Search] = {}
    last = begin
    for n, step in enumerate(trace.steps, 1):
        time = step.time if step.time is not None else last
        last = max(last, time)
        if isinstance(step, SearchStep):
            searches.append(_search(trace, step, n, time, client, known))
        elif isinstance(step, ReadStep | CiteStep):
            action = "read" if isinstance(step, ReadStep) else "cite"
            for name in (step.id,) if isinstance(step, ReadStep) else step.ids:
                shown_by = next((s for s in reversed(searches) if name in s.shown), None)
                search = read_from.get(name, shown_by) if action == "cite" else shown_by
                if search is None:
                    found.unshown += 1
                    continue
                search.used.add(name)
                if action == "read":
                    read_from[name] = search
                found.events.append(_event(trace, search, action, n, time, client, name))
    found.queries += [s.query for s in searches if not s.is_known]
    found.silent += not searches
    for n, search in enumerate(searches):
        if not search.used and any(_alike(search.text, s.text) for s in searches[n + 1 :]):
            found.events.append(_event(trace, search, "reformulate", n, last, client))
    if trace.success is not None:
        attributes = _effort(trace)
        found.events += [
            _event(trace, search, outcome, n, last, client, attributes=attributes)
            for n, search in enumerate(searches)
        ]


def _search(
    trace: AgentTrace,
    step: SearchStep,
    number: int,
    time: float,
    client: str,
    known: Mapping[str, LoggedQuery],
) -> _Search:
    logged = known.get(step.query_id)
    query = logged or LoggedQuery(
        query_id=step.query_id or _name(trace.id, str(number)),
        text=step.query,
        time=time,
        shown=step.hits,
        client_id=client,
        client_kind=KIND,
        session_id=trace.id,
        settings={"task": trace.task} if trace.task else {},
    )
    shown: dict[str, int] = {}
    for hit in query.shown or step.hits:
        shown.setdefault(hit.id, hit.rank)
    return _Search(query, logged is not None, shown, text=step.query)


def _event(
    trace: AgentTrace,
    search: _Search,
    action: str,
    number: int,
    time: float,
    client: str,
    document: str = "",
    *,
    attributes: Mapping[str, Any] | None = None,
) -> Event:
    return Event(
        event_id=_name(trace.id, search.query.query_id, action, str(number), document),
        query_id=search.query.query_id,
        action=action,
        time=max(time, search.query.time),
        object_id=document,
        position=search.shown.get(document),
        client_id=client,
        client_kind=KIND,
        session_id=trace.id,
        attributes=attributes or {},
    )


def _effort(trace: AgentTrace) -> dict[str, Any]:
    """Effort of a task: steps, searches, and where they are known tokens and other tools."""
    tools = [s for s in trace.steps if isinstance(s, ToolStep)]
    found: dict[str, Any] = {
        "steps": trace.steps_taken if trace.steps_taken is not None else len(trace.steps),
        "searches": sum(isinstance(s, SearchStep) for s in trace.steps),
    }
    if trace.tokens is not None:
        found["tokens"] = trace.tokens
    if tools:
        found["tools"] = sorted({t.name for t in tools})
        found["failed_tools"] = sum(t.failed for t in tools)
    return found


def _alike(a: str, b: str) -> bool:
    """Return whether two queries have a word in common, or most of their characters in order."""
    a, b = a.casefold(), b.casefold()
    words = [{w for w in text.split() if len(w) > 3} for text in (a, b)]
    return bool(words[0] & words[1]) or difflib.SequenceMatcher(None, a, b).ratio() >= ALIKE


def _name(*parts: str) -> str:
    """Id of 32 hexadecimal digits, the same for the same parts."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
