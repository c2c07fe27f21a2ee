from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    GateResult,
    Report,
    Variant,
    baseline_differences,
    check_report_paths,
    comparison_json,
    evaluate,
    parse_drops,
    parse_gates,
    parse_measures,
    read_report,
    report_markdown,
    variants_json,
    worst_queries,
    write_report,
)
from qembed.evaluation.gates import floor_result
from qembed.evaluation.report.notes import MS_UNTIMED, ablation_notes
from tests.evaluation.reports import REPORT, as_json, beside


def test_the_report_as_promised() -> None:
    gate = floor_result("nDCG@10", 0.7, 0.6)
    found = as_json(settings={"k": 100}, recipe={"model": "minilm"}, gates=[gate])
    assert found["schema"] == 1
    assert found["measures"] == {"nDCG@10": 0.6, "RR@10": 0.5}
    assert found["per_query"]["q1"] == {"nDCG@10": 1.0, "RR@10": 1.0}
    assert found["queries"] == 3
    assert found["settings"] == {"k": 100}
    assert found["recipe"] == {"model": "minilm"}
    assert found["gates"] == [
        {
            "name": "fail-under nDCG@10=0.7", "verdict": "0.6000 is below 0.7",
            "measure": "nDCG@10", "wanted": 0.7, "got": 0.6, "ok": False,
            "kind": "fail-under", "limit": "0.7", "baseline": None,
        }
    ]  # fmt: skip
    low, high = found["intervals"]["nDCG@10"]
    assert 0.4 <= low < 0.6 < high <= 1
    assert found["comparison"] is None
    assert found["ablations"] == []
    assert "descending" in found["ties"]


def test_a_written_report_is_a_baseline(tmp_path: Path) -> None:
    path = tmp_path / "report.JSON"
    qrels = {"q\ud800": {"d": 1}, "q\u00e92": {"d": 1}}
    report = evaluate(parse_measures("RR AP"), qrels, {"q\u00e92": {"x": 2.0, "d": 1.0}})
    found = as_json(report, settings={"where": "a = '\u00e9'"})
    write_report(found, path)
    assert read_report(path) == found
    assert "q\u00e92" in path.read_text(encoding="utf-8")
    results = beside(read_report(path), report, parse_drops(["RR=0"]))
    assert [r.ok for r in results] == [True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "a report is a JSON object"),
        ('{"schema": 2}', '"schema" is 2, this version reads 1'),
        ('{"schema": 1, "measures": {"AP": "x"}, "per_query": []}', '"per_query" does not map'),
        ('{"schema": 1, "measures": {"AP": NaN}, "per_query": {}}', '"measures" does not map'),
        (
            '{"schema": 1, "measures": {"AP": 1}, "per_query": {"q": {"RR": 1}}}',
            "other measures than \"measures\" for 'q'",
        ),
    ],
)
def test_what_is_no_report(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError) as e:
        read_report(path)
    assert why in str(e.value)
    assert str(path) in str(e.value)


@pytest.mark.parametrize("value", [5, "x", [], [None]])
@pytest.mark.parametrize(
    "keys",
    [
        *[
            (part,)
            for part in (
                "settings",
                "recipe",
                "provenance",
                "inputs",
                "contents",
                "record_files",
                "details",
            )
        ],
        ("provenance", "commit"),
        ("inputs", "documents"),
        ("details", "q1"),
        ("details", "q1", "judged"),
        ("details", "q1", "returned", 0),
    ],
)
def test_parts_of_another_shape_are_named(
    tmp_path: Path, keys: tuple[str | int, ...], value: object
) -> None:
    if (keys[-1], value) in (("commit", "x"), ("documents", 5)):
        return
    report: dict[str, Any] = {
        **as_json(),
        "provenance": {"commit": None, "date": "2026-11-30"},
        "inputs": {"documents": 3},
        "contents": None,
        "record_files": {"a.jsonl": ["r1"]},
        "details": {"q1": {"text": "w", "judged": {"d": 1}, "returned": [{"id": "d"}]}},
    }
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert read_report(path) == report
    part: Any = report
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    path.write_text(json.dumps(report))
    with pytest.raises(InputError, match=rf'"{keys[0]}') as e:
        read_report(path)
    assert str(path) in str(e.value)


