"""Sentences that are encoded for snippets: fewer of a larger model, those with the query's words first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.models.model_folder import Folder
from qembed.pipeline.retrieval.snippets.snippet import (
    FEWEST_SENTENCES,
    MAX_COST,
    heaviest_first,
    limit_bytes,
    sentences,
)

WORDS = ("refund", "parcel", "late", "money", "退钱", "the")


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9), min_size=1, max_size=30),
    st.dictionaries(st.sampled_from(WORDS), st.floats(0.1, 9)),
    st.integers(1, 40),
    st.integers(0, 400),
)
@pytest.mark.slow
def test_the_heaviest_sentences_within_the_limits(
    written: list[list[str]], weights: dict[str, float], most: int, size: int
) -> None:
    text = " ".join(" ".join(words) + "." for words in written)
    found = sentences(text)
    chosen = heaviest_first(text, found, weights, most, size)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(found)
    fewest = min(FEWEST_SENTENCES, len(found))
    assert len(chosen) >= fewest

    def weight(span: tuple[int, int]) -> float:
        words = {*text[slice(*span)].rstrip(".").split()}
        return sum(weights.get(w, 0.0) for w in words if w.isascii())

    used = sum(len(text[a:b].encode()) for a, b in chosen)
    if not any("退" in w for w in weights):
        size = size // 2 if any(map(weight, found)) else size
    assert len(chosen) == fewest or (len(chosen) <= most and used <= size)
    left_out = [weight(s) for s in found if s not in chosen]
    if left_out and not any("退" in w for w in weights):
        assert max(left_out) <= min(map(weight, chosen)) + 1e-9


def test_all_sentences_of_a_short_passage() -> None:
    text = "One here. Two here. Three here."
    assert heaviest_first(text, sentences(text), {}, 9, 1000) == sentences(text)


def test_words_leave_half_of_the_sentences() -> None:
    text = "Say one. Say two. Say three. Say four. Say money."
    found = sentences(text)
    size = len(text)
    assert heaviest_first(text, found, {"refund": 2.0}, 9, size) == found
    assert heaviest_first(text, found, {"money": 2.0}, 9, size) == [found[0], found[4]]


def test_a_larger_model_reads_less_and_one_without_a_cost_all() -> None:
    assert limit_bytes(None) == MAX_COST
    small, large = limit_bytes(10_600_000), limit_bytes(21_200_000)
    assert small == pytest.approx(2 * large, rel=0.01)
    assert 3000 < large < small < 7000


@pytest.mark.parametrize(
    ("config", "cost"),
    [
        ({"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}, 10_616_832),
        ({"dim": 8, "n_layers": 2, "hidden_dim": 32}, 2 * (4 * 64 + 2 * 8 * 32)),
        ({"hidden_size": 8, "num_hidden_layers": 1}, 4 * 64 + 2 * 8 * 32),
        ({"hidden_size": 8}, None),
        ({"hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": [1, 2]}, None),
    ],
)
def test_a_tokens_cost_is_read_off_the_configuration(
    tmp_path: Path, config: dict[str, object], cost: int | None
) -> None:
    import json

    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Folder(tmp_path).token_cost() == cost


@pytest.mark.parametrize(
    ("text", "is_begin", "wanted"),
    [
        ("| Plan | Price |\n| --- | --- |\n| basic | 3 |\n", True, ["| basic | 3 |"]),
        ("Plan | Price\n\nbasic | low\n", True, ["basic | low"]),  # of HTML
        ("Plan | Price\nbasic | 3\npro | 9\n", True, ["basic | 3", "pro | 9"]),  # of a sheet
        ("All plans:\nPlan | Price\nbasic | 3\n", False, ["All plans:", "basic | 3"]),
        # a cut table begins with any row; a table without figures may have no head
        ("gold | none\nbasic | 3\n", False, ["gold | none", "basic | 3"]),
        ("basic | low\npro | high\n", True, ["basic | low", "pro | high"]),
        # nothing else to show
        ("| Plan | Price |\n| --- | --- |\n", True, ["| Plan | Price |"]),
    ],
)
def test_the_head_of_a_table_is_no_sentence_beside_a_row(
    text: str, is_begin: bool, wanted: list[str]
) -> None:
    assert [text[a:b] for a, b in sentences(text, is_begin=is_begin)] == wanted
