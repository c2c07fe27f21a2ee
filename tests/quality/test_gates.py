import json

import pytest

from qembed.errors import InputError, UsageError
from qembed.quality import (
    Drop,
    Gate,
    GateResult,
    Report,
    apply_gates,
    check_report_paths,
    compare_with_baseline,
    comparison_json,
    evaluate,
    measures_for,
    parse_drops,
    parse_gate,
    parse_gates,
    parse_measures,
    read_report,
    report_json,
    report_markdown,
    worst_queries,
    write_report,
)

REPORT = Report(
    {"nDCG@10": 0.6, "RR@10": 0.5},
    {
        "q1": {"nDCG@10": 1.0, "RR@10": 1.0},
        "q3": {"nDCG@10": 0.4, "RR@10": 0.0},
        "q2": {"nDCG@10": 0.4, "RR@10": 0.5},
    },
    3,
)


def as_json(report=REPORT, **more):
    return report_json(report, **({"settings": {}, "recipe": None, "gates": []} | more))


# ── gates ────────────────────────────────────────────────────────────────────────────────────────


def test_gates_are_read_in_one_spelling():
    assert parse_gate("nDCG@10=0.60") == Gate("nDCG@10", 0.6)
    assert parse_gate("mrr@10=.5") == Gate("RR@10", 0.5)
    assert parse_gate("P(rel=2)@10=1e-1") == Gate("P(rel=2)@10", 0.1)
    assert parse_gates([]) == []
    assert parse_drops(["ndcg@10=0"]) == [Drop("nDCG@10", 0.0)]


def test_all_wrong_gates_are_named_at_once():
    with pytest.raises(UsageError) as e:
        parse_gates(["nDCG@10", "nDCG@10=x", "AP=0.5", "nGCD@10=0.5", "=1", "AP=nan", "AP RR=1"])
    lines = str(e.value).split("\n  ")
    assert [line.split(":")[0] for line in lines] == [
        "'nDCG@10'", "'nDCG@10=x'", "'nGCD@10=0.5'", "'=1'", "'AP=nan'", "'AP RR=1'",
    ]  # fmt: skip
    assert "did you mean nDCG@10?" in lines[2]
    assert "one measure each" in lines[5]
    with pytest.raises(UsageError, match="a drop is MEASURE=DROP"):
        parse_drops(["AP=-0.1"])


def test_a_gate_is_passed_at_its_floor_and_a_hair_below():
    results = apply_gates([Gate("nDCG@10", w) for w in (0.6, 0.6 + 9e-10, 0.6 + 2e-9)], REPORT)
    assert [r.ok for r in results] == [True, True, False]
    assert results[0] == GateResult("nDCG@10", 0.6, 0.6, True)
    assert str(results[2]) == "nDCG@10 0.6 < 0.6 (fail-under)"
    assert str(apply_gates([Gate("RR@10", 0.25)], REPORT)[0]) == "RR@10 0.5 >= 0.25 (fail-under)"


def test_a_gate_makes_its_measure_measured():
    asked = parse_measures("nDCG@10 AP")
    gates = [*parse_gates(["RR=0.1", "nDCG@10=0.1"]), *parse_drops(["R@5=0.1"])]
    assert [m.name for m in measures_for(asked, gates)] == ["nDCG@10", "AP", "RR", "R@5"]
    with pytest.raises(UsageError, match="not measured, so no gate can be applied: R@5, AP"):
        apply_gates([Gate("R@5", 0.1), Gate("RR@10", 0.1), Gate("AP", 0.1)], REPORT)


# ── baselines ────────────────────────────────────────────────────────────────────────────────────


def test_drops_against_a_baseline():
    baseline = as_json(
        Report(
            {"nDCG@10": 0.61, "RR@10": 0.4},
            {q: dict(REPORT.per_query[q]) for q in ("q3", "q1", "q2")},
            3,
        )
    )
    drops = parse_drops(["nDCG@10=0.01", "nDCG@10=0.009", "RR@10=0"])
    results = compare_with_baseline(baseline, REPORT, drops)
    assert [(r.measure, r.ok, r.kind) for r in results] == [
        ("nDCG@10", True, "max-drop"),
        ("nDCG@10", False, "max-drop"),
        ("RR@10", True, "max-drop"),
    ]
    assert results[0].wanted == pytest.approx(0.6)


def test_a_baseline_of_other_queries_is_refused():
    per_query = {"q1": {"nDCG@10": 1.0}, "q8": {"nDCG@10": 1.0}, "q9": {"nDCG@10": 1.0}}
    baseline = as_json(Report({"nDCG@10": 1.0}, per_query, 3))
    with pytest.raises(InputError) as e:
        compare_with_baseline(baseline, REPORT, parse_drops(["RR@10=0.1", "nDCG@10=0.1"]))
    assert e.value.problems == [
        "the baseline has no RR@10 (it has nDCG@10)",
        "only the baseline has 2 of the queries: q8, q9",
        "the baseline lacks 2 of the queries: q3, q2",
    ]
    with pytest.raises(InputError, match="not a report"):
        compare_with_baseline({}, REPORT, [])
    with pytest.raises(UsageError, match="not measured"):
        compare_with_baseline(as_json(), REPORT, [Drop("AP", 0.1)])


