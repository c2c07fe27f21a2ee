"""Reports as JUnit XML for CI services: a test case for each gate and each query below a floor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.gates import figure
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.moved import (
    corpus_changes_of,
    fell,
    moved_queries,
    moved_text,
    rank_changes,
)

FALLEN_SHOWN = 20
"""Queries that fell, shown in the failure of a gate."""
ROWS_SHOWN = 5
"""Ranks shown of each."""

# characters that XML 1.0 cannot hold, not even escaped
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report_junit(report: Mapping[str, Any]) -> str:
    """Render a report of `report_json`. A report without gates has one passed test case.

    Gates are cases of the class `qembed.gates`, queries below a floor of `qembed.queries`.
    """
    suite = ET.Element("testsuite", name="qembed eval")
    if date := (report.get("provenance") or {}).get("date"):
        suite.set("timestamp", date.removesuffix("Z"))
    if header := header_lines(report):
        properties = ET.SubElement(suite, "properties")
        for key, value in header.items():
            ET.SubElement(properties, "property", name=key, value=_plain(value))
    failures = 0
    for gate in report.get("gates") or []:
        case = _case(suite, "qembed.gates", gate["name"])
        if not gate["ok"]:
            failures += 1
            words = f"{gate['name']}: {gate['verdict']}"
            lines = [words, *(report.get("causes") or [])]
            _fail(case, words, [*lines, *_fallen(report, gate["measure"])])
    for below in report.get("floors") or []:
        failures += 1
        query = below["query"]
        detail = (report.get("details") or {}).get(query, {})
        case = _case(suite, "qembed.queries", f"{query}: {detail.get('text', '')}".strip(": "))
        words = f"{below['measure']}: {figure(below['got'], below['wanted'])} is below {below['wanted']:.10g}"
        _fail(case, words, [words, *_returned(detail)])
    if suite.find("testcase") is None:
        _case(suite, "qembed.gates", f"measured {counted(report['queries'], 'query', 'queries')}")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def _case(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=group, name=_plain(name))


def _fail(case: ET.Element, words: str, lines: list[str]) -> None:
    failure = ET.SubElement(case, "failure", message=_plain(words))
    failure.text = _plain("\n".join(lines))


def _fallen(report: Mapping[str, Any], measure: str) -> list[str]:
    """List the queries that fell against the baseline, with their documents."""
    changes, lines = corpus_changes_of(report), []
    fallen = [m for m in moved_queries(report, measure) if m.change < 0]
    if not fell(report, measure):
        return []
    for m in fallen[:FALLEN_SHOWN]:
        head, *rows = moved_text(m, ROWS_SHOWN)
        lines += ["", f"fell {head}", *(f"    {x}" for x in rank_changes(m, changes)), *rows]
    if len(fallen) > FALLEN_SHOWN:
        more = counted(len(fallen) - FALLEN_SHOWN, "more query", "more queries")
        lines.append(f"and {more} that fell")
    return lines


def _returned(detail: Mapping[str, Any]) -> list[str]:
    return [
        f"{rank}. {hit['id']} (grade {'none' if hit.get('grade') is None else hit['grade']})"
        for rank, hit in enumerate(detail.get("returned") or [], 1)
    ]


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
