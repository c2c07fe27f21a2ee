"""Batches of like length: a partition, within its budget, longest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qembed.models.batching import TEXTS, TOKENS, by_length

sizes = st.lists(st.integers(0, 600), max_size=200)


@given(lengths=sizes, tokens=st.integers(1, 2000), texts=st.integers(1, 50))
def test_a_partition_within_budget_longest_first(
    lengths: list[int], tokens: int, texts: int
) -> None:
    batches = list(by_length(lengths, tokens, texts))
    order = [i for batch in batches for i in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[i] for i in order] == sorted(lengths, reverse=True)
    for batch in batches:
        assert 1 <= len(batch) <= texts
        padded = len(batch) * max(lengths[i] for i in batch)
        assert padded <= tokens or len(batch) == 1


@given(lengths=sizes, tokens=st.integers(1, 2000), texts=st.integers(1, 50))
def test_no_batch_is_smaller_than_it_must_be(lengths: list[int], tokens: int, texts: int) -> None:
    for batch in list(by_length(lengths, tokens, texts))[:-1]:
        longest = max(1, *(lengths[i] for i in batch))  # a text without tokens counts as one
        assert len(batch) == texts or (len(batch) + 1) * longest > tokens


@given(st.integers(0, 50), st.integers(1, 300))
def test_equal_lengths_keep_their_order(length: int, count: int) -> None:
    assert [i for b in by_length([length] * count) for i in b] == list(range(count))


def test_defaults() -> None:
    assert [len(b) for b in by_length([256] * 70)] == [32, 32, 6]
    assert [len(b) for b in by_length([1] * 300)] == [TEXTS, TEXTS, 300 - 2 * TEXTS]
    assert list(by_length([TOKENS * 3, 1])) == [[0], [1]]
    assert list(by_length([])) == []
