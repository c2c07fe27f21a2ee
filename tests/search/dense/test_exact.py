"""Exact search against a plain sort, and its scores against those of a lone query."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.search import Exact, merge, top
from qembed.search.dense import exact as exact_module
from tests.search.dense.random_vectors import unit


def oracle(vectors: np.ndarray, query: np.ndarray, k: int, rows: np.ndarray) -> list[int]:
    scores = vectors[rows] @ query
    return [int(rows[i]) for i in sorted(range(len(rows)), key=lambda i: (-scores[i], rows[i]))[:k]]


@given(
    scores=st.lists(st.integers(-3, 3), max_size=60),
    k=st.integers(0, 70),
    cuts=st.lists(st.integers(0, 60), max_size=4),
)
def test_top_is_a_sort_by_score_and_row_however_it_is_cut(
    scores: list[int], k: int, cuts: list[int]
) -> None:
    rows = np.arange(len(scores), dtype=np.int64) * 3
    values = np.array(scores, dtype=np.float32)
    expected = sorted(zip(rows.tolist(), values.tolist(), strict=True), key=lambda x: (-x[1], x[0]))
    got = top(rows, values, k)
    assert list(zip(got[0].tolist(), got[1].tolist(), strict=True)) == expected[:k]
    edges = [0, *sorted(cuts), len(scores)]
    parts = [top(rows[a:b], values[a:b], k) for a, b in itertools.pairwise(edges)]
    merged = merge(parts, k)
    assert list(zip(merged[0].tolist(), merged[1].tolist(), strict=True)) == expected[:k]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 80),
    k=st.integers(1, 20),
    block=st.integers(1, 30),
    base=st.integers(0, 2**33),
    dead=st.floats(0, 1),
    cut=st.integers(0, 80),
    some=st.booleans(),
)
def test_exact_is_a_plain_sort(
    seed: int, n: int, k: int, block: int, base: int, dead: float, cut: int, some: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors, queries = unit(rng, n), unit(rng, 3)
    live = rng.random(n) >= dead
    cut = min(cut, n)
    parts = [(base, vectors[:cut]), (base + cut, vectors[cut:])]
    rows = np.flatnonzero(rng.random(n) < 0.3) if some else np.arange(n)
    old, exact_module.ROWS_PER_BLOCK = exact_module.ROWS_PER_BLOCK, block
    try:
        searcher = Exact(parts, None if dead == 0 else live, base)
        found = searcher.search(queries, k, rows + base if some else None)
    finally:
        exact_module.ROWS_PER_BLOCK = old
    wanted = rows[live[rows]] if dead else rows
    for query, (got, scores) in zip(queries, found, strict=True):
        expected = oracle(vectors, query, k, wanted)
        # sums in another order differ in the last bit: compare the scores, and the set of rows
        np.testing.assert_allclose(scores, vectors[np.array(expected, int)] @ query, atol=1e-6)
        assert set((got - base).tolist()) == set(expected)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 4000),
    cut=st.integers(0, 4000),
    queries=st.integers(1, 5),
    dead=st.booleans(),
)
@example(seed=0, n=1025, cut=0, queries=1, dead=False)  # one row more than a block
def test_scores_ahead_have_the_bits_of_a_lone_query(
    seed: int, n: int, cut: int, queries: int, dead: bool
) -> None:
    """In blocks and as a whole, in one part or two, dead rows among them."""
    rng = np.random.default_rng(seed)
    vectors, asked = unit(rng, n, 48), unit(rng, queries, 48)
    cut = min(cut, n)
    live = rng.random(n) >= 0.3 if dead else None
    searcher = Exact([(7, vectors[:cut]), (7 + cut, vectors[cut:])], live, 7)
    assert searcher.prefetch_is_exact()
    alone = [searcher.search(q[None], 20)[0] for q in asked]
    searcher.prefetch(asked)
    for q, (rows, scores) in zip(asked, alone, strict=True):
        assert searcher.is_prefetched(q[None])
        got = searcher.search(q[None], 20)[0]
        np.testing.assert_array_equal(got[0], rows)
        assert got[1].tobytes() == scores.tobytes()
    assert not searcher._prefetched, "each is asked for once"
    searcher.prefetch(asked)
    np.testing.assert_array_equal(searcher.search(asked[:1], 20, alone[0][0])[0][0], alone[0][0])


def test_a_blas_that_does_not_go_row_by_row_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = Exact([(0, unit(np.random.default_rng(0), 3000))])
    real = Exact.prefetch

    def drifting(self: Exact, vectors: np.ndarray) -> None:
        real(self, vectors)
        for scores in self._prefetched.values():
            scores[0][-1] = np.nextafter(scores[0][-1], np.float32(9))

    monkeypatch.setattr(Exact, "prefetch", drifting)
    assert not searcher.prefetch_is_exact()
