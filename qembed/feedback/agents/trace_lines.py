"""Traces in a form of our own: JSON lines, a task each.

    {"trace": "run-7", "client": "helper", "task": "which refund …", "outcome": "success", "tokens": 5210,
     "time": "2026-11-29T10:00:00Z",
     "steps": [{"search": "refund period", "hits": ["refunds.md", {"id": "returns.md", "score": 0.41}]},
               {"read": "refunds.md"},
               {"tool": "run_tests", "failed": false},
               {"cite": ["refunds.md"]}]}

Wanted are "trace" and "steps". A step is one of search, read, tool and cite, each with a "time" if it is
known. A search that was logged by `query --log` has its "query_id", and needs no hits. Unknown keys are left
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qembed.feedback.agents.trace import (
    AgentTrace,
    CiteStep,
    ReadStep,
    SearchStep,
    Step,
    ToolStep,
)
from qembed.feedback.records import ShownHit
from qembed.feedback.times import parse_time

STEPS = ("search", "read", "tool", "cite")
OUTCOMES: Mapping[str, bool | None] = {"success": True, "failure": False, "unknown": None}


def parse_trace(body: Any) -> AgentTrace:
    """Trace of one line's JSON value. Raises ValueError that says what is wrong."""
    if not isinstance(body, dict):
        raise ValueError("an object with trace and steps is wanted")
    name = _text(body, "trace")
    steps = body.get("steps")
    if not isinstance(steps, list):
        raise ValueError("steps: a list is wanted")
    return AgentTrace(
        id=name,
        steps=tuple(_step(step, n) for n, step in enumerate(steps, 1)),
        time=_time(body),
        client=_text(body, "client", ""),
        task=_text(body, "task", ""),
        success=_outcome(body.get("outcome")),
        tokens=_count(body, "tokens"),
        steps_taken=_count(body, "steps_taken"),
    )


def parse_hits(value: Any) -> tuple[ShownHit, ...]:
    """Hits in their order: ids, or objects with "id" and perhaps "score". Raises ValueError."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("hits: a list is wanted")
    found = []
    for rank, hit in enumerate(value, 1):
        body = {"id": hit} if isinstance(hit, str | int) else hit
        if not isinstance(body, dict) or isinstance(body.get("id"), bool):
            raise ValueError(f"hit {rank}: an id, or an object with one, is wanted")
        name, score = body.get("id"), body.get("score")
        if not isinstance(name, str | int) or name == "":
            raise ValueError(f"hit {rank}: id is no text")
        if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
            raise ValueError(f"hit {rank}: score is no number")
        found.append(ShownHit(str(name), rank, None if score is None else float(score)))
    return tuple(found)


def _step(body: Any, number: int) -> Step:
    try:
        if not isinstance(body, dict):
            raise ValueError("an object is wanted")
        given = [name for name in STEPS if name in body]
        if len(given) != 1:
            raise ValueError(f"one of {', '.join(STEPS)} is wanted, not {len(given)} of them")
        time = _time(body)
        if given == ["search"]:
            hits = parse_hits(body.get("hits"))
            return SearchStep(_text(body, "search"), hits, _text(body, "query_id", ""), time)
        if given == ["read"]:
            return ReadStep(_text(body, "read"), time)
        if given == ["tool"]:
            failed = body.get("failed", False)
            if not isinstance(failed, bool):
                raise ValueError("failed: true or false is wanted")
            return ToolStep(_text(body, "tool"), failed, time)
        ids = body["cite"]
        if isinstance(ids, str):
            ids = [ids]
        if not isinstance(ids, list) or not all(isinstance(i, str) and i for i in ids):
            raise ValueError("cite: a list of ids is wanted")
        return CiteStep(tuple(dict.fromkeys(ids)), time)
    except ValueError as e:
        raise ValueError(f"step {number}: {e}") from None


def _text(body: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = body.get(key, default)
    if value is None and default is not None:
        return default
    if value is None:
        raise ValueError(f"{key} is missing")
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ValueError(f"{key}: a text is wanted")
    return value


def _time(body: Mapping[str, Any]) -> float | None:
    return None if body.get("time") is None else parse_time(body["time"])


def _count(body: Mapping[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{key}: a whole number from 0 is wanted")
    return value


def _outcome(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str) or value not in OUTCOMES:
        raise ValueError(f"outcome: one of {', '.join(OUTCOMES)} is wanted")
    return OUTCOMES[value]
