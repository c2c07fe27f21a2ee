from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.evaluation import Measure, parse_measures
from qembed.evaluation.measure_names import implementation, is_count


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nDCG@10", "nDCG@10"),
        ("ndcg@10", "nDCG@10"),
        ("judged@10", "Judged@10"),
        ("MRR@10", "RR@10"),
        ("map", "AP"),
        ("Recall@5", "R@5"),
        ("P(judged_only=true, rel=2)@3", "P(rel=2,judged_only=True)@3"),
        ("P(rel=1)@3", "P@3"),
        ("P(cutoff=3)", "P@3"),
        ("SetF(beta=2)", "SetF(beta=2.0)"),
        ("IPrec@0.1", "IPrec@0.1"),
        ("IPrec@1", "IPrec@1.0"),
        ("NumRelRet", "NumRet(rel=1)"),
        ("nDCG(gains={1: 3, 0: 0})@5", "nDCG(gains={1:3})@5"),
        ('nDCG(dcg="exp-log2")@10', "nDCG(dcg='exp-log2')@10"),
    ],
)
def test_one_spelling(text: str, name: str) -> None:
    assert parse_measures(text) == [Measure(name)]
    assert parse_measures(name) == [Measure(name)]
    assert str(implementation(Measure(name))) == str(Measure(name)) == name


def test_lists_of_measures() -> None:
    wanted = [Measure("nDCG@10"), Measure("P(rel=2,judged_only=True)@3"), Measure("AP")]
    assert parse_measures("nDCG@10, P(rel=2, judged_only=True)@3 AP ndcg@10") == wanted
    assert parse_measures(["nDCG@10", "P(rel=2,judged_only=True)@3,AP", ""]) == wanted
    nothing: str | list[str]
    for nothing in ("", " , ", []):
        with pytest.raises(UsageError, match="no measure is named"):
            parse_measures(nothing)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nDGC@10", "did you mean nDCG@10?"),
        ("ndcg_cut_10", "did you mean nDCG@10?"),
        ("recip_rank", "did you mean RR?"),
        ("recall.100", "did you mean R@100?"),
        ("P_5", "did you mean P@5?"),
        ("hit_rate@5", "did you mean Success@5?"),
        ("frobnication", "not a measure ir-measures knows"),
        ("P", "needs a cutoff, as in P@10"),
        ("IPrec", "needs a recall, as in IPrec@0.1"),
        ("nDCG@", "not of the form NAME@CUTOFF"),
        ("nDCG@-1", "not of the form NAME@CUTOFF"),
        ("nDCG@10(rel=2)", "not of the form NAME@CUTOFF"),
        ("@10", "not of the form NAME@CUTOFF"),
        ("P(rel=2", "brackets do not match"),
        ("nDCG@0", "cutoff cannot be 0"),
        ("nDCG@1.5", "cutoff cannot be 1.5"),
        ("nDCG@99999999999999999999", "cutoff cannot be 99999999999999999999"),
        ("P(rel=x)@1", "rel cannot be x"),
        ("P(rel=True)@1", "rel cannot be True"),
        ("P(rel=-1)@1", "rel cannot be -1"),
        ("P(rel=1,rel=2)@1", "rel twice"),
        ("P(2)@1", "'2' is no parameter"),
        ("P(foo=2,bar=3)@1", "no parameter foo, bar; it has cutoff, rel, judged_only"),
        ("Compat(p=2.0)", "p cannot be 2.0"),
        ("nDCG(dcg='nat')@3", "dcg cannot be 'nat'"),
        ("nDCG(gains={1:-2})@3", "gains cannot be {1:-2}"),
        ("nDCG(gains={1:x})@3", "gains cannot be {1:x}"),
        ("RR(judged_only=True)@10", "nothing installed here computes it"),
    ],
)
def test_what_is_no_measure(text: str, why: str) -> None:
    with pytest.raises(UsageError) as e:
        parse_measures(text)
    assert f"{text} ({why}" in str(e.value) or why in str(e.value)


def test_what_ir_measures_sums_is_a_count() -> None:
    import ir_measures

    lib: Any = ir_measures
    summed = {
        str(m) for m in lib.measures.registry.values() if "Sum" in type(m.aggregator()).__name__
    }
    assert summed == {"NumQ", "NumRel", "NumRet", "NumRet(rel=1)"}
    assert all(is_count(name) for name in summed)
    assert not any(is_count(m.name) for m in parse_measures("nDCG@10 R@5 P(rel=2)@5"))


def test_all_wrong_measures_are_named_at_once() -> None:
    with pytest.raises(UsageError) as e:
        parse_measures(["nDGC@10 AP", "P frobnication"])
    message = str(e.value)
    assert (
        "nDGC@10 (did you mean nDCG@10?), P (needs a cutoff, as in P@10), frobnication (" in message
    )
    assert "AP" not in message.replace("as in P", "")


@settings(max_examples=200, deadline=None, database=None)
@given(st.text(max_size=20) | st.text("nDCGRP@10(rel=2,){}'. _", max_size=20))
def test_any_text_is_measures_or_a_usage_error(text: str) -> None:
    try:
        found = parse_measures(text)
    except UsageError:
        return
    assert parse_measures([m.name for m in found]) == found
