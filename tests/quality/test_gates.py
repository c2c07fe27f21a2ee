import json

import pytest

from qembed.errors import InputError, UsageError
from qembed.quality import (
    Arm,
    Drop,
    Gate,
    GateResult,
    Report,
    apply_drops,
    apply_floors,
    apply_gates,
    arms_json,
    check_report_paths,
    comparable,
    comparison_json,
    differences,
    evaluate,
    inputs_json,
    measures_for,
    parse_drops,
    parse_gate,
    parse_gates,
    parse_measures,
    read_report,
    report_json,
    report_markdown,
    settings_that_differ,
    worst_queries,
    write_report,
)
from qembed.types import Query

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


def beside(baseline, report=REPORT, drops=(), significant=(), alpha=0.05):
    return apply_drops(drops, significant, differences(baseline, report), alpha)


def test_drops_against_a_baseline():
    per_query = {
        "q3": {"nDCG@10": 0.43, "RR@10": 0.0},
        "q1": {"nDCG@10": 1.0, "RR@10": 0.7},
        "q2": {"nDCG@10": 0.4, "RR@10": 0.5},
    }
    baseline = as_json(Report({"nDCG@10": 0.61, "RR@10": 0.4}, per_query, 3))
    drops = parse_drops(["nDCG@10=0.01", "nDCG@10=0.009", "RR@10=0", "nDCG@10=2%", "nDCG@10=1.6%"])
    results = beside(baseline, drops=drops)
    assert [(r.measure, r.ok, r.kind) for r in results] == [
        ("nDCG@10", True, "max-drop"),
        ("nDCG@10", False, "max-drop"),
        ("RR@10", True, "max-drop"),
        ("nDCG@10", True, "max-drop"),
        ("nDCG@10", False, "max-drop"),
    ]
    assert results[0].wanted == pytest.approx(0.6)
    assert results[3].wanted == pytest.approx(0.61 * 0.98)
    assert results[3].note == "baseline 0.6100 less 2 %"


def lowered(by, n=40):
    """A report and its baseline, every second query lower by `by`."""
    before = {f"q{i}": {"AP": 0.9, "RR": 0.9} for i in range(n)}
    after = {f"q{i}": {"AP": 0.9 - by * (i % 2), "RR": 0.9} for i in range(n)}
    mean = 0.9 - by / 2
    return as_json(Report({"AP": 0.9, "RR": 0.9}, before, n)), Report(
        {"AP": mean, "RR": 0.9}, after, n
    )


def test_only_a_drop_beyond_chance_fails_a_significance_gate():
    baseline, worse = lowered(0.1)
    found = beside(baseline, worse, significant=["AP", "RR"])
    assert [(r.measure, r.ok, r.kind) for r in found] == [
        ("AP", False, "max-drop-significant"),
        ("RR", True, "max-drop-significant"),
    ]
    assert found[0].wanted == pytest.approx(0.9)
    assert "p " in found[0].note
    # of four queries, two fell: that is what chance does
    baseline, worse = lowered(0.1, n=4)
    assert beside(baseline, worse, significant=["AP"])[0].ok
    # a rise is no drop, however significant
    baseline, better = lowered(-0.05)
    assert beside(baseline, better, significant=["AP"])[0].ok
    baseline, worse = lowered(0.1)
    assert beside(baseline, worse, significant=["AP"], alpha=1e-9)[0].ok
    with pytest.raises(UsageError, match="not measured"):
        beside(baseline, worse, significant=["P@5"])


def test_a_floor_for_every_query():
    floors = parse_gates(["RR@10=0.5", "nDCG@10=0.4"])
    found = apply_floors(floors, REPORT)
    assert [(r.ok, r.got, r.note) for r in found] == [
        (False, 0.0, "1 of 3 queries are below"),
        (True, 0.4, ""),
    ]
    body = as_json(floors=floors)
    assert body["floors"] == [{"measure": "RR@10", "wanted": 0.5, "query": "q3", "got": 0.0}]


