"""A graph over many copies of few vectors finds what exact search finds: copies, filters, deletes, tails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.search import Exact, Graph, GraphSearcher, choose, merge
from qembed.search.dense.graphs.library import Library
from qembed.search.dense.hnsw import groups_path
from qembed.search.dense.row_groups import COPY_TOLERANCE, RowGroups, vector_hashes
from qembed.search.topk import TIE_TOLERANCE

DIM = 24


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def with_copies(rng: np.random.Generator, n: int, share: float, groups: int) -> np.ndarray:
    """Vectors of which `share` are copies of `groups` others, some with the noise of another batch."""
    vectors = unit(rng.normal(size=(n, DIM)))
    copies = np.flatnonzero(rng.random(n) < share)
    vectors[copies] = vectors[rng.integers(0, min(groups, n), len(copies))]
    noisy = copies[::3]
    vectors[noisy] += rng.uniform(-1e-7, 1e-7, (len(noisy), DIM)).astype(np.float32)
    return vectors


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 400),
    share=st.floats(0, 1),
    groups=st.integers(1, 8),
    base=st.sampled_from([0, 7, 2**33]),
    cuts=st.lists(st.integers(0, 400), max_size=3),
    tail=st.integers(0, 60),
    dead=st.sampled_from([0.0, 0.3, 0.9]),
    allowed=st.sampled_from([None, 0.2, 0.7]),
    k=st.integers(1, 30),
    library=st.sampled_from(["hnswlib", "usearch"]),
)
def test_graph_and_tail_find_what_exact_search_finds(
    seed: int,
    n: int,
    share: float,
    groups: int,
    base: int,
    cuts: list[int],
    tail: int,
    dead: float,
    allowed: float | None,
    k: int,
    library: Library,
) -> None:
    rng = np.random.default_rng(seed)
    vectors = with_copies(rng, n + tail, share, groups)
    graph = Graph.empty(DIM, lambda rows: vectors[rows - base], library=library)
    at = 0
    for end in [*sorted(min(c, n) for c in cuts), n]:
        graph.add(base + at, vectors[at:end])
        at = end
    live = None if not dead else rng.random(n + tail) >= dead
    mask = None if allowed is None else rng.random(n + tail) < allowed
    queries = unit(vectors[rng.integers(0, n + tail, 5)] + 0.1 * rng.normal(size=(5, DIM)))
    rows = None if mask is None else np.flatnonzero(mask) + base
    truth = Exact([(base, vectors)], live, base).search(queries, k, rows)
    found = GraphSearcher(graph, live, base, ef=800).search(queries, k, mask)
    rest = Exact([(base + n, vectors[n:])], live, base).search(queries, k, rows)
    for a, b, (want, best) in zip(found, rest, truth, strict=True):
        assert a is not None
        got, scores = merge([a, b], k)
        assert len(set(got.tolist())) == len(got) == len(want)
        np.testing.assert_allclose(scores, best, atol=TIE_TOLERANCE)
        assert live is None or live[got - base].all()
        assert mask is None or mask[got - base].all()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["hnswlib", "usearch"])
def test_a_third_of_one_text_costs_no_recall(tmp_path: Path, library: Library) -> None:
    rng = np.random.default_rng(3)
    centres = unit(rng.normal(size=(100, DIM)))
    vectors = unit(centres[rng.integers(0, 100, 6000)] + 0.5 * rng.normal(size=(6000, DIM)) / 5)
    same = rng.choice(6000, 2000, replace=False)
    vectors[same] = vectors[same[0]]
    graph = Graph.empty(DIM, lambda rows: vectors[rows], library=library)
    graph.add(0, vectors)
    assert (len(graph), graph.distinct) == (6000, 4001)
    queries = unit(vectors[rng.integers(0, 6000, 200)] + 0.05 * rng.normal(size=(200, DIM)))
    truth = Exact([(0, vectors)]).search(queries, 10)
    ef, share = graph.measure_ef(queries, truth)
    assert share >= 0.98
    graph.save(tmp_path / "g")
    loaded = Graph.load(tmp_path / "g", DIM, lambda rows: vectors[rows], library)
    assert (len(loaded), loaded.distinct) == (6000, 4001)
    for (a, _), (b, _) in zip(
        graph.search(queries, 10, ef), loaded.search(queries, 10, ef), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("library", ["hnswlib", "usearch"])
def test_vectors_that_only_round_alike_are_no_copies(library: Library) -> None:
    one = unit(np.ones((1, DIM)))
    near = one.copy()
    near[0, 0] -= 20 * COPY_TOLERANCE
    assert vector_hashes(one) == vector_hashes(near)
    three = np.concatenate([one, near, one])
    graph = Graph.empty(DIM, lambda rows: three[rows], library=library)
    graph.add(0, three)
    assert graph.distinct == 2
    rows, scores = graph.search(one, 3)[0]
    assert sorted(rows.tolist()) == [0, 1, 2]
    np.testing.assert_allclose(scores, np.concatenate([one, near, one])[rows] @ one[0], atol=1e-6)


@pytest.mark.parametrize("library", ["hnswlib", "usearch"])
def test_a_graph_without_its_groups_is_not_loaded(tmp_path: Path, library: Library) -> None:
    two = unit(np.eye(2, DIM))
    graph = Graph.empty(DIM, lambda rows: two[rows], library=library)
    graph.add(0, two)
    graph.save(tmp_path / "g")
    groups_path(tmp_path / "g").write_bytes(b"something else")
    with pytest.raises(RuntimeError):
        Graph.load(tmp_path / "g", DIM, lambda rows: two[rows], library)
    groups_path(tmp_path / "g").unlink()
    with pytest.raises(RuntimeError):
        Graph.load(tmp_path / "g", DIM, lambda rows: two[rows], library)


def test_copies_are_limited_where_all_rows_count() -> None:
    groups = RowGroups(np.zeros(1000, np.int64), np.zeros(1000, np.uint64))
    assert groups.copies == 999
    rows, scores = groups.expand(np.array([0]), np.array([0.5], np.float32), 10)
    assert rows.tolist() == list(range(11))
    assert scores.tolist() == [0.5] * 11


@pytest.mark.parametrize("wanted", ["auto", "graph"])
def test_a_graph_that_finds_too_little_is_never_planned(wanted: str) -> None:
    plan = choose(
        wanted=wanted,  # type: ignore[arg-type]
        rows=10**6,
        covered=10**6,
        queries=1000,
        loaded=True,
        recall=0.776,
    )
    assert plan.kind == "exact"
    assert plan.is_fallback
    assert "the graph finds 77.6% of the ten nearest, wanted are 98%" in plan.why
