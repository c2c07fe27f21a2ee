"""Spans as OTLP's JSON, written as the specification says."""

from __future__ import annotations

from typing import Any


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(v) for v in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": key_values(value)}}
    return {"stringValue": value}


def key_values(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in found.items()]


def span(
    operation: str,
    start: float,
    *,
    trace: str = "a" * 32,
    parent: str = "",
    error: bool = False,
    evaluation: str | None = None,
    seconds: float = 0.5,
    **attributes: Any,
) -> dict[str, Any]:
    """Span with attributes of gen_ai, named with __ in place of dots."""
    named = {f"gen_ai.{k.replace('__', '.')}": v for k, v in attributes.items()}
    found: dict[str, Any] = {
        "traceId": trace,
        "spanId": f"{int(start * 1000):016x}",
        "parentSpanId": parent,
        "name": operation,
        "kind": 1,
        "startTimeUnixNano": str(int(start * 1e9)),
        "endTimeUnixNano": str(int((start + seconds) * 1e9)),
        "attributes": key_values({"gen_ai.operation.name": operation, **named}),
        "status": {"code": 2} if error else {},
    }
    if evaluation is not None:
        label = {"gen_ai.evaluation.name": "Task", "gen_ai.evaluation.score.label": evaluation}
        found["events"] = [{"name": "gen_ai.evaluation.result", "attributes": key_values(label)}]
    return found


def export(*spans: dict[str, Any], service: str = "helper") -> dict[str, Any]:
    """Line of a file exporter."""
    resource = {"attributes": key_values({"service.name": service})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
