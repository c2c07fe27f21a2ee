from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    Drop,
    Gate,
    Report,
    apply_floors,
    apply_gates,
    baseline_differences,
    changed_settings,
    comparable_queries,
    comparison_json,
    inputs_json,
    parse_drops,
    parse_gates,
)
from qembed.evaluation.baseline import changed_depth, require_baseline_measures
from qembed.evaluation.significance import holm_corrected
from qembed.types import Query
from tests.evaluation.reports import REPORT, as_json, beside


def test_drops_against_a_baseline() -> None:
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
    assert [r.verdict for r in results] == [
        "fell by 0.0100 from 0.6100 to 0.6000, no more than 0.01",
        "fell by 0.0100 from 0.6100 to 0.6000, more than 0.009",
        "rose by 0.1000 from 0.4000 to 0.5000",
        "fell by 0.0100 from 0.6100 to 0.6000 (1.6%), no more than 2%",
        "fell by 0.0100 from 0.6100 to 0.6000 (1.64%), more than 1.6%",
    ]
    assert [r.name for r in results[2:4]] == ["max-drop RR@10=0", "max-drop nDCG@10=2%"]


def test_a_count_is_a_sum_in_every_place() -> None:
    def counted(values: Sequence[float]) -> Report:
        per_query = {f"q{i}": {"NumRet": v, "AP": v / 10} for i, v in enumerate(values)}
        means = {"NumRet": sum(values), "AP": sum(values) / 10 / len(values)}
        return Report(means, per_query, len(values))

    before = counted([9, 8, 7, 9, 9, 8, 9, 7])
    after = counted([5, 4, 4, 5, 5, 4, 5, 4])
    body = as_json(before)
    low, high = body["intervals"]["NumRet"]
    assert 56 < low < 66 < high < 72
    assert [10 * 8 * end for end in body["intervals"]["AP"]] == pytest.approx([low, high], abs=0.3)
    count, ap = baseline_differences(body, after)
    assert (count.before, count.after, count.difference) == (66, 36, -30)
    assert -35 < count.low < -30 < count.high < -25
    assert count.interval(0.1)[1] == pytest.approx(80 * ap.interval(0.1)[1])
    assert (count.p, count.effect, count.needed) == (ap.p, pytest.approx(ap.effect), ap.needed)
    # a drop of the sum: each query alone lost less than ten
    gates = beside(body, after, [Drop("NumRet", 10), Drop("NumRet", 30), Drop("NumRet", 40, True)])
    assert [(g.wanted, g.got, g.ok) for g in gates] == [
        (56, 36, False), (36, 36, True), (pytest.approx(39.6), 36, False),
    ]  # fmt: skip
    assert apply_gates([Gate("NumRet", 36)], after)[0].ok
    (corrected, _) = holm_corrected([count, ap])
    assert corrected.low_holm <= count.low < count.high <= corrected.high_holm < 0


def lowered(by: float, n: int = 40) -> tuple[dict[str, Any], Report]:
    """A report and its baseline, every second query lower by `by`."""
    before = {f"q{i}": {"AP": 0.9, "RR": 0.9} for i in range(n)}
    after = {f"q{i}": {"AP": 0.9 - by * (i % 2), "RR": 0.9} for i in range(n)}
    mean = 0.9 - by / 2
    return as_json(Report({"AP": 0.9, "RR": 0.9}, before, n)), Report(
        {"AP": mean, "RR": 0.9}, after, n
    )


def test_only_a_drop_beyond_chance_fails_a_significance_gate() -> None:
    baseline, worse = lowered(0.1)
    found = beside(baseline, worse, significant=["AP", "RR"])
    assert [(r.measure, r.ok, r.kind) for r in found] == [
        ("AP", False, "max-drop-significant"),
        ("RR", True, "max-drop-significant"),
    ]
    assert (found[0].wanted, found[0].baseline) == (None, pytest.approx(0.9))
    assert re.fullmatch(
        r"fell by 0.0500 from 0.9000 to 0.8500, more than chance explains: p \S+ "
        r"\(corrected for 2 measures\) is at most 0.05, 95 % interval -0.\d+ to -0.\d+",
        found[0].verdict,
    )
    assert found[1].verdict == "as before: 0.9000"
    # of four queries, two fell: that is what chance does
    baseline, worse = lowered(0.1, n=4)
    (chance,) = beside(baseline, worse, significant=["AP"])
    assert chance.ok
    assert "from 0.9000 to 0.8500, which may be chance: p 0.5" in chance.verdict
    assert " is above 0.05, " in chance.verdict
    # a rise is no drop, however significant
    baseline, better = lowered(-0.05)
    (rise,) = beside(baseline, better, significant=["AP"])
    assert (rise.ok, rise.verdict) == (True, "rose by 0.0250 from 0.9000 to 0.9250")
    baseline, worse = lowered(0.1)
    assert beside(baseline, worse, significant=["AP"], alpha=1e-9)[0].ok
    with pytest.raises(UsageError, match="not measured"):
        beside(baseline, worse, significant=["P@5"])


@pytest.mark.parametrize("alpha", [0.3, 0.1, 0.05, 0.01, 1e-4])
@pytest.mark.parametrize("n", [4, 8, 14, 40])
@pytest.mark.parametrize("names", [["AP"], ["AP", "RR"]])
def test_the_interval_of_a_gate_has_the_level_of_its_test(
    alpha: float, n: int, names: list[str]
) -> None:
    baseline, worse = lowered(0.1, n)
    gate = beside(baseline, worse, significant=names, alpha=alpha)[0]
    found = re.search(r", ([\d.]+) % interval (\S+) to (\S+)$", gate.verdict)
    assert found is not None, gate.verdict
    assert float(found[1]) == pytest.approx(100 * (1 - alpha))
    low, high = float(found[2]), float(found[3])
    assert low < 0
    assert (high < 0) == (not gate.ok)


