"""Measures against numbers worked out by hand; see test_trec_eval for the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qembed.errors import InputError, UsageError
from qembed.evaluation import DEFAULT, TIES, Report, evaluate, parse_measures, rank_documents
from qembed.types import Qrels, Run

QRELS = """
q1 0 d1 2
q1 0 d2 1
q1 0 d3 0
q2 0 d1 1
q3 0 d1 0
q4 0 d9 1
"""
RUN = """
q1 Q0 d3 1 0.9 x
q1 Q0 d1 2 0.8 x
q1 Q0 d7 3 0.7 x
q1 Q0 d2 4 0.6 x
q2 Q0 d5 1 0.9 x
q2 Q0 d1 2 0.8 x
q3 Q0 d1 1 0.9 x
q9 Q0 d1 1 0.9 x
"""


def judgments(text: str) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for q, _, d, grade in map(str.split, text.strip().splitlines()):
        qrels.setdefault(q, {})[d] = int(grade)
    return qrels


def results(text: str) -> dict[str, dict[str, float]]:
    run: dict[str, dict[str, float]] = {}
    for q, _, d, _, score, _ in map(str.split, text.strip().splitlines()):
        run.setdefault(q, {})[d] = float(score)
    return run


def measure(names: str | list[str], qrels: Qrels, run: Run) -> Report:
    return evaluate(parse_measures(names), qrels, run)


def test_worked_by_hand() -> None:
    report = measure(
        "nDCG@10 nDCG@2 R@1 R@2 R@100 RR@10 RR@1 AP P@5 Judged@10 Success@2 NumQ NumRel NumRet",
        judgments(QRELS),
        results(RUN),
    )
    assert report.queries == 4
    assert list(report.per_query) == ["q1", "q2", "q3", "q4"]  # q9 has no judgment
    q1, q2, q3, q4 = report.per_query.values()
    log = math.log2
    # q1: gains 0 2 - 1 at ranks 1 to 4, ideal 2 1
    ideal = 2 / log(2) + 1 / log(3)
    assert q1["nDCG@10"] == pytest.approx((2 / log(3) + 1 / log(5)) / ideal)
    assert q1["nDCG@2"] == pytest.approx(2 / log(3) / ideal)
    assert (q1["R@1"], q1["R@2"], q1["R@100"]) == (0, 0.5, 1)
    assert (q1["RR@10"], q1["RR@1"]) == (0.5, 0)
    assert q1["AP"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert q1["P@5"] == pytest.approx(2 / 5)
    assert q1["Judged@10"] == 3 / 4
    assert q2["nDCG@10"] == pytest.approx(1 / log(3))
    assert q2["Judged@10"] == 1 / 2
    # q3 has no relevant document and q4 no hit: both count 0
    assert {k: v for k, v in q3.items() if v} == {"Judged@10": 1, "NumQ": 1, "NumRet": 1}
    assert {k: v for k, v in q4.items() if v} == {"NumQ": 1, "NumRel": 1}
    assert report.measures["RR@10"] == pytest.approx((0.5 + 0.5 + 0 + 0) / 4)
    assert report.measures["Judged@10"] == pytest.approx((3 / 4 + 1 / 2 + 1 + 0) / 4)
    assert report.measures["Success@2"] == pytest.approx(2 / 4)
    # the counting measures are sums, as in trec_eval
    assert (report.measures["NumQ"], report.measures["NumRel"], report.measures["NumRet"]) == (
        4,
        4,
        7,
    )


def test_the_default_measures() -> None:
    report = measure(DEFAULT, judgments(QRELS), results(RUN))
    assert list(report.measures) == DEFAULT.split()
    assert all(list(values) == list(report.measures) for values in report.per_query.values())


def test_ties_go_by_document_id_descending_in_every_measure() -> None:
    """ir-measures alone gives RR@10 and Judged@1 the other order here, which is why we rank first."""
    names = "RR RR@10 P@1 nDCG@1 Judged@1 Success@1 AP Compat ERR@1"
    run = {"q": {"a": 1.0, "b": 1.0, "c": 0.5}}
    high = measure(names, {"q": {"b": 1}}, run).measures
    low = measure(names, {"q": {"a": 1}}, run).measures
    for name in ("RR", "RR@10", "P@1", "nDCG@1", "Judged@1", "Success@1", "AP"):
        assert high[name] == 1, name
    assert (low["RR"], low["RR@10"], low["AP"]) == (0.5, 0.5, 0.5)
    assert low["P@1"] == low["nDCG@1"] == low["Judged@1"] == low["Success@1"] == low["ERR@1"] == 0
    assert high["ERR@1"] == pytest.approx(1 / 16)
    assert high["Compat"] > low["Compat"]
    assert "descending" in TIES


def test_ranked_compares_as_trec_eval_does() -> None:
    assert rank_documents({"a": 1.0, "b": 1.0 + 1e-12, "c": 1.0 - 1e-12}) == [
        "c",
        "b",
        "a",
    ]  # one float32
    assert rank_documents({"a": 1.0 + 1e-6, "b": 1.0}) == ["a", "b"]
    assert rank_documents({"a": 1e300, "b": 1e200}) == ["b", "a"]  # both infinite as float32
    assert rank_documents({"é": 1.0, "z": 1.0, "Z": 1.0, "d10": 1.0, "d9": 1.0}) == [
        "é",
        "z",
        "d9",
        "d10",
        "Z",
    ]
    assert rank_documents({"a": np.float32(0.5), "b": 2}) == ["b", "a"]
    assert rank_documents({}) == []
    with pytest.raises(InputError, match="document 'b': NaN"):
        rank_documents({"a": 1.0, "b": math.nan})


def test_nothing_to_measure_is_an_error() -> None:
    none: list[Qrels] = [{}, {"q": {}}]
    for qrels in none:
        with pytest.raises(InputError, match="nothing to measure"):
            measure("AP", qrels, {"q": {"d": 1.0}})
    report = measure("nDCG@10 Judged@10 Compat IPrec@0.1 Accuracy", {"q": {"d": 0}}, {})
    assert set(report.measures.values()) == {0.0}


def test_odd_ids_are_only_names() -> None:
    ids = ["a b", "x\0y", "x\0z", "\ud800", "", "c-01", "q-01", "\u3000"]
    qrels = {q: dict.fromkeys(ids, 1) for q in ids}
    run = {q: {d: float(n) for n, d in enumerate(ids)} for q in ids}
    report = measure("nDCG@10 R@10 RR@10 Judged@10 ERR@10 NumRet", qrels, run)
    assert list(report.per_query) == ids
    assert report.measures["nDCG@10"] == report.measures["R@10"] == report.measures["RR@10"] == 1
    assert report.measures["NumRet"] == 64


def test_negative_grades_alone_are_no_judgment_of_relevance() -> None:
    """On such a query trec_eval reads uninitialised memory, and may never come back."""
    run = {q: {"a": 1.0, "b": 2.0} for q in "qrs"}
    for worst in (-1, -5):
        qrels = {"q": {"a": 3, "b": 1}, "r": {"a": worst, "b": -1}, "s": {"a": worst}}
        report = measure("nDCG nDCG@5 AP Judged@2 NumRel SetP infAP Bpref", qrels, run)
        for q, judged in (("r", 1), ("s", 0.5)):
            values = report.per_query[q]
            assert {name: v for name, v in values.items() if v} == {"Judged@2": judged}
        assert report.measures["NumRel"] == 2


def test_variants_of_one_measure_do_not_mix() -> None:
    qrels = {"q": {"a": 1, "b": 3}}
    run = {"q": {"a": 2.0, "b": 1.0}}
    names = ["nDCG(gains={1:9,3:1})@10", "nDCG@10", "SetF(beta=2)", "SetF", "P(rel=2)@1", "P@1"]
    together = measure(names, qrels, run).measures
    assert together == {name: measure(name, qrels, run).measures[name] for name in together}
    assert together["nDCG(gains={1:9,3:1})@10"] == 1
    assert together["nDCG@10"] < 1
    assert (together["P(rel=2)@1"], together["P@1"]) == (0, 1)


def test_measures_defined_up_to_grade_4_say_so() -> None:
    for name in ("ERR@5", "nDCG(dcg='exp-log2')@5"):
        with pytest.raises(UsageError, match="up to 4; the judgments go up to 5"):
            measure(name, {"q": {"d": 5}}, {"q": {"d": 1.0}})
        assert measure(name, {"q": {"d": 4}}, {"q": {"d": 1.0}}).measures[name] > 0.9


def test_a_measure_that_its_library_cannot_compute_is_named() -> None:
    with pytest.raises(UsageError, match=r"^Accuracy@1 cannot be computed for these hits \("):
        evaluate(parse_measures("Accuracy@1"), {"q": {"d": 1}}, {"q": {"d": 1.0}})
    for name in ("R(rel=0)@10", "P(rel=0)@5"):
        with pytest.raises(UsageError, match="rel cannot be 0"):
            parse_measures(name)