def test_a_baseline_of_other_queries_is_refused():
    per_query = {"q1": {"nDCG@10": 1.0}, "q8": {"nDCG@10": 1.0}, "q9": {"nDCG@10": 1.0}}
    baseline = as_json(Report({"nDCG@10": 1.0}, per_query, 3))
    with pytest.raises(InputError) as e:
        comparable(baseline, as_json(), ["RR@10", "nDCG@10"])
    differs = [
        "only the baseline has 2 of the queries: q8, q9",
        "the baseline lacks 2 of the queries: q3, q2",
    ]
    assert e.value.problems == [
        "the baseline has no RR@10 (it has nDCG@10)",
        *differs,
        "(--common compares on the queries both have)",
    ]
    assert comparable(baseline, as_json(), ["nDCG@10"], common=True) == (["q1"], differs)
    with pytest.raises(InputError, match="not a report"):
        comparable({}, as_json())


def made_from(words, grades, corpus="c1", documents=9):
    details = {q: {"text": words[q], "judged": grades[q], "returned": []} for q in REPORT.per_query}
    return as_json(
        inputs={"queries": "x", "judgments": "x", "corpus": corpus, "documents": documents},
        details=details,
    )


def test_other_words_judgments_and_documents_are_named():
    words = dict.fromkeys(REPORT.per_query, "w")
    grades = {query: {"d": 1} for query in REPORT.per_query}
    before = made_from(words, grades)
    assert comparable(before, before) == (["q1", "q3", "q2"], [])
    after = made_from(words | {"q1": "v"}, grades | {"q2": {"d": 2}}, "c2", 8)
    differs = [
        "the words of 1 queries differ: q1",
        "the judgments of 1 queries differ: q2",
        "the corpus differs: 9 documents then, 8 now",
    ]
    with pytest.raises(InputError) as e:
        comparable(before, after)
    assert e.value.problems[:-1] == differs
    assert comparable(before, after, common=True) == (["q3"], differs)
    other = made_from(words, grades, "c3")
    with pytest.raises(InputError, match="9 documents, not the same ids or contents"):
        comparable(before, other)
    nothing = made_from(dict.fromkeys(words, "u"), grades)
    with pytest.raises(InputError, match="no query is the same in both"):
        comparable(before, nothing, common=True)


def test_digests_know_what_matters():
    queries = [Query("q1", "a"), Query("q2", "b"), Query("q3", "not judged")]
    qrels = {"q1": {"d": 1}, "q2": {"d": 2, "e": 0}}
    documents = {"d": b"1", "e": b"2"}
    one = inputs_json(queries, qrels, documents)
    turned = {"q2": {"e": 0, "d": 2}, "q1": {"d": 1}}
    backwards = dict(reversed(documents.items()))
    assert one == inputs_json(queries[1::-1], turned, backwards)
    assert one["documents"] == 2
    for changed in (
        inputs_json([Query("q1", "A"), queries[1]], qrels, documents),
        inputs_json([Query("q1", "a", task="web"), queries[1]], qrels, documents),
        inputs_json(queries, {**qrels, "q1": {"d": 2}}, documents),
        inputs_json(queries, qrels, {"d": b"1", "e": b"3"}),
        inputs_json(queries, qrels, {"d": b"1", "f": b"2"}),
    ):
        assert sum(one[key] != changed[key] for key in one) == 1
    foreign = inputs_json([Query("q1", "")], qrels, None)
    assert foreign["corpus"] is foreign["queries"] is None


def test_the_comparison_counts_queries():
    before = {
        "q1": {"nDCG@10": 0.5, "AP": 1.0},
        "q2": {"nDCG@10": 0.4 + 1e-12, "AP": 1.0},
        "q3": {"nDCG@10": 0.9, "AP": 1.0},
    }
    baseline = as_json(Report({"nDCG@10": 0.6, "AP": 1.0}, before, 3))
    found = comparison_json(differences(baseline, REPORT), 3)
    assert found["queries"] == 3
    assert list(found["measures"]) == ["nDCG@10"]
    values = found["measures"]["nDCG@10"]
    assert {key: values[key] for key in ("better", "worse", "same")} == {
        "better": 1, "worse": 1, "same": 1,
    }  # fmt: skip
    assert values["baseline"] == pytest.approx(0.6)
    assert values["got"] == pytest.approx(0.6)
    assert values["difference"] == pytest.approx(0)
    assert values["p"] == 1


