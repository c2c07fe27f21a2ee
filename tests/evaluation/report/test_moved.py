"""Queries that fell against a baseline, in every form of a report."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree import ElementTree as ET

from qembed.evaluation import (
    GateResult,
    baseline_differences,
    comparison_json,
    contents_json,
    details_json,
    diff_markdown,
    diff_reports,
    diff_text,
    document_changes,
    evaluate,
    moved_json,
    parse_measures,
    report_json,
    report_markdown,
)
from qembed.evaluation.report.html import diff_html, report_html
from qembed.evaluation.report.junit import report_junit
from qembed.evaluation.report.moved import (
    corpus_changes_of,
    fallen_measures,
    moved_queries,
    moved_text,
    rank_changes,
)
from qembed.types import Query, Run

QUERIES = [Query("q1", "refund <b>"), Query("q2", "parcel"), Query("q3", "login")]
QRELS = {"q1": {"refund.md": 2, "late.md": 1}, "q2": {"parcel.md": 1}, "q3": {"login.md": 1}}
THEN: Run = {
    "q1": {"refund.md": 0.9, "x.md": 0.5, "late.md": 0.4},
    "q2": {"x.md": 0.9, "parcel.md": 0.2},
    "q3": {"login.md": 0.9},
}
NOW: Run = {
    "q1": {"x.md": 0.9, "late.md": 0.5},
    "q2": {"parcel.md": 0.9, "x.md": 0.2},
    "q3": {"login.md": 0.9},
}
PROVENANCE = {
    "date": "2026-11-28T10:00:00Z", "commit": "c" * 40, "dirty": True, "index": ".qembed",
    "generation": 3, "version": "0.1.0",
}  # fmt: skip


def red_build(**older: None) -> dict[str, Any]:
    """Return a report with a failed gate. `older`: keys that its baseline lacks."""
    measures = parse_measures("RR@10 nDCG@10")
    made = []
    for run, documents in ((THEN, {"refund.md": b"1", "x.md": b"1"}), (NOW, {"x.md": b"2"})):
        report = evaluate(measures, QRELS, run)
        body = report_json(
            report,
            settings={"mode": "hybrid", "where": []},
            recipe={"model": "minilm", "revision": "r" * 40, "dim": 384},
            details=details_json(QUERIES, QRELS, run, {}),
            contents=contents_json(documents),
            provenance=PROVENANCE,
        )
        made.append((report, body))
    baseline, (report, body) = made[0][1] | older, made[1]
    found = baseline_differences(baseline, report)
    body["comparison"] = comparison_json(
        found,
        3,
        moved=moved_json(baseline, body, list(QRELS), ["RR@10", "nDCG@10"]),
        documents=document_changes(baseline, body),
        provenance=baseline.get("provenance"),
    )
    gates = [GateResult("nDCG@10", 0.9, 0.5, False), GateResult("R@9", 0.9, 0.5, False)]
    body["gates"] = [g.to_json() for g in gates]
    return body


def test_a_moved_query_tells_ranks_before_and_now() -> None:
    body = red_build()
    assert fallen_measures(body) == ["nDCG@10"]
    assert fallen_measures(body | {"gates": []}) == ["RR@10"]
    # a floor that was missed by a measure that rose is not explained by what fell
    gates = [{"measure": "RR@10", "ok": False}, {"measure": "nDCG@10", "ok": False}]
    body["comparison"]["measures"]["RR@10"]["difference"] = 0.1
    assert fallen_measures(body | {"gates": gates}) == ["nDCG@10"]
    fell, rose = moved_queries(body, "nDCG@10")
    assert (fell.query, rose.query) == ("q1", "q2")
    assert fell.change < 0 < rose.change
    assert rank_changes(fell, corpus_changes_of(body)) == [
        "refund.md (grade 2): rank 1 -> not among the first 10, deleted since the baseline",
        "late.md (grade 1): rank 3 -> 2",
    ]
    head, *rows = moved_text(fell, 2)
    assert head.startswith(f"{fell.change:+.4f}  q1  {fell.was:.4f} -> {fell.now:.4f}  refund")
    assert rows == ["  *  1  refund.md (2)  x.md (–)", "  *  2  x.md (–)       late.md (1)"]
    entry = body["comparison"]["moved"][0]
    assert entry["before"][0] == {"id": "refund.md", "title": "", "grade": 2}
    assert set(entry["was"]) == {"RR@10", "nDCG@10"}


def test_every_form_names_what_fell_and_what_changed() -> None:
    body = red_build()
    words = report_markdown(body)
    for line in (
        "- date: 2026-11-28 10:00:00 UTC",
        f"- commit: {'c' * 12} with uncommitted changes",
        "- index: .qembed, generation 3",
        f"- model: minilm, revision {'r' * 12}, 384 dimensions",
        "- settings: mode hybrid",
        f"- baseline: 2026-11-28 10:00:00 UTC, commit {'c' * 12} with uncommitted changes",
        "| changed | x.md |",
        "| deleted | refund.md |",
        "## Queries whose nDCG@10 fell",
        "| 1 | refund.md (2) | x.md (–) |",
    ):
        assert line in words.splitlines(), line
    assert "refund.md (grade 2): rank 1 -> not among the first 10, deleted" in words
    suite = ET.fromstring(report_junit(body))
    assert suite.get("timestamp") == "2026-11-28T10:00:00"
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["index"] == ".qembed, generation 3"
    first, second = (str(f.text) for f in suite.iter("failure"))
    assert "fell -" in first
    assert "refund.md (grade 2): rank 1 -> not among the first 10" in first
    assert "q2" not in first  # it rose
    assert "fell" not in second  # the baseline has no R@9
    page = report_html(body)
    assert "refund &lt;b&gt;" in page
    seen = " ".join(html.unescape(re.sub("<[^>]+>", "", page)).split())
    for text in (
        "2026-11-28 10:00:00 UTC", "changed: x.md", "deleted: refund.md", "Queries whose nDCG@10 fell",
        "refund.md (grade 2): rank 1 → not among the first 10, deleted since the baseline",
        "worse than the baseline", "nDCG@10 -0.", "Returned by the baseline",
    ):  # fmt: skip
        assert text in seen, text


def test_the_difference_of_two_reports_tells_their_origins() -> None:
    body = red_build()
    then = {**body, "provenance": None, "settings": {"mode": "dense"}}
    found = diff_reports(then, body, None, ("a.json", "b.json"))
    line = (
        f"b.json: 2026-11-28 10:00:00 UTC, commit {'c' * 12} with uncommitted changes, index .qembed, "
        "generation 3"
    )
    assert found.origins == [line]
    assert line in diff_text(found)
    assert 'note: mode was "dense", is "hybrid"' in diff_text(found)
    assert f"- {line}" in diff_markdown(found)
    assert line in html.unescape(re.sub("<[^>]+>", "", diff_html(found)))
    assert found.to_json()["provenances"] == [{}, PROVENANCE]


def test_an_older_baseline_is_compared_with_less_said() -> None:
    body = red_build(contents=None, details=None, provenance=None)
    assert body["comparison"]["documents"] is None
    (fell, _) = moved_queries(body, "nDCG@10")
    assert fell.before is None
    assert rank_changes(fell) == []
    assert len(moved_text(fell, 3)) == 1
    text = report_markdown(body)
    assert "The baseline does not hold what it returned." in text
    assert "Files that changed" not in text
    assert "- baseline" not in text
    ET.fromstring(report_junit(body))
    assert "does not hold what it returned" in report_html(body)


def test_a_page_finds_what_fell_in_any_measure_compared() -> None:
    body = red_build()
    # a gate of each measure failed, and q3 fell in one of them alone
    body["gates"] = [{**body["gates"][0], "measure": m} for m in ("RR@10", "nDCG@10")]
    entry = {"query": "q3", "was": {"nDCG@10": 0.9}, "now": {"nDCG@10": 0.5}, "before": None}
    body["comparison"]["moved"].append(entry)
    page = report_html(body)
    rows = re.findall(r'<tr class="query"([^>]*)>(.*?)</tr>', page, re.S)
    told = {re.findall(r"<span>(q\d)</span>", row)[0]: (kinds, row) for kinds, row in rows}
    assert {*told["q1"][0].split('"')[1].split()} == {"0", "1"}
    assert 'data-better="' in told["q2"][0]
    assert "data-worse" not in told["q2"][0]
    assert told["q3"][0] == ' data-worse="1"'
    assert '<div class="fail">nDCG@10 -0.400</div></td>' in told["q3"][1]
    assert '<option value="worse-0">worse in RR@10: 1</option>' in page
    assert '<option value="worse-1">worse in nDCG@10: 2</option>' in page
    one = {m: v for m, v in body["comparison"]["measures"].items() if m == "nDCG@10"}
    alone = report_html({**body, "comparison": {**body["comparison"], "measures": one}})
    assert ">nDCG@10 change</button>" in alone
    assert '<div class="fail">-0.400</div>' in alone
    assert "worse in" not in alone
