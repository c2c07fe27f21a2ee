from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.evaluation import (
    Drop,
    Gate,
    GateResult,
    Measure,
    apply_gates,
    measures_for,
    parse_drops,
    parse_gate,
    parse_gates,
    parse_measures,
)
from qembed.evaluation.gates import figure
from tests.evaluation.reports import REPORT


def test_gates_are_read_in_one_spelling() -> None:
    assert parse_gate("nDCG@10=0.60") == Gate("nDCG@10", 0.6)
    assert parse_gate("mrr@10=.5") == Gate("RR@10", 0.5)
    assert parse_gate("P(rel=2)@10=1e-1") == Gate("P(rel=2)@10", 0.1)
    assert parse_gates([]) == []
    assert parse_drops(["ndcg@10=0"]) == [Drop("nDCG@10", 0.0)]


def test_all_wrong_gates_are_named_at_once() -> None:
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


def test_a_gate_is_passed_at_its_floor_and_a_hair_below() -> None:
    results = apply_gates([Gate("nDCG@10", w) for w in (0.6, 0.6 + 9e-10, 0.6 + 2e-9)], REPORT)
    assert [r.ok for r in results] == [True, True, False]
    assert results[0] == GateResult(
        "nDCG@10", 0.6, 0.6, True, "fail-under", "0.6000 is at least 0.6", "0.6"
    )
    assert str(results[2]) == "fail-under nDCG@10=0.600000002: 0.6000 is below 0.600000002"
    passed = apply_gates([Gate("RR@10", 0.25)], REPORT)[0]
    assert str(passed) == "fail-under RR@10=0.25: 0.5000 is at least 0.25"


@given(st.floats(0, 1), st.floats(0, 1) | st.floats(-1e-3, 1e-3), st.integers(1, 4))
def test_rounding_contradicts_no_verdict(limit: float, off: float, digits: int) -> None:
    value = limit + off
    text = figure(value, limit, digits)
    assert abs(float(text) - value) <= 0.5 * 10.0**-digits + 1e-12
    if abs(value - limit) > 1e-8:
        assert (float(text) > limit) == (value > limit)
        assert (float(text) < limit) == (value < limit)


def test_a_gate_makes_its_measure_measured() -> None:
    asked = parse_measures("nDCG@10 AP")
    gates: list[Gate | Drop | Measure] = [
        *parse_gates(["RR=0.1", "nDCG@10=0.1"]),
        *parse_drops(["R@5=0.1"]),
    ]
    assert [m.name for m in measures_for(asked, gates)] == ["nDCG@10", "AP", "RR", "R@5"]
    with pytest.raises(UsageError, match="not measured, so no gate can be applied: R@5, AP"):
        apply_gates([Gate("R@5", 0.1), Gate("RR@10", 0.1), Gate("AP", 0.1)], REPORT)


def test_what_a_measure_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError) as e:
        parse_gates(["nDCG@10=70", "AP=-1", "NumRet=-3", "RR=1e9", "R@5=1.2", "AP=1", "P@5=0"])
    lines = str(e.value).split("\n  ")
    assert [line.partition(";")[0] for line in lines] == [
        "'nDCG@10=70': nDCG@10 lies between 0 and 1 (did you mean 0.7?)",
        "'AP=-1': AP lies between 0 and 1",
        "'NumRet=-3': NumRet is never below 0",
        "'RR=1e9': RR lies between 0 and 1",
        "'R@5=1.2': R@5 lies between 0 and 1",
    ]
    with pytest.raises(UsageError) as e:
        parse_drops(["nDCG@10=2", "AP=150%", "AP=-1%"])
    lines = str(e.value).split("\n  ")
    assert "did you mean 0.02 or 2%?" in lines[0]
    assert [line.partition("; ")[0].partition(": ")[2] for line in lines[1:]] == [
        "a drop is between 0% and 100% of the baseline's value"
    ] * 2
    assert parse_gates(["NumRet=70", "NumRelRet=3"]) == [
        Gate("NumRet", 70.0), Gate("NumRet(rel=1)", 3.0),
    ]  # fmt: skip
    assert parse_drops(["NumQ=50", "AP=100%"])[0] == Drop("NumQ", 50.0)
