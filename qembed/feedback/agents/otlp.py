"""OpenTelemetry's JSON: spans as plain values, from OTLP files and from the Python SDK's exporter.

OTLP (a line is `{"resourceSpans": …}`) writes attributes as lists of key and typed value, 64-bit integers as
texts and times in nanoseconds; the SDK's `to_json` writes plain objects and ISO 8601.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qembed.feedback.times import parse_time

_NANO = 1e9


@dataclass(frozen=True, slots=True)
class Span:
    """Span. `start`: seconds since 1970. `failed`: by its status. `events`: attributes of each, by name."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start: float
    end: float
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def is_telemetry(body: Any) -> bool:
    """Return whether a JSON value is one of OTLP's, or a span of the SDK's."""
    return isinstance(body, dict) and (
        "resourceSpans" in body or ("context" in body and "attributes" in body)
    )


def read_spans(body: Mapping[str, Any]) -> Iterator[Span]:
    """Spans of a JSON value that `is_telemetry`. Raises ValueError for what is no such span."""
    if "resourceSpans" not in body:
        yield _sdk_span(body)
        return
    for of_resource in _objects(body["resourceSpans"], "resourceSpans"):
        resource = attributes_of((of_resource.get("resource") or {}).get("attributes"))
        for of_scope in _objects(of_resource.get("scopeSpans"), "scopeSpans"):
            for span in _objects(of_scope.get("spans"), "spans"):
                yield _otlp_span(span, resource)


def plain_value(value: Any) -> Any:
    """Value of OTLP's AnyValue; None for one that is empty or of another kind."""
    if not isinstance(value, dict):
        return None
    for key, found in value.items():
        if key in ("stringValue", "boolValue"):
            return found
        if key == "intValue":
            return int(found)
        if key == "doubleValue":
            return float(found)
        if key == "arrayValue":
            return [plain_value(v) for v in (found or {}).get("values", [])]
        if key == "kvlistValue":
            return attributes_of((found or {}).get("values", []))
    return None


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Attributes as an object, from OTLP's list of keys and values or from an object. Raises ValueError."""
    if pairs is None:
        return {}
    if isinstance(pairs, dict):
        return pairs
    try:
        return {str(pair["key"]): plain_value(pair.get("value")) for pair in pairs}
    except (TypeError, KeyError, AttributeError) as e:
        raise ValueError("attributes: a list of key and value is wanted") from e


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise ValueError(f"{name}: a list of objects is wanted")
    return value


def _otlp_span(span: Mapping[str, Any], resource: Mapping[str, Any]) -> Span:
    status = span.get("status") or {}
    attributes = attributes_of(span.get("attributes"))
    code = status.get("code") if isinstance(status, dict) else None
    return Span(
        trace_id=_id(span, "traceId"),
        span_id=_id(span, "spanId"),
        parent_id=str(span.get("parentSpanId") or ""),
        name=str(span.get("name") or ""),
        start=_nanoseconds(span.get("startTimeUnixNano")),
        end=_nanoseconds(span.get("endTimeUnixNano")),
        attributes=attributes,
        resource=resource,
        failed=code in (2, "STATUS_CODE_ERROR") or bool(attributes.get("error.type")),
        events=tuple(
            (str(e.get("name") or ""), attributes_of(e.get("attributes")))
            for e in _objects(span.get("events"), "events")
        ),
    )


def _sdk_span(span: Mapping[str, Any]) -> Span:
    context = span["context"]
    if not isinstance(context, dict):
        raise ValueError("context: an object is wanted")
    status = span.get("status") or {}
    attributes = attributes_of(span.get("attributes"))
    resource = span.get("resource") or {}
    code = status.get("status_code") if isinstance(status, dict) else None
    return Span(
        trace_id=_id(context, "trace_id").removeprefix("0x"),
        span_id=_id(context, "span_id").removeprefix("0x"),
        parent_id=str(span.get("parent_id") or "").removeprefix("0x"),
        name=str(span.get("name") or ""),
        start=parse_time(span.get("start_time")),
        end=parse_time(span.get("end_time") or span.get("start_time")),
        attributes=attributes,
        resource=attributes_of(resource.get("attributes")) if isinstance(resource, dict) else {},
        failed=code == "ERROR" or bool(attributes.get("error.type")),
        events=tuple(
            (str(e.get("name") or ""), attributes_of(e.get("attributes")))
            for e in _objects(span.get("events"), "events")
        ),
    )


def _id(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is missing")
    return value


def _nanoseconds(value: Any) -> float:
    try:
        found = int(value) / _NANO
    except (TypeError, ValueError):
        raise ValueError(f"{str(value)[:40]!r} is no time in nanoseconds") from None
    if not math.isfinite(found):
        raise ValueError("a time without end")
    return found
