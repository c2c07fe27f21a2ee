"""Components and folds: against brute force, and the properties that keep a fold from leaking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph

from qembed.errors import InputError, UsageError
from qembed.evaluation.tuning import (
    connected_components,
    make_folds,
    near_duplicates,
    random_folds,
    word_set,
)

words = st.sets(st.sampled_from("abcdefghij"), min_size=1, max_size=10).map(frozenset)


@settings(max_examples=200, deadline=None)
@given(st.lists(words, max_size=15), st.sampled_from([0.3, 0.5, 0.7, 0.75, 0.9, 1.0]))
@pytest.mark.slow
def test_near_duplicates_are_those_of_all_pairs(sets: list[frozenset[str]], least: float) -> None:
    wanted = [
        (i, j)
        for j in range(len(sets))
        for i in range(j)
        if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= least - 1e-12
    ]
    assert near_duplicates(sets, least) == sorted(wanted)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["red", "fox", "jumps", "high", "low", "far"]), min_size=1),
            st.sets(st.integers(0, 8), max_size=3),
        ),
        max_size=20,
    )
)
@pytest.mark.slow
def test_components_are_those_of_the_graph(queries: list[tuple[list[str], set[int]]]) -> None:
    texts = [" ".join(ws) for ws, _ in queries]
    documents = [[f"d{i}" for i in docs] for _, docs in queries]
    n = len(queries)
    edges = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            a, b = set(queries[i][0]), set(queries[j][0])
            edges[i, j] = bool(queries[i][1] & queries[j][1]) or len(a & b) / len(a | b) >= 0.7
    labels = csgraph.connected_components(edges, directed=False)[1] if n else []
    wanted = sorted([i for i in range(n) if labels[i] == c] for c in set(labels))
    assert connected_components(texts, documents) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my parcel?", "where is MY parcel"),
        ("where is my parcel now", "now where is my parcel, please"),
        ("如何取消我的订单？", "如何取消我的订单"),
        ("ﬁne print of the contract", "fine print of the contract"),
    ],
)
def test_rephrasings_are_near_duplicates(one: str, other: str) -> None:
    assert near_duplicates([word_set(one), word_set(other)]) == [(0, 1)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("where is my parcel", "where is my invoice"),
        ("如何取消我的订单", "如何修改送货地址"),
        ("!?", "..."),
    ],
)
def test_other_questions_are_not(one: str, other: str) -> None:
    assert near_duplicates([word_set(one), word_set(other)]) == []


components = st.lists(st.integers(1, 6), min_size=20, max_size=40)


@settings(max_examples=100, deadline=None)
@given(components, st.integers(2, 8), st.integers(0, 5))
def test_folds_are_balanced_and_keep_components_whole(sizes: list[int], k: int, seed: int) -> None:
    at = iter(range(sum(sizes)))
    parts = [[next(at) for _ in range(n)] for n in sizes]
    folds = make_folds(parts, k, seed)
    assert sorted(i for f in folds for i in f) == list(range(sum(sizes)))
    assert folds == make_folds(parts, k, seed)
    owner = {i: f for f, members in enumerate(folds) for i in members}
    assert all(len({owner[i] for i in part}) == 1 for part in parts)
    lengths = sorted(map(len, folds))
    assert lengths[-1] - lengths[0] <= max(sizes)


def test_too_few_queries_groups_or_folds_are_refused() -> None:
    with pytest.raises(InputError, match="19 judged queries"):
        make_folds([[i] for i in range(19)])
    with pytest.raises(InputError, match=r"2 groups.*no 5 folds"):
        make_folds([list(range(20)), list(range(20, 40))])
    with pytest.raises(UsageError, match="--folds 1"):
        make_folds([[i] for i in range(30)], 1)


def test_random_folds_divide_all() -> None:
    folds = random_folds(23, 5)
    assert sorted(i for f in folds for i in f) == list(range(23))
    assert {len(f) for f in folds} == {4, 5}


@pytest.mark.slow
def test_many_queries_take_seconds() -> None:
    rng = np.random.default_rng(1)
    vocabulary = [f"word{i}" for i in range(3000)]
    texts = [" ".join(rng.choice(vocabulary, 8)) for _ in range(4_000)]
    assert len(connected_components(texts, [[f"d{i}"] for i in range(4_000)])) == 4_000