def test_settings_that_differ_are_named():
    then = as_json(settings={"ef": None, "encoded": "{query}"}, recipe={"dim": 384})
    now = as_json(settings={"ef": 10, "encoded": "x {query}", "mode": "m"}, recipe={"dim": 384})
    assert settings_that_differ(then, now) == [
        'encoded was "{query}", is "x {query}"',
        "ef was null, is 10",
    ]


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
        {
            "measure": "nDCG@10", "wanted": 0.7, "got": 0.6, "ok": False,
            "kind": "fail-under", "note": "",
        }
    ]  # fmt: skip
    low, high = found["intervals"]["nDCG@10"]
    assert 0.4 <= low < 0.6 < high <= 1
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
def test_what_is_no_report(tmp_path, text, why):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError) as e:
        read_report(path)
    assert why in str(e.value)
    assert str(path) in str(e.value)


def test_other_suffixes_are_refused_before_and_after(tmp_path):
    paths = [tmp_path / "a.json", tmp_path / "b.pdf", tmp_path / "c"]
    with pytest.raises(UsageError, match=r"written as \.json or .*, not .*b\.pdf, .*c$"):
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
    change = differences(as_json(), REPORT)
    arms = [
        Arm({"mode": "dense"}, REPORT, 1.5),
        Arm({"mode": "hybrid"}, Report({"nDCG@10": 1.0}, _all(1.0), 3)),
    ]
    found = as_json(
        settings={"mode": "hybrid", "k": 100, "where": None},
        recipe={"model": "minilm"},
        gates=[
            GateResult("nDCG@10", 0.7, 0.6, False, note="a|b"),
            GateResult("RR@10", 0.4, 0.5, True),
        ],
        comparison=comparison_json(change, 3, ["the corpus differs"]),
        ablations=arms_json("mode", arms, 0, "nDCG@10"),
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
        "One query took 12.3 ms (median), 50.0 ms (95th percentile of 20); the first one, with the "
        "model loaded, 1.25 s.",
        "| **fail** | nDCG@10 | 0.6000 | 0.7000 | fail-under | a\\|b |",
        "| pass | RR@10 | 0.5000 | 0.4000 | fail-under |  |",
        "- ef was null, is 10",
        "| q3 |  | RR@10 | 0.0000 | 0.2000 |",
        "| nDCG@10 | 0.6000 | 0.6000 | +0.0000 | +0.0000 to +0.0000 | 1 | 0 | 0 | 3 |",
        "Compared on 3 common queries. the corpus differs.",
        "## Ablation: mode",
        "| arm | nDCG@10 | RR@10 | ms/query | nDCG@10 difference | 95 % interval | p |",
        "| dense | 0.6000 | 0.5000 | 1.50 |  |  |  |",
        "- mode: keep dense",
        "## Lowest nDCG@10",
        "| q2 | 0.4000 | the &lt;b> words | d7 |",
        "- little is judged",
        "| k | 100 |",
        "| where |  |",
        "| model | minilm |",
    ):
        assert line in text.splitlines(), line
    assert "| hybrid | 1.0000 |  |  | +0.4000 |" in text


def _all(value):
    return {query: {"nDCG@10": value} for query in REPORT.per_query}


def test_markdown_leaves_out_what_is_not_there_and_keeps_cells_whole():
    report = Report({"AP": 0.0}, {"a|b\n<i>[x](y)`": {"AP": 0.0}}, 1)
    text = report_markdown(as_json(report))
    assert "| a\\|b &lt;i>\\[x](y)\\` | 0.0000 |  |  |" in text
    assert "Over 1 judged query;" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Retrieval quality",
        "## Lowest AP",
    ]