def test_the_comparison_counts_queries():
    before = {
        "q1": {"nDCG@10": 0.5, "AP": 1.0},
        "q2": {"nDCG@10": 0.4 + 1e-12, "AP": 1.0},
        "q3": {"nDCG@10": 0.9, "AP": 1.0},
    }
    found = comparison_json(as_json(Report({"nDCG@10": 0.65, "AP": 1.0}, before, 3)), REPORT)
    assert found == {
        "queries": 3,
        "measures": {
            "nDCG@10": {
                "baseline": 0.65,
                "got": 0.6,
                "difference": pytest.approx(-0.05),
                "better": 1,
                "worse": 1,
                "same": 1,
            }
        },
    }


# ── reports ──────────────────────────────────────────────────────────────────────────────────────


def test_the_report_as_promised():
    gate = GateResult("nDCG@10", 0.7, 0.6, False)
    found = as_json(settings={"k": 100}, recipe={"model": "minilm"}, gates=[gate])
    assert found["schema"] == 1
    assert found["measures"] == {"nDCG@10": 0.6, "RR@10": 0.5}
    assert found["per_query"]["q1"] == {"nDCG@10": 1.0, "RR@10": 1.0}
    assert found["queries"] == 3
    assert found["settings"] == {"k": 100}
    assert found["recipe"] == {"model": "minilm"}
    assert found["gates"] == [
        {"measure": "nDCG@10", "wanted": 0.7, "got": 0.6, "ok": False, "kind": "fail-under"}
    ]
    assert found["comparison"] is None
    assert found["ablations"] == []
    assert "descending" in found["ties"]


def test_a_written_report_is_a_baseline(tmp_path):
    path = tmp_path / "report.JSON"
    qrels = {"q\ud800": {"d": 1}, "q\u00e92": {"d": 1}}
    report = evaluate(parse_measures("RR AP"), qrels, {"q\u00e92": {"x": 2.0, "d": 1.0}})
    found = as_json(report, settings={"where": "a = '\u00e9'"})
    write_report(found, path)
    assert read_report(path) == found
    assert "q\u00e92" in path.read_text(encoding="utf-8")
    results = compare_with_baseline(read_report(path), report, parse_drops(["RR=0"]))
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
def test_what_is_no_report(tmp_path, text, why):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError) as e:
        read_report(path)
    assert why in str(e.value)
    assert str(path) in str(e.value)


def test_other_suffixes_are_refused_before_and_after(tmp_path):
    paths = [tmp_path / "a.json", tmp_path / "b.xml", tmp_path / "c"]
    with pytest.raises(UsageError, match=r"written as \.json or \.md, not .*b\.xml, .*c$"):
        check_report_paths(paths)
    with pytest.raises(UsageError):
        write_report(as_json(), paths[1])
    assert list(tmp_path.iterdir()) == []


def test_the_worst_queries_come_first():
    assert worst_queries(REPORT, "nDCG@10", 2) == [("q2", 0.4), ("q3", 0.4)]
    assert worst_queries(REPORT, "RR@10", 9) == [("q3", 0.0), ("q2", 0.5), ("q1", 1.0)]
    assert worst_queries(REPORT, "RR@10", 0) == []
    with pytest.raises(UsageError, match="AP was not measured"):
        worst_queries(REPORT, "AP", 1)


def test_markdown_shows_what_matters(tmp_path):
    found = as_json(
        settings={"mode": "hybrid", "k": 100, "where": None},
        recipe={"model": "minilm"},
        gates=[GateResult("nDCG@10", 0.7, 0.6, False), GateResult("RR@10", 0.4, 0.5, True)],
        comparison=comparison_json(as_json(), REPORT),
        ablations=[
            {"what": "mode", "value": "dense", "measures": {"nDCG@10": 0.5}},
            {"what": "mode", "value": "lexical", "measures": {"nDCG@10": 0.4, "AP": 0.25}},
        ],
    )
    path = tmp_path / "report.md"
    write_report(found, path)
    text = path.read_text(encoding="utf-8")
    assert text == report_markdown(json.loads(json.dumps(found)))
    for line in (
        "**1 of 2 gates failed.** Over 3 judged queries; one without hits counts 0. Documents are "
        "ordered by score (as float32), then by document id descending, as trec_eval does.",
        "| nDCG@10 | 0.6000 |",
        "| **fail** | nDCG@10 | 0.6000 | 0.7000 | fail-under |",
        "| pass | RR@10 | 0.5000 | 0.4000 | fail-under |",
        "| nDCG@10 | 0.6000 | 0.6000 | +0.0000 | 0 | 0 | 3 |",
        "| what | value | nDCG@10 | AP |",
        "| mode | dense | 0.5000 |  |",
        "| mode | lexical | 0.4000 | 0.2500 |",
        "## Lowest nDCG@10",
        "| q2 | 0.4000 |",
        "| k | 100 |",
        "| where |  |",
        "| model | minilm |",
    ):
        assert line in text.splitlines(), line


def test_markdown_leaves_out_what_is_not_there_and_keeps_cells_whole():
    report = Report({"AP": 0.0}, {"a|b\n<i>[x](y)`": {"AP": 0.0}}, 1)
    text = report_markdown(as_json(report))
    assert "| a\\|b &lt;i>\\[x](y)\\` | 0.0000 |" in text
    assert "Over 1 judged query;" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Retrieval quality",
        "## Lowest AP",
    ]
