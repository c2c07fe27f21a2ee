"""The library of an index's graph: hnswlib's, until the index has grown large."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived.graph_ahead import GraphAhead
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, GraphPolicy, IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store import Writer
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from tests.pipeline.conftest import BAG, index
from tests.pipeline.indexing.conftest import fill


def library(root: Path) -> str:
    stamp = files.current(root, manifests.read(root), files.GRAPH)
    assert stamp is not None
    return str(stamp.extra["library"])


def shares_found(root: Path) -> float:
    """Share of the ten nearest that the graph finds, of 20 stored vectors moved a little."""
    rng = np.random.default_rng(0)
    with Session(root) as session:
        rows = np.sort(rng.choice(150, 20, replace=False))
        vectors = session.snapshot.vectors(rows)
        vectors = vectors + rng.normal(size=vectors.shape).astype(np.float32) / 50
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        by_graph, plan = session.search.vector_search(vectors, 10, "graph")
        assert plan.kind == "graph"
        exact, _ = session.search.vector_search(vectors, 10, "exact")
    pairs = zip(by_graph, exact, strict=True)
    return float(np.mean([np.isin(a[0], b[0]).mean() for a, b in pairs]))


@pytest.mark.slow
def test_a_graph_outgrows_hnswlib_once_and_then_stays_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qembed.search.dense.graphs.library.MAPPED_ROWS", 200)
    rng = np.random.default_rng(1)
    docs, root = tmp_path / "docs", tmp_path / "idx"
    docs.mkdir()

    def grow(name: str, n: int) -> None:
        texts = (" ".join(f"word{w}" for w in rng.integers(0, 60, 8)) for _ in range(n))
        lines = (json.dumps({"_id": f"{name}{i}", "text": t}) for i, t in enumerate(texts))
        (docs / f"{name}.jsonl").write_text("\n".join(lines))
        index(root, docs)

    grow("a", 150)
    assert library(root) == "hnswlib"
    grow("b", 200)
    assert library(root) == "hnswlib", "a stored one is extended up to twice the number"
    grow("c", 100)
    assert library(root) == "usearch"
    assert shares_found(root) >= 0.97
    grow("d", 20)
    assert library(root) == "usearch"
    assert shares_found(root) >= 0.97
    assert list(verify(root)) == []


@pytest.mark.slow
def test_more_records_than_foreseen_begin_the_graph_anew_by_the_other_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many come on standard input is not known: hnswlib's graph of a million would fill the memory."""
    monkeypatch.setattr("qembed.search.dense.graphs.library.MAPPED_ROWS", 900)
    begun: list[str] = []
    start = GraphAhead._start

    def noted(self: GraphAhead, writer: Writer, expected: int) -> None:
        start(self, writer, expected)
        begun.append(self.library)

    monkeypatch.setattr(GraphAhead, "_start", noted)
    fill(tmp_path / "docs", 1600)
    options = IndexOptions(
        paths=["-"],
        recipe=RecipeOptions(model=BAG),
        batches=BatchPolicy(min_passages=200, max_passages=200),
        commits=CommitPolicy(rows=400),
        graph=GraphPolicy(ahead_rows=300, ahead_pace=0.0),
    )
    with (tmp_path / "docs/r0.jsonl").open("rb") as records:
        build(tmp_path / "idx", options, stdin=records)
    assert begun == ["hnswlib", "usearch"]
    assert library(tmp_path / "idx") == "usearch"
    assert shares_found(tmp_path / "idx") >= 0.97
