"""Settings as text: read, named in one order, refused with all names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.retrieval.interleaving.experiment import parse_experiment
from qembed.pipeline.retrieval.interleaving.setting import Setting, parse_setting
from qembed.pipeline.retrieval.options import QueryOptions


def test_values_have_their_types() -> None:
    text = (
        "rerank-share=.5 rerank=late candidates=20 mode=hybrid instruction=off 'task=find a b' ef=7"
    )
    found = parse_setting(text)
    assert found.values == {
        "rerank_share": 0.5, "rerank": "late", "candidates": 20, "mode": "hybrid",
        "instruction": False, "task": "find a b", "ef": 7,
    }  # fmt: skip
    assert found.name == (
        "mode=hybrid rerank=late rerank-share=0.5 candidates=20 ef=7 task='find a b' instruction=off"
    )
    options = found.applied(QueryOptions(k=3, given=()))
    assert (options.k, options.mode, options.rerank, options.instruction) == (
        3, "hybrid", "late", False,
    )  # fmt: skip
    assert set(options.given or ()) == set(found.values)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["auto", "dense", "lexical", "hybrid"]),
            "diversity": st.sampled_from([0.1, 0.25]),
            "candidates": st.integers(1, 999),
            "task": st.text(st.characters(codec="utf-8"), min_size=1),
            "instruction": st.booleans(),
        },
    )
)
def test_a_name_is_read_as_what_it_names(values: dict[str, object]) -> None:
    assert parse_setting(Setting(values).name).values == values


@pytest.mark.parametrize("text", ["", "  ", "default"])
def test_nothing_is_what_the_index_answers_by(text: str) -> None:
    assert (parse_setting(text).values, parse_setting(text).name) == ({}, "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "k=3",
            "'k=3' is no option of a setting (NAME=VALUE of: mode, fusion, rerank, rerank-share",
        ),
        ("rerank", "'rerank' is no option of a setting"),
        ("mode=fast", "mode=fast: one of auto, dense, lexical, hybrid is wanted"),
        ("ef=x", "ef=x: a number is wanted"),
        ("ef=1.5", "ef=1.5: a number is wanted"),
        ("diversity=2", "--diversity: at least 0 and below 1"),
        ("instruction=no", "instruction=no: one of on, off is wanted"),
        ("rerank=", "rerank=: the name of a reranker is wanted"),
        ("task='a", "No closing quotation"),
        ("mode=fast x=1", "'x=1' is no option of a setting"),
    ],
)
def test_what_is_no_setting(text: str, message: str) -> None:
    with pytest.raises(UsageError) as e:
        parse_setting(text)
    assert message in str(e.value)


def test_experiments() -> None:
    found = parse_experiment("A=,B=rerank=late mode=hybrid")
    assert found.names == {"a": "default", "b": "mode=hybrid rerank=late"}
    assert parse_experiment(" A=mode=dense , B=default ").names == {
        "a": "mode=dense",
        "b": "default",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode=dense", "A=…,B=… is wanted"),
        ("A=", "A=…,B=… is wanted"),
        ("A=,B=", "A and B are the same setting (default)"),
        ("A=ef=1 mode=dense,B=mode=dense ef=1", "the same setting (mode=dense ef=1)"),
        ("A=,B=speed=9", "--ab B: 'speed=9' is no option"),
        ("A=speed=9,B=", "--ab A: 'speed=9' is no option"),
    ],
)
def test_what_is_no_experiment(text: str, message: str) -> None:
    with pytest.raises(UsageError) as e:
        parse_experiment(text)
    assert message in str(e.value)