def test_a_floor_for_every_query() -> None:
    floors = parse_gates(["RR@10=0.5", "nDCG@10=0.4"])
    found = apply_floors(floors, REPORT)
    assert [(r.ok, r.got, r.verdict) for r in found] == [
        (False, 0.0, "1 of 3 queries is below 0.5, the worst has 0.0000"),
        (True, 0.4, "no query is below 0.4, the worst has 0.4000"),
    ]
    body = as_json(floors=floors)
    assert body["floors"] == [{"measure": "RR@10", "wanted": 0.5, "query": "q3", "got": 0.0}]


def test_a_baseline_of_other_queries_is_refused() -> None:
    per_query = {"q1": {"nDCG@10": 1.0}, "q8": {"nDCG@10": 1.0}, "q9": {"nDCG@10": 1.0}}
    baseline = as_json(Report({"nDCG@10": 1.0}, per_query, 3))
    with pytest.raises(InputError) as e:
        comparable_queries(baseline, as_json())
    differs = [
        "only the baseline has 2 judged queries: q8, q9",
        "only this run has 2 judged queries: q3, q2",
    ]
    assert e.value.problems == [
        *differs,
        "(--common compares on the queries both have)",
    ]
    assert comparable_queries(baseline, as_json(), common=True) == (["q1"], differs)
    with pytest.raises(InputError, match="not a report"):
        comparable_queries({}, as_json())
    require_baseline_measures(baseline, ["nDCG@10"])
    with pytest.raises(InputError, match=r"it has no RR@10, AP \(it has nDCG@10\)"):
        require_baseline_measures(baseline, ["RR@10", "AP", "nDCG@10"])


def made_from(
    words: dict[str, str],
    grades: dict[str, dict[str, int]],
    corpus: str | None = "c1",
    documents: int | None = 9,
) -> dict[str, Any]:
    details = {q: {"text": words[q], "judged": grades[q], "returned": []} for q in REPORT.per_query}
    return as_json(
        inputs={"queries": "x", "judgments": "x", "corpus": corpus, "documents": documents},
        details=details,
    )


def test_other_words_judgments_and_documents_are_named() -> None:
    words = dict.fromkeys(REPORT.per_query, "w")
    grades = {query: {"d": 1} for query in REPORT.per_query}
    before = made_from(words, grades)
    assert comparable_queries(before, before) == (["q1", "q3", "q2"], [])
    after = made_from(words | {"q1": "v"}, grades | {"q2": {"d": 2}}, "c2", 8)
    differs = [
        "the words of 1 query differ: q1",
        "the judgments of 1 query differ: q2",
        "the corpus differs: 9 documents then, 8 now (which ones is not known: very many documents)",
    ]
    with pytest.raises(InputError) as e:
        comparable_queries(before, after)
    assert e.value.problems[:-1] == differs
    assert comparable_queries(before, after, common=True) == (["q3"], differs)
    other = made_from(words, grades, "c3")
    with pytest.raises(
        InputError, match="the corpus differs: 9 documents then as now with other contents"
    ):
        comparable_queries(before, other)
    of_a_run = made_from(dict.fromkeys(words, ""), grades)
    assert comparable_queries(before, of_a_run) == (["q1", "q3", "q2"], [])
    assert comparable_queries(of_a_run, before) == (["q1", "q3", "q2"], [])
    nothing = made_from(dict.fromkeys(words, "u"), grades)
    with pytest.raises(InputError, match="no query is the same in both"):
        comparable_queries(before, nothing, common=True)


def test_digests_know_what_matters() -> None:
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


def test_the_comparison_counts_queries() -> None:
    before = {
        "q1": {"nDCG@10": 0.5, "AP": 1.0},
        "q2": {"nDCG@10": 0.4 + 1e-12, "AP": 1.0},
        "q3": {"nDCG@10": 0.9, "AP": 1.0},
    }
    baseline = as_json(Report({"nDCG@10": 0.6, "AP": 1.0}, before, 3))
    found = comparison_json(baseline_differences(baseline, REPORT), 3)
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


def test_settings_that_differ_are_named() -> None:
    then = as_json(settings={"ef": None, "encoded": "{query}"}, recipe={"dim": 384})
    now = as_json(settings={"ef": 10, "encoded": "x {query}", "mode": "m"}, recipe={"dim": 384})
    assert changed_settings(then, now) == [
        'encoded was "{query}", is "x {query}"',
        "ef was null, is 10",
    ]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"mode": "auto"}, "more candidates are weighed"),
        ({"mode": "dense", "document_score": "mean:3"}, "more candidates are weighed"),
        ({"mode": "dense", "tuned": {"diversity": 0.3}}, "more candidates are weighed"),
        ({"mode": "dense", "plan": "graph (600 rows)"}, "a graph is searched for more hits"),
        ({"mode": "dense", "plan": "exact (few rows)"}, None),
        ({"mode": "lexical", "plan": "words only"}, None),
        ({}, None),
    ],
)
def test_another_depth_is_named_where_it_changes_the_first(
    settings: dict[str, Any], why: str | None
) -> None:
    then, now = ({"settings": {"depth": depth, **settings}} for depth in (100, 1000))
    wanted = why and f"depth was 100, is 1000 ({why}, for all measures)"
    assert changed_depth(then, now) == wanted
    assert changed_settings(then, now) == ([wanted] if wanted else [])
    assert changed_depth(now, now) is None
    assert changed_depth({"settings": {}}, now) is None
