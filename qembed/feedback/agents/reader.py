"""Reader of files with traces: our own form and OpenTelemetry's, told apart line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.feedback.agents.otlp import Span, is_telemetry, read_spans
from qembed.feedback.agents.spans import check_span, traces_of_spans
from qembed.feedback.agents.trace import AgentTrace
from qembed.feedback.agents.trace_lines import parse_trace
from qembed.feedback.data_file import read_data


@dataclass(slots=True)
class ReadTraces:
    """Traces of files. `problems`: finished lines, with file and line, of what was left out.

    `untold`: spans of retrievals without query or documents. `repeated`: traces whose id was there before.
    """

    traces: list[AgentTrace] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    untold: int = 0
    repeated: int = 0


def read_traces(paths: list[Path]) -> ReadTraces:
    """Read all that can be read of the files. Raises InputError for a file that cannot be.

    Spans of one trace may be on several lines and in several files; those of a line with a mistake are left
    out together.
    """
    found = ReadTraces()
    spans: list[Span] = []
    traces: list[AgentTrace] = []
    for path in paths:
        for line, body in _values(path, found.problems):
            try:
                if is_telemetry(body):
                    some = list(read_spans(body))
                    for span in some:
                        check_span(span)
                    spans += some
                else:
                    traces.append(parse_trace(body))
            except (ValueError, TypeError, AttributeError) as e:
                found.problems.append(f"{path}:{line}: {e}")
    of_spans = traces_of_spans(spans)
    traces += of_spans.traces
    found.untold = of_spans.untold
    seen: set[str] = set()
    for trace in traces:
        if trace.id in seen:
            found.repeated += 1
        else:
            seen.add(trace.id)
            found.traces.append(trace)
    return found


def _values(path: Path, problems: list[str]) -> Iterator[tuple[int, Any]]:
    """JSON values of a file with their first lines: one a line, or each over several lines."""
    data = read_data(path)
    if data.lstrip().startswith((b"{\n", b"{\r", b"[")):
        yield from _long_values(path, data, problems)
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except UnicodeDecodeError as e:
            problems.append(f"{path}:{number}: not UTF-8 (byte 0x{line[e.start]:02x})")
        except (ValueError, RecursionError):
            problems.append(f"{path}:{number}: not JSON")


def _long_values(path: Path, data: bytes, problems: list[str]) -> Iterator[tuple[int, Any]]:
    """JSON values over several lines, one after another; of lists, their items."""
    decoder = json.JSONDecoder()
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        problems.append(f"{path}:{line}: not UTF-8 (byte 0x{data[e.start]:02x})")
        return
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        line = text.count("\n", 0, at) + 1
        try:
            body, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as e:
            problems.append(f"{path}:{getattr(e, 'lineno', line)}: not JSON")
            return
        yield from ((line, item) for item in (body if isinstance(body, list) else [body]))
