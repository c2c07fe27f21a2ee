"""The graph's breadth is measured, stamped, used, checked and mended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qembed.cli.commands.status import _covered
from qembed.pipeline.diagnostics.status import describe
from qembed.pipeline.diagnostics.verify import graph_recall, verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived.graph import synthetic_queries
from qembed.pipeline.indexing.options import GraphPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.search import Exact
from qembed.search.dense.hnsw import EF_LADDER, RECALL_MARGIN, groups_path
from qembed.search.dense.planner import TARGET_RECALL
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from qembed.store.compaction import CompactionPolicy
from qembed.types import Query
from tests.pipeline.conftest import index
from tests.pipeline.indexing.conftest import NEVER, WORDS, fill, graph_stamp


@pytest.mark.slow
def test_the_stamped_breadth_gives_the_wanted_recall(some: Path) -> None:
    extra = graph_stamp(some).extra
    assert extra["ef"] in EF_LADDER
    assert extra["recall"] >= TARGET_RECALL + RECALL_MARGIN
    assert extra["measured"] == 2000
    with Session(some) as session:
        recall = graph_recall(session, 10)
        assert recall is not None
        assert recall >= TARGET_RECALL
        below = [ef for ef in EF_LADDER if ef < extra["ef"]]
        if below:
            lower = graph_recall(session, 10, below[-1])
            assert lower is not None
            assert lower <= recall


def test_a_search_says_and_uses_the_breadth(some: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.restamp(some, graph_stamp(some), {**graph_stamp(some).extra, "ef": 123})
    with Session(some) as session:
        retriever = Retriever(session, QueryOptions(mode="dense", search="graph"))
        ranking = retriever.rank([Query("1", "word1 word2")])
        assert "ef 123" in ranking.plan
        opened = session.search.graph()
        assert opened is not None
        used = []
        monkeypatch.setattr(
            opened[0], "search", lambda v, k, ef: used.append(ef) or Exact([]).search(v, k)
        )
        retriever.rank([Query("1", "word1 word2")])
        assert used[0] == 123
    assert describe(some)["derived"]["graph"]["ef"] == 123


@pytest.mark.slow
def test_verify_finds_a_breadth_that_is_too_small_and_repair_mends_it(some: Path) -> None:
    good = graph_stamp(some).extra
    files.restamp(some, graph_stamp(some), {**good, "ef": 1})
    found = [f for f in verify(some) if f.kind == "graph"]
    # more hits than ten need at least so much breadth, whatever the stamp says: ef is then 20
    with Session(some) as session:
        recall = graph_recall(session, 10)
    assert recall is not None
    assert [f.mend for f in found] == (["qembed index --repair"] if recall < 0.95 else [])
    index(some, repair=True)
    assert graph_stamp(some).extra["ef"] == good["ef"]
    assert list(verify(some)) == []


@pytest.mark.slow
def test_a_graph_that_no_breadth_helps_is_built_anew(some: Path) -> None:
    """A graph over other vectors: whole, and useless."""
    from qembed.search import Graph

    stamp = graph_stamp(some)
    rng = np.random.default_rng(0)
    wrong = rng.normal(size=(2000, 48)).astype(np.float32)
    wrong /= np.linalg.norm(wrong, axis=1, keepdims=True)
    graph = Graph.empty(48, lambda rows: wrong[rows - stamp.base])
    graph.add(stamp.base, wrong)
    path = some / stamp.file
    graph.save(path)
    upto, rows = stamp.upto, groups_path(path)
    files.seal(some, manifests.read(some), files.GRAPH, path, upto, stamp.extra, rows)
    (finding,) = verify(some)
    assert finding.kind == "graph"
    assert "of the ten nearest" in finding.what
    assert finding.mend == "qembed index --repair"
    index(some, repair=True)
    assert list(verify(some)) == []


def test_made_up_queries_lie_near_the_rows_and_have_exact_answers(some: Path) -> None:
    with Snapshot.open(some) as snapshot:
        queries, truth = synthetic_queries(snapshot, 2000, k=5, sample=20)
        everything = [(f, v.copy()) for f, v in snapshot.vector_batches(0)]
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-6)
    expected = Exact(everything).search(queries, 5)
    assert len(queries) == 20
    for (rows, scores), (want_rows, want) in zip(truth, expected, strict=True):
        np.testing.assert_allclose(scores, want, atol=1e-6)
        assert set(rows.tolist()) == set(want_rows.tolist())
        assert 0.8 < scores[0] < 0.9999


@pytest.mark.slow
def test_a_small_change_leaves_a_large_graph_alone(some: Path) -> None:
    policy = GraphPolicy(small_rows=1000)
    before = graph_stamp(some)
    fill(some.parent / "docs", 50, seed=1)
    index(some, graph=policy)
    assert graph_stamp(some) == before, "2.5 % more: searched exactly"
    with Session(some) as session:
        by_graph, plan = session.search.vector_search(
            session.snapshot.vectors(np.array([2049])), 3, "graph"
        )
        assert plan.kind == "graph"
        assert 2049 in by_graph[0][0].tolist()
    fill(some.parent / "docs", 100, seed=2)
    index(some, graph=policy)
    after = graph_stamp(some)
    assert after.upto == 2150, "7.5 % more: extended"
    assert after.extra == before.extra, "not measured again before it has grown by a quarter"
    assert list(verify(some)) == []


@pytest.mark.slow
def test_equal_texts_are_no_loss_of_recall(tmp_path: Path) -> None:
    """Boilerplate: two hundred passages with one vector. Which of them comes first does not matter."""
    (tmp_path / "docs").mkdir()
    for i in range(200):
        (tmp_path / f"docs/d{i}.md").write_text(f"# T{i}\n\nAll rights reserved.\n" * (1 + i % 2))
        (tmp_path / f"docs/same{i}.txt").write_text("All rights reserved.")
    index(tmp_path / "idx", tmp_path / "docs")
    assert [f.what for f in verify(tmp_path / "idx")] == []


@pytest.mark.slow
def test_copies_of_one_text_in_the_graph_of_an_index(tmp_path: Path) -> None:
    """Half of the records share a text; some are deleted, some come later: as exact search finds."""
    rng = np.random.default_rng(5)
    (tmp_path / "docs").mkdir()
    texts = [" ".join(rng.choice(WORDS, 8)) if i % 2 else "all rights reserved" for i in range(600)]

    def write(name: str, numbers: range) -> None:
        lines = (f'{{"_id": "{i}", "text": "{texts[i]}"}}\n' for i in numbers)
        (tmp_path / "docs" / name).write_text("".join(lines))

    write("a.jsonl", range(500))
    index(tmp_path / "idx", tmp_path / "docs")
    stamp = graph_stamp(tmp_path / "idx")
    assert stamp.extra["distinct"] == 251
    write("a.jsonl", range(100, 500))
    write("b.jsonl", range(500, 600))
    index(tmp_path / "idx", graph=NEVER, compaction=CompactionPolicy(dead_rows=10**9))
    with Session(tmp_path / "idx") as session:
        vectors = session.snapshot.vectors(np.arange(90, 600, 3))
        truth, _ = session.search.vector_search(vectors, 20, "exact")
        found, plan = session.search.vector_search(vectors, 20, "graph")
    assert plan.kind == "graph"
    for (rows, scores), (_, best) in zip(found, truth, strict=True):
        assert len(set(rows.tolist())) == 20
        np.testing.assert_allclose(scores, best, atol=1e-5)
    assert list(verify(tmp_path / "idx")) == []
    index(tmp_path / "idx")
    assert graph_stamp(tmp_path / "idx").upto == 600
    assert list(verify(tmp_path / "idx")) == []


@pytest.mark.slow
def test_a_graph_below_the_wanted_recall_is_not_searched(some: Path) -> None:
    good = graph_stamp(some)
    files.restamp(some, good, {**good.extra, "recall": 0.776})
    with Session(some) as session:
        answer = Retriever(session, QueryOptions(search="graph")).answer([Query("1", "word1")])
    assert answer.plan.startswith("exact (the graph finds 77.6% of the ten nearest")
    assert ["--search graph: the graph finds 77.6%" in w for w in answer.warnings] == [True]
    assert _covered("graph", describe(some)["derived"]["graph"]).endswith(
        ", not searched: it finds 77.6% of the ten nearest"
    )
    (finding,) = verify(some)
    assert "measured to find 77.6%" in finding.what
    index(some, repair=True)
    assert graph_stamp(some).extra == good.extra
    assert list(verify(some)) == []


@pytest.mark.slow
def test_a_graph_that_finds_too_little_is_built_with_more_links(
    some: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qembed.search import Graph

    monkeypatch.setattr(
        Graph, "measure_ef", lambda g, *_: (800, 0.99) if g.is_dense else (800, 0.9)
    )
    files.discard(some, files.GRAPH)
    index(some)
    extra = graph_stamp(some).extra
    assert (extra["dense"], extra["recall"]) == (True, 0.99)
    monkeypatch.setattr(Graph, "measure_ef", lambda g, *_: (800, 0.9))
    files.discard(some, files.GRAPH)
    index(some)
    assert graph_stamp(some).extra["recall"] == 0.9
    assert list(verify(some)) == [], "nothing mends it, and it is not searched"
    # of millions of rows it would take hours: it is asked for
    monkeypatch.setattr("qembed.search.dense.hnsw.WIDE_ROWS", 100)
    monkeypatch.setattr(
        Graph, "measure_ef", lambda g, *_: (3200, 0.99) if g.is_dense else (3200, 0.949)
    )
    files.discard(some, files.GRAPH)
    told: list[str] = []
    build(some, IndexOptions(), Progress(say=told.append))
    advice = "search is exact (qembed index --repair builds one with more links, which takes hours)"
    assert told == [f"the graph finds 94.9% of the ten nearest: {advice}"]
    assert graph_stamp(some).extra["dense"] is False
    (finding,) = verify(some)
    assert "--repair" in finding.mend
    index(some, repair=True)
    assert (graph_stamp(some).extra["dense"], list(verify(some))) == (True, [])


@pytest.mark.slow
def test_a_graph_of_an_older_format_is_made_anew(some: Path) -> None:
    path = some / "derived/graph.json"
    body = json.loads(path.read_text())
    old = some / body["file"]
    path.write_text(json.dumps({**body, "version": 1}))
    assert files.current(some, manifests.read(some), files.GRAPH) is None
    with Session(some) as session:
        assert session.search.plan(1, "graph").kind == "exact"
    index(some)
    assert graph_stamp(some).version == files.VERSIONS[files.GRAPH]
    assert list(verify(some)) == []
    assert old.name in {p.name for p in (some / "derived").iterdir()}
    fill(some.parent / "docs", 200, seed=1)
    index(some)
    names = {p.name for p in (some / "derived").glob("graph*")}
    assert len(names) == 3, "the graph, its groups and their stamp"
