"""The graph, of either library, against exact search."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from qembed.search import Exact, Graph, GraphSearcher
from qembed.search import recall as share_found
from qembed.search.dense.graphs.library import (
    MAPPED_ROWS,
    Library,
    is_outgrown,
    library_of,
    stored_library,
)
from qembed.search.dense.graphs.usearch_graph import UsearchGraph
from qembed.search.dense.hnsw import EF_LADDER, WIDE_LADDER
from tests.search.dense.random_vectors import unit

LIBRARIES: list[Library] = ["hnswlib", "usearch"]


Clustered: TypeAlias = tuple[np.ndarray, np.ndarray, Graph]
"""Vectors, queries, and the graph over the vectors."""


@pytest.fixture(scope="module", params=LIBRARIES)
def clustered(request: pytest.FixtureRequest) -> Clustered:
    """3,000 vectors around 60 centres, as texts lie around topics."""
    rng = np.random.default_rng(1)
    centres = unit(rng, 60, 32)
    vectors = centres[rng.integers(0, 60, 3000)] + 0.35 * unit(rng, 3000, 32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    graph = Graph.empty(32, lambda rows: vectors[rows], library=request.param)
    graph.add(0, vectors[:2000])
    graph.add(2000, vectors[2000:])
    return vectors, vectors[rng.integers(0, 3000, 100)] + 0.2 * unit(rng, 100, 32), graph


Hits: TypeAlias = Sequence[tuple[np.ndarray, np.ndarray]]


def recall(found: Hits, truth: Hits, k: int) -> float:
    return float(
        np.mean(
            [
                len(set(a[0].tolist()) & set(b[0].tolist())) / k
                for a, b in zip(found, truth, strict=True)
            ]
        )
    )


@pytest.mark.slow
def test_graph_recall_against_exact(clustered: Clustered) -> None:
    vectors, queries, graph = clustered
    truth = Exact([(0, vectors)]).search(queries, 10)
    found = graph.search(queries, 10)
    assert recall(found, truth, 10) >= 0.98
    # the walk compares codes, the result has the cosines of exact search
    for (rows, scores), query in zip(found, queries, strict=True):
        np.testing.assert_allclose(scores, vectors[rows] @ query, atol=1e-5)
        assert (np.diff(scores) <= 0).all()


@pytest.mark.slow
def test_breadth_is_the_smallest_that_suffices(clustered: Clustered) -> None:
    vectors, queries, graph = clustered
    truth = Exact([(0, vectors)]).search(queries, 10)
    for wanted in (0.5, 0.9, 0.99, 1.1):
        ef, share = graph.measure_ef(queries, truth, wanted)
        assert ef in EF_LADDER
        assert share >= wanted or ef == EF_LADDER[-1]
        for lower in EF_LADDER[: EF_LADDER.index(ef)]:
            assert recall(graph.search(queries, 10, lower), truth, 10) < wanted + 1e-9
    assert graph.measure_ef(queries[:0], []) == (EF_LADDER[0], 1.0)


def test_a_large_graph_is_searched_more_broadly(
    clustered: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries, graph = clustered
    truth = Exact([(0, vectors)]).search(queries[:5], 10)
    assert graph.measure_ef(queries[:5], truth, 1.1)[0] == EF_LADDER[-1] < WIDE_LADDER[-1]
    monkeypatch.setattr("qembed.search.dense.hnsw.WIDE_ROWS", len(vectors))
    assert graph.measure_ef(queries[:5], truth, 1.1)[0] == WIDE_LADDER[-1]


def test_recall_counts_scores_so_that_ties_are_no_loss() -> None:
    truth = np.array([0.9, 0.8, 0.8], np.float32)
    assert share_found(np.array([0.9, 0.8, 0.8], np.float32), truth) == 1
    assert share_found(np.array([0.9, 0.8, 0.7], np.float32), truth) == pytest.approx(2 / 3)
    assert share_found(np.array([0.8, 0.8, 0.8, 0.8], np.float32), truth) == 1
    assert share_found(truth[:0], truth) == 0
    assert share_found(truth, truth[:0]) == 1


def test_a_narrow_search_would_lose_answers(clustered: Clustered) -> None:
    vectors, queries, graph = clustered
    truth = Exact([(0, vectors)]).search(queries, 10)
    narrow = graph.search(queries, 10, 10)
    if isinstance(
        leaders := graph._leaders, UsearchGraph
    ):  # it looks at more rows than are asked for
        narrow = [(np.sort(rows), rows) for rows in leaders._walk(queries, 10, ef=10)]
    assert recall(narrow, truth, 10) < recall(graph.search(queries, 10), truth, 10)


def test_graph_survives_saving(clustered: Clustered, tmp_path: Path) -> None:
    vectors, queries, graph = clustered
    graph.save(tmp_path / "g")
    for extend_to in (None, 3000):
        loaded = Graph.load(
            tmp_path / "g", 32, lambda rows: vectors[rows], graph.library, extend_to
        )
        for (a, _), (b, _) in zip(
            graph.search(queries, 10), loaded.search(queries, 10), strict=True
        ):
            assert a.tolist() == b.tolist()
        alone = [loaded.search(q[None], 10)[0][0].tolist() for q in queries]
        assert alone == [rows.tolist() for rows, _ in loaded.search(queries, 10)]
    (tmp_path / "g").write_bytes(b"something else")
    with pytest.raises(RuntimeError):
        Graph.load(tmp_path / "g", 32, lambda rows: vectors[rows], graph.library)


def test_a_mapped_graph_of_other_dimensions_is_refused(tmp_path: Path) -> None:
    vectors = np.eye(32, dtype=np.float32)
    graph = Graph.empty(32, lambda rows: vectors[rows], library="usearch")
    graph.add(0, vectors)
    graph.save(tmp_path / "g")
    with pytest.raises(RuntimeError, match="no graph of 31 dimensions"):
        Graph.load(tmp_path / "g", 31, lambda rows: vectors[rows], "usearch")


@pytest.mark.slow
def test_an_extended_graph_is_as_good_as_one_made_at_once(
    clustered: Clustered, tmp_path: Path
) -> None:
    """usearch's own breadth of building would come back with each loading."""
    vectors, queries, whole = clustered
    truth = Exact([(0, vectors)]).search(queries, 10)
    shares = []
    for pieces in (1, 6):
        graph = Graph.empty(32, lambda rows: vectors[rows], library=whole.library)
        for part in np.array_split(np.arange(3000), pieces):
            graph.add(int(part[0]), vectors[part])
            graph.save(tmp_path / "g")
            graph = Graph.load(
                tmp_path / "g", 32, lambda rows: vectors[rows], whole.library, len(vectors)
            )
        shares.append(recall(graph.search(queries, 10, 30), truth, 10))
    assert shares[1] >= shares[0] - 0.01


