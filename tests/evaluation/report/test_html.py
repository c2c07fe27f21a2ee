"""The pages: everything of a report is in them, and nothing in it is more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import pytest

from qembed.evaluation import (
    GateResult,
    Report,
    Variant,
    baseline_differences,
    comparison_json,
    details_json,
    diff_markdown,
    diff_reports,
    diff_text,
    evaluate,
    parse_gates,
    parse_measures,
    recall_curve,
    recommend,
    report_json,
    variants_json,
    write_report,
)
from qembed.evaluation.report.html import diff_html, environment, report_html
from qembed.evaluation.report.junit import report_junit
from qembed.types import Query, Run

Attributes: TypeAlias = list[tuple[str, str | None]]

EVIL = '<script>alert("1")</script>'
QUERIES = [Query("q1", EVIL), Query("q2", "two & \u4e09"), Query('q"3', "three")]
QRELS = {"q1": {"d1": 1, "<img src=x onerror=y>": 2}, "q2": {"d2": 1}, 'q"3': {"d3": 0, "d4": 1}}
GOOD = {
    "q1": {"d1": 0.9, "</title>": 0.5, "x": 0.1},
    "q2": {"d2": 0.9},
    'q"3': {"d4": 0.5, "d3": 0.4},
}
BAD = {"q1": {"x": 0.9, "d1": 0.5}, "q2": {"d2": 0.9}, 'q"3': {"d3": 0.9, "d9": 0.2}}
MEASURES = parse_measures("nDCG@10 RR@10 R@3")


def a_report(run: Run, **more: Any) -> tuple[Report, dict[str, Any]]:
    report = evaluate(MEASURES, QRELS, run)
    return report, report_json(
        report,
        settings={"encoded": EVIL, "none": None},
        recipe={"model": EVIL},
        recall=recall_curve(run, QRELS),
        details=details_json(QUERIES, QRELS, run, {"d1": EVIL}),
        **more,
    )


@pytest.fixture(scope="module")
def full() -> dict[str, Any]:
    """A report with everything in it, much of it hostile."""
    before = a_report(GOOD)[1]
    report, _ = a_report(BAD)
    dims = [
        Variant({"dim": d}, evaluate(MEASURES, QRELS, r), d / 10) for d, r in ((2, BAD), (4, GOOD))
    ]
    named = [Variant({"instruction": EVIL}, report), Variant({"instruction": "with"}, report)]
    gates = [
        GateResult("nDCG@10", 0.9, 0.4, False, verdict=EVIL),
        GateResult("R@3", 0.1, 0.5, True),
    ]
    return a_report(
        BAD,
        gates=gates,
        comparison=comparison_json(baseline_differences(before, report), 3, [EVIL]),
        ablations=[
            *variants_json("dim", dims, 1, "nDCG@10"),
            *variants_json("instruction", named, 1, "nDCG@10"),
        ],
        recommendations=[recommend("dim", dims, 1, "nDCG@10", cheaper="size"), EVIL],
        floors=parse_gates(["RR@10=0.5"]),
        latency={"cold": 1.0, "median": 0.01, "p95": 0.02, "queries": 3},
        warnings=[EVIL],
        causes=[EVIL],
        inputs={"queries": "a"},
    )[1]


class Tags(HTMLParser):
    """Notes tags, attributes and text; complains about tags that do not match."""

    VOID = ("meta", "link", "input", "circle", "rect", "line", "path", "polyline")

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_page_is_whole_and_asks_for_nothing(full: dict[str, Any]) -> None:
    page = report_html(full)
    found = Tags(page)
    assert [tag for tag, _ in found.tags].count("script") == 1
    for tag, attrs in found.tags:
        assert tag not in ("img", "iframe", "base", "object")
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert value == "data:,"
    assert "http://" not in page.replace("http-equiv", "")
    assert "https://" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert "url(" not in page


def test_hostile_text_stays_text(full: dict[str, Any]) -> None:
    page = report_html(full)
    assert EVIL not in page
    assert "<img" not in page
    text = "".join(Tags(page).text)
    assert text.count(EVIL) >= 8  # words, title, settings, recipe, note, cause, warning, arm …
    assert "<img src=x onerror=y>" in text


def test_a_page_tells_what_the_report_does(full: dict[str, Any]) -> None:
    page = report_html(full)
    text = " ".join("".join(Tags(page).text).split())
    for name, value in full["measures"].items():
        assert f"{name}{value:.4f}" in text
    for words in (
        "1 of 2 gates failed.", "Recall by depth", "Ablation: dim", "nDCG@10 by dimensions",
        "ms a query by dimensions", "Against the baseline", "not judged", "rank 1",
        "10.0 ms", "two & \u4e09",
    ):  # fmt: skip
        assert words in text, words
    rows = re.findall(r'<td class="words" data-value', page)
    assert len(rows) == 3


def test_a_report_with_little_in_it_is_a_page_too() -> None:
    report = Report({"AP": 0.0}, {"q": {"AP": 0.0}}, 1)
    page = report_html(report_json(report, settings={}, recipe=None))
    Tags(page)
    assert "0.0000" in page
    assert "Ablation" not in page


def test_what_belongs_together_is_marked_as_one() -> None:
    shown = environment().from_string(
        "{{ 5e-05|pvalue }} {{ 0.25|pvalue }} {{ 'rank 1 -> 2 on 2026-11-30'|prose }}"
    )
    whole = '<span class="id"><span>{}</span></span>'
    parts = [whole.format(part) for part in ("5e-05", "-&gt;", "2026-11-30")]
    assert shown.render() == f"{parts[0]} 0.25 rank 1 {parts[1]} 2 on {parts[2]}"


@pytest.mark.parametrize(("size", "wide"), [(32, False), (36, True), (70, True)])
def test_a_column_of_long_ids_is_wide(size: int, wide: bool) -> None:
    name = "a" * size
    report = Report({"AP": 0.0}, {name: {"AP": 0.0}}, 1)
    page = report_html(report_json(report, settings={}, recipe=None, floors=parse_gates(["AP=1"])))
    assert ('<td class="key"><span class="id"><span class="long' in page) == wide
    assert (f'<span class="long uuid">{name}</span>' in page) == (size == 36)


def test_every_kind_of_report_is_written(full: dict[str, Any], tmp_path: Path) -> None:
    for suffix in (".json", ".md", ".html", ".xml"):
        path = tmp_path / f"r{suffix}"
        write_report(full, path)
        assert path.stat().st_size > 500
    assert json.loads((tmp_path / "r.json").read_text())["floors"]


def test_junit_has_a_case_for_each_gate_and_each_query_below_the_floor(
    full: dict[str, Any],
) -> None:
    suite = ET.fromstring(report_junit(full))
    cases = suite.findall("testcase")
    assert [(c.get("classname"), c.find("failure") is None) for c in cases] == [
        ("qembed.gates", False),
        ("qembed.gates", True),
        ("qembed.queries", False),
    ]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failed, below = cases[0].find("failure"), cases[2].find("failure")
    assert failed is not None
    assert below is not None
    assert failed.get("message") == f"fail-under nDCG@10: {EVIL}"
    assert EVIL in str(failed.text)  # the cause
    assert str(cases[2].get("name")).startswith('q"3')
    assert "1. d3 (grade 0)\n2. d9 (grade none)" in str(below.text)


def test_junit_survives_any_text() -> None:
    details = {"q": {"text": "a\x00b\x1b\ud800 & <c>", "returned": [], "judged": {}}}
    report = Report({"AP": 0.0}, {"q": {"AP": 0.0}}, 1)
    body = report_json(
        report, settings={}, recipe=None, floors=parse_gates(["AP=1"]), details=details
    )
    case = ET.fromstring(report_junit(body)).find("testcase")
    assert case is not None
    assert case.get("name") == "q: a\ufffdb\ufffd\ufffd & <c>"
    only = ET.fromstring(report_junit(report_json(report, settings={}, recipe=None)))
    assert only.get("failures") == "0"
    assert only.get("tests") == "1"


# ── two reports ──────────────────────────────────────────────────────────────────────────────────


def test_the_most_damaged_query_comes_first() -> None:
    a, b = a_report(GOOD)[1], a_report(BAD)[1]
    diff = diff_reports(a, b, "RR@10", ("old", "new"))
    assert [(m.query, m.was, m.now) for m in diff.moved] == [('q"3', 1.0, 0.0), ("q1", 1.0, 0.5)]
    assert diff.moved[0].missing == ["d4"]
    assert (diff.overall.worse, diff.overall.same) == (2, 1)
    back = diff_reports(b, a, "RR@10")
    assert [m.change for m in back.moved] == [0.5, 1.0]
    assert diff_reports(a, a).moved == []


def test_a_difference_as_text_markdown_and_html() -> None:
    diff = diff_reports(a_report(GOOD)[1], a_report(BAD)[1], None, ("old.json", "<new>.json"))
    text = diff_text(diff)
    lines = text.splitlines()
    assert lines[0].startswith("nDCG@10  ")
    assert lines[1] == "worse on 2, better on 0, the same on 1 of 3 queries"
    assert "*  1  d4 (1)" in text
    assert "not among the first 10: d4" in text
    assert diff_text(diff, 1).endswith("and 1 more query that moved\n")
    markdown = diff_markdown(diff)
    assert markdown.startswith("# old.json → &lt;new>.json\n")
    assert "<script" not in markdown
    assert "| 1 | d4 (1) | d3 (0) |" in markdown
    page = diff_html(diff)
    words = "".join(Tags(page).text)
    assert EVIL not in page
    assert "Not among the first 10: d4" in words
