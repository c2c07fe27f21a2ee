"""Where relevant documents are that a report does not show: below its ten, or nowhere in the run."""

from __future__ import annotations

import re
from typing import Any

from qembed.evaluation import (
    baseline_differences,
    comparison_json,
    details_json,
    diff_markdown,
    diff_reports,
    diff_text,
    evaluate,
    moved_json,
    parse_measures,
    report_json,
    report_markdown,
)
from qembed.evaluation.report.html import diff_html, report_html
from qembed.evaluation.report.moved import moved_queries, rank_changes
from qembed.types import Query, Run

QRELS = {"q": {"top.md": 1, "low.md": 1, "deep.md": 1, "gone.md": 2}}
QUERIES = [Query("q", "words")]
MEASURES = parse_measures("nDCG@10 R@30")


def run(**ranks: int) -> Run:
    """A run of thirty documents, of which some are relevant."""
    names = {rank: f"{name}.md" for name, rank in ranks.items()}
    return {"q": {names.get(rank, f"x{rank}"): float(-rank) for rank in range(1, 31)}}


THEN, NOW = run(top=1, low=4, deep=25), run(top=2, low=13)


def report(found: Run, baseline: dict[str, Any] | None = None) -> dict[str, Any]:
    measured = evaluate(MEASURES, QRELS, found)
    body = report_json(
        measured, settings={}, recipe=None, details=details_json(QUERIES, QRELS, found, {})
    )
    if baseline is not None:
        body["comparison"] = comparison_json(
            baseline_differences(baseline, measured),
            1,
            moved=moved_json(baseline, body, ["q"], [m.name for m in MEASURES]),
        )
        body["gates"] = [{"name": "g", "measure": "R@30", "ok": False, "verdict": "fell", "got": 0.25,
                          "wanted": 0.5, "kind": "max-drop", "baseline": 0.5}]  # fmt: skip
    return body


def test_a_document_below_the_ten_is_returned() -> None:
    diff = diff_reports(report(THEN), report(NOW), "nDCG@10")
    (moved,) = diff.to_json()["queries"]
    assert (moved["missing"], moved["lower"]) == (["gone.md", "deep.md"], {"low.md": 13})
    lower, lost = "elow rank 10: low.md (13)", "ot among the first 30: gone.md, deep.md"
    page = re.sub("<[^>]*>", "", diff_html(diff))
    for text in (diff_text(diff), diff_markdown(diff).replace("\\", ""), page):
        assert lower in text
        assert lost in text
        assert "eturned: " not in text
    # a report of an earlier version holds ten documents and no more
    older = report(NOW)
    for key in ("found", "ranks"):
        del older["details"]["q"][key]
    text = diff_text(diff_reports(report(THEN), older, "nDCG@10"))
    assert "    not among the first 10: gone.md, deep.md, low.md\n" in text
    assert "low.md (grade 1): rank 4 -> not among the first 10\n" in text


def test_what_a_deep_measure_lost_is_named_with_its_rank_before() -> None:
    red = report(NOW, report(THEN))
    (moved,) = moved_queries(red, "R@30")
    said = "deep.md (grade 1): rank 25 -> not among the first 30"
    assert rank_changes(moved) == [
        said, "top.md (grade 1): rank 1 -> 2", "low.md (grade 1): rank 4 -> 13",
    ]  # fmt: skip
    assert said in diff_text(diff_reports(report(THEN), report(NOW), "R@30"))
    assert said in report_markdown(red).replace("\\", "").replace("-&gt;", "->")
    words = re.sub(r"\s+", " ", re.sub("<[^>]*>", "", report_html(red)))
    assert said.replace("->", "→") in words
    assert "low.md grade 1 rank 13" in words
    assert "gone.md grade 2 not among the first 30" in words
    # ranks beyond a measure's cutoff change nothing in it, nor do they fill a report
    (moved,) = moved_queries(report(run(top=2, low=14, deep=21), report(NOW)), "R@30")
    assert [line.split()[0] for line in rank_changes(moved)] == ["deep.md", "low.md"]
    (moved,) = moved_queries(report(run(top=1, deep=21), report(run(top=3, deep=22))), "nDCG@10")
    assert rank_changes(moved) == ["top.md (grade 1): rank 3 -> 1"]