def test_other_suffixes_are_refused_before_and_after(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.pdf", tmp_path / "c"]
    with pytest.raises(UsageError, match=r"written as \.json or .*, not .*b\.pdf, .*c$"):
        check_report_paths(paths)
    with pytest.raises(UsageError):
        write_report(as_json(), paths[1])
    assert list(tmp_path.iterdir()) == []


def test_the_worst_queries_come_first() -> None:
    assert worst_queries(REPORT, "nDCG@10", 2) == [("q2", 0.4), ("q3", 0.4)]
    assert worst_queries(REPORT, "RR@10", 9) == [("q3", 0.0), ("q2", 0.5), ("q1", 1.0)]
    assert worst_queries(REPORT, "RR@10", 0) == []
    with pytest.raises(UsageError, match="AP was not measured"):
        worst_queries(REPORT, "AP", 1)


def test_markdown_shows_what_matters(tmp_path: Path) -> None:
    change = baseline_differences(as_json(), REPORT)
    arms = [
        Variant({"mode": "dense"}, REPORT, 1.5),
        Variant({"mode": "hybrid"}, Report({"nDCG@10": 1.0}, _all(1.0), 3)),
    ]
    found = as_json(
        settings={"mode": "hybrid", "k": 100, "where": None},
        recipe={"model": "minilm"},
        gates=[
            GateResult("nDCG@10", 0.7, 0.6, False, verdict="a|b"),
            floor_result("RR@10", 0.4, 0.5),
        ],
        comparison=comparison_json(change, 3, ["the corpus differs"]),
        ablations=variants_json("mode", arms, 0, "nDCG@10"),
        recommendations=["mode: keep dense"],
        causes=["ef was null, is 10"],
        warnings=["little is judged"],
        latency={"cold": 1.25, "median": 0.0123, "p95": 0.05, "queries": 20},
        details={"q2": {"text": "the <b> words", "judged": {}, "returned": [{"id": "d7"}]}},
        floors=parse_gates(["RR@10=0.2"]),
    )
    low, high = found["intervals"]["nDCG@10"]
    path = tmp_path / "report.md"
    write_report(found, path)
    text = path.read_text(encoding="utf-8")
    assert text == report_markdown(json.loads(json.dumps(found)))
    for line in (
        "**1 of 2 gates failed.** Over 3 judged queries; one without hits counts 0. Documents are "
        "ordered by score (as float32), then by document id descending, as trec_eval does.",
        f"| nDCG@10 | 0.6000 | {low:.4f} to {high:.4f} |",
        "One query took 12.3 ms (median), 50.0 ms (95th percentile of 20), asked one at a time, encoding "
        "included; the first one, with the model loaded, 1.25 s.",
        "| **fail** | fail-under nDCG@10 | a\\|b |",
        "| pass | fail-under RR@10=0.4 | 0.5000 is at least 0.4 |",
        "- ef was null, is 10",
        "| q3 |  | RR@10 | 0.0000 | 0.2000 |",
        "| nDCG@10 | 0.6000 | 0.6000 | +0.0000 | -1.0000 to +1.0000 | 1 | 0 | 0 | 3 |",
        "Compared on 3 common queries: the corpus differs.",
        "## Ablation: mode",
        "| arm | nDCG@10 | RR@10 | ms/query | nDCG@10 difference | 95 % interval | p |",
        "| dense | 0.6000 | 0.5000 | 1.50 |  |  |  |",
        MS_UNTIMED,
        "- mode: keep dense",
        "## Lowest nDCG@10",
        "| q2 | 0.4000 | the &lt;b> words | d7 |",
        "- little is judged",
        "| k | 100 |",
        "| where |  |",
        "| model | minilm |",
    ):
        assert line in text.splitlines(), line
    assert "| hybrid | 1.0000 |  | – | +0.4000 |" in text


def test_notes_name_the_latency_only_where_there_is_one() -> None:
    arms = [{"ms_per_query": 1.5}]
    [without], [with_it] = ablation_notes(arms, None), ablation_notes(arms, {"median": 0.01})
    assert without.endswith("without encoding them.")
    assert with_it == without[:-1] + "; the latency above is of single queries, encoding included."


def _all(value: float) -> dict[str, dict[str, float]]:
    return {query: {"nDCG@10": value} for query in REPORT.per_query}


def test_markdown_leaves_out_what_is_not_there_and_keeps_cells_whole() -> None:
    report = Report({"AP": 0.0}, {"a|b\n<i>[x](y)`": {"AP": 0.0}}, 1)
    text = report_markdown(as_json(report))
    assert "| a\\|b &lt;i>\\[x](y)\\` | 0.0000 |  |  |" in text
    assert "Over 1 judged query;" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Retrieval quality",
        "## Lowest AP",
    ]