def test_searches_at_once_do_not_disturb_one_another(clustered: Clustered) -> None:
    _, queries, graph = clustered
    alone = [graph.search(q[None], 10)[0][0].tolist() for q in queries]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(lambda q: graph.search(q[None], 10)[0][0].tolist(), queries))
            assert together == alone


def test_more_asked_than_there_is(clustered: Clustered) -> None:
    vectors, queries, graph = clustered
    small = Graph.empty(32, lambda rows: vectors[rows - 7], library=graph.library)
    assert len(small.search(queries[:1], 5)[0][0]) == 0
    small.add(7, vectors[:3])
    rows, _ = small.search(queries[:1], 50)[0]
    assert sorted(rows.tolist()) == [7, 8, 9]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.995, 1.0])
@pytest.mark.slow
def test_dead_rows_are_left_out_and_never_cost_answers(clustered: Clustered, share: float) -> None:
    vectors, queries, graph = clustered
    live = np.random.default_rng(2).random(3000) >= share
    found = GraphSearcher(graph, live, 0).search(queries, 10)
    truth = Exact([(0, vectors)], live).search(queries, 10)
    wanted = min(10, int(live.sum()))
    answered = [(f, t) for f, t in zip(found, truth, strict=True) if f is not None]
    for f, t in answered:
        assert len(f[0]) == len(t[0]) == wanted
        assert live[f[0]].all()
    if share <= 0.9:
        assert len(answered) == len(queries)
        assert recall([f for f, _ in answered], [t for _, t in answered], 10) >= 0.97
    # None: the widest search that is tried, 1,280 rows, holds too few living ones
    unanswered = [q for q, f in enumerate(found) if f is None]
    for rows, _ in graph.search(queries[unanswered], 1280, 1280):
        assert len(rows) == 1280
        assert live[rows].sum() < wanted
    assert (len(unanswered) > 0) == (share == 0.995)


def test_a_large_graph_is_mapped_and_a_stored_one_outgrows_hnswlib_once() -> None:
    assert [library_of(n) for n in (0, MAPPED_ROWS - 1, MAPPED_ROWS)] == [
        *LIBRARIES[:1] * 2,
        "usearch",
    ]
    assert not is_outgrown("hnswlib", 2 * MAPPED_ROWS - 1)
    assert is_outgrown("hnswlib", 2 * MAPPED_ROWS)
    assert not is_outgrown("usearch", 0)
    assert [stored_library(facts) for facts in ({}, {"library": "usearch"})] == LIBRARIES
