"""The graph of a new index is made beside the run, and is the same graph as one made after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import StorageError
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived.graph_ahead import GraphAhead
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, GraphPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.search import Graph
from qembed.store import Snapshot
from qembed.store import manifest as manifests
from qembed.store.manifest import Manifest
from tests.pipeline.conftest import BAG, index
from tests.pipeline.indexing.conftest import fill, graph_stamp

pytestmark = pytest.mark.slow

SOON = {
    "batches": BatchPolicy(min_passages=200, max_passages=200),
    "commits": CommitPolicy(rows=400),
    "graph": GraphPolicy(ahead_rows=300, ahead_pace=0.0),
}
"""Commits after a few rows, of which a graph is begun."""


class Watched(Progress):
    """Progress that remembers what was said. `at_phase`: called with the name of each phase."""

    def __init__(self, at_phase: Callable[[str], None] = lambda _: None) -> None:
        self.said: list[str] = []
        self.at_phase = at_phase
        self.is_stopped = False

    def say(self, line: str) -> None:
        self.said.append(line)

    def phase(self, name: str, unit: str, total: int | None) -> None:
        self.at_phase(name)

    def stop(self) -> bool:
        return self.is_stopped


def run(root: Path, docs: Path, progress: Progress) -> None:
    build(root, IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=BAG), **SOON), progress)  # type: ignore[arg-type]


@contextmanager
def saved_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """What `GraphAhead.save` returned, a call each."""
    found: list[bool] = []
    save = GraphAhead.save

    def noted(self: GraphAhead, manifest: Manifest, path: Path, progress: Progress) -> bool:
        found.append(save(self, manifest, path, progress))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr(GraphAhead, "save", noted)
        yield found


def processes() -> set[int]:
    """Ids of the graph processes that this one has started and that live."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {
        int(child)
        for child in children
        if b"graph_process" in Path(f"/proc/{child}/cmdline").read_bytes()
    }


def _lives(process: int) -> bool:
    """True for a process that is there, and is no zombie."""
    stat = Path(f"/proc/{process}/stat")
    with suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def neighbours(root: Path, search: str) -> list[list[int]]:
    """The ten rows nearest to 50 stored vectors."""
    with Session(root) as session:
        vectors = session.snapshot.vectors(np.arange(0, 2000, 40))
        hits, plan = session.search.vector_search(vectors, 10, search)
        assert plan.kind == search
    return [sorted(rows.tolist()) for rows, _ in hits]


@pytest.mark.parametrize("library", ["hnswlib", "usearch"])
def test_the_graph_is_made_beside_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    most = 200_000 if library == "hnswlib" else 1000
    monkeypatch.setattr("qembed.search.dense.graphs.library.MAPPED_ROWS", most)
    fill(tmp_path / "docs", 2000)
    with saved_ahead(monkeypatch) as saved:
        index(tmp_path / "idx", tmp_path / "docs", **SOON)
    assert saved == [True]
    stamp = graph_stamp(tmp_path / "idx")
    assert (stamp.upto, stamp.extra["library"]) == (2000, library)
    exact, graph = (neighbours(tmp_path / "idx", s) for s in ("exact", "graph"))
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(exact, graph, strict=True)]
    assert np.mean(shared) >= 0.97
    assert not list(verify(tmp_path / "idx"))
    assert not processes()
    assert sorted(p.name for p in (tmp_path / "idx/derived").glob("graph*")) == sorted(
        ["graph.json", Path(stamp.file).name, f"{Path(stamp.file).name}.groups"]
    )


def test_it_is_the_graph_that_is_made_after_the_run(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread adds the same rows in the same order: the files differ in the room that was foreseen."""
    with saved_ahead(monkeypatch) as saved:
        index(tmp_path / "idx", made / "docs", **SOON)
    assert saved == [True]
    roots = tmp_path / "idx", made / "idx"
    ours, theirs = map(graph_stamp, roots)
    assert ours.extra == theirs.extra
    a, b = (np.fromfile(root / graph_stamp(root).file, "u1") for root in roots)
    assert set(np.flatnonzero(a != b).tolist()) <= set(range(8, 16))


def test_copies_of_a_text_lead_to_one_row_across_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "docs", 900, seed=1)
    first = (tmp_path / "docs/r1.jsonl").read_text()
    (tmp_path / "docs/r2.jsonl").write_text(first.replace('"_id": "1-', '"_id": "2-'))
    with saved_ahead(monkeypatch) as saved:
        index(tmp_path / "idx", tmp_path / "docs", **SOON)
    assert saved == [True]
    assert graph_stamp(tmp_path / "idx").extra["distinct"] == 900
    with Session(tmp_path / "idx") as session:
        vector = session.snapshot.vectors(np.array([7]))
        hits, _ = session.search.vector_search(vector, 2, "graph")
    assert set(hits[0][0].tolist()) == {7, 907}


def test_a_rebuild_has_its_graph_made_beside_it(
    some: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with saved_ahead(monkeypatch) as saved:
        index(some, rebuild=True, confirm=lambda _: True, **SOON)
    assert saved == [True]
    assert graph_stamp(some).upto == manifests.read(some).next_row
    assert not list(verify(some))


def test_it_is_begun_only_where_it_pays(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(root: Path, *paths: Path, **policy: float) -> bool:
        started: list[object] = []
        with monkeypatch.context() as patch:
            patch.setattr(GraphAhead, "_start", lambda *args: started.append(args))
            graph = SOON["graph"]._replace(**policy)  # type: ignore[attr-defined]
            index(root, *paths, **{**SOON, "graph": graph})
        return bool(started)

    fill(tmp_path / "new", 700)
    assert begun(tmp_path / "a", tmp_path / "new")
    assert not begun(tmp_path / "b", tmp_path / "new", ahead_rows=701)
    assert not begun(tmp_path / "c", tmp_path / "new", ahead_pace=1e9)
    fill(some.parent / "docs", 700, seed=1)
    assert not begun(some), "it has a graph, which is extended"


@pytest.mark.parametrize("when", ["first commit", "graph"])
def test_a_process_that_dies_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def kill(phase: str) -> None:
        if phase == "graph":
            for process in processes():
                os.kill(process, signal.SIGKILL)

    if when == "first commit":
        start = GraphAhead._start

        def killed(self: GraphAhead, *args: object) -> None:
            start(self, *args)  # type: ignore[arg-type]
            for process in processes():
                os.kill(process, signal.SIGKILL)

        monkeypatch.setattr(GraphAhead, "_start", killed)
    progress = Watched(kill)
    fill(tmp_path / "docs", 1000)
    with saved_ahead(monkeypatch) as saved:
        run(tmp_path / "idx", tmp_path / "docs", progress)
    assert saved == [False]
    assert [s for s in progress.said if "once more" in s] == [
        "the graph is made once more: the process that made it has ended"
    ]
    assert graph_stamp(tmp_path / "idx").upto == 1000
    assert not list(verify(tmp_path / "idx"))


def test_an_error_of_the_process_is_told_and_the_graph_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = GraphAhead.save

    def elsewhere(self: GraphAhead, manifest: Manifest, path: Path, progress: Progress) -> bool:
        return save(self, manifest, path.parent / "nowhere/graph", progress)

    monkeypatch.setattr(GraphAhead, "save", elsewhere)
    progress = Watched()
    fill(tmp_path / "docs", 1000)
    run(tmp_path / "idx", tmp_path / "docs", progress)
    (line,) = (s for s in progress.said if "once more" in s)
    assert line.startswith("the graph is made once more: ")
    assert "nowhere" in line
    assert graph_stamp(tmp_path / "idx").upto == 1000


def test_a_run_that_is_stopped_leaves_no_process_and_no_graph(tmp_path: Path) -> None:
    def stop(phase: str) -> None:
        progress.is_stopped |= phase == "graph"

    progress = Watched(stop)
    fill(tmp_path / "docs", 1000)
    run(tmp_path / "idx", tmp_path / "docs", progress)
    assert not processes()
    assert not list((tmp_path / "idx/derived").glob("graph*"))
    assert not [s for s in progress.said if "once more" in s]
    index(tmp_path / "idx")
    assert graph_stamp(tmp_path / "idx").upto == 1000


def test_a_run_that_fails_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space")

    fill(tmp_path / "docs", 1000)
    monkeypatch.setattr("qembed.pipeline.indexing.build.maintain", full)
    with pytest.raises(StorageError, match="no space"):
        index(tmp_path / "idx", tmp_path / "docs", **SOON)
    assert not processes()


def test_a_graph_of_other_rows_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction gives the rows new numbers while the process has those from before."""
    fill(tmp_path / "docs", 1000)

    def rewrite(writer: object, snapshot: Snapshot, _: object) -> None:
        for first, vectors in snapshot.vector_batches(snapshot.manifest.base):
            rows = np.arange(first, first + len(vectors))
            hashes = [bytes(h) for h in snapshot.text_hashes(first)[: len(rows)]]
            writer.append(snapshot.passages(rows), hashes, vectors)  # type: ignore[attr-defined]
        pointers, _ = snapshot.catalog.pointers()
        moved = snapshot.catalog.with_rows(pointers + snapshot.manifest.next_row)
        writer.commit_rewritten(moved)  # type: ignore[attr-defined]

    monkeypatch.setattr("qembed.pipeline.indexing.build.maintain", rewrite)
    with saved_ahead(monkeypatch) as saved:
        index(tmp_path / "idx", tmp_path / "docs", **SOON)
    assert saved == [False]
    stamp = graph_stamp(tmp_path / "idx")
    assert (stamp.base, stamp.upto) == (1000, 2000)
    assert not list(verify(tmp_path / "idx"))


def test_the_process_ends_with_the_run_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', "
        "'qembed.pipeline.indexing.derived.graph_process'], stdin=subprocess.PIPE); "
        "print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(child)


def test_the_measured_breadth_is_that_of_the_stored_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that finds too little is made anew with more links, by the run itself."""
    fill(tmp_path / "docs", 1000)
    measure = Graph.measure_ef

    def poor(self: Graph, *args: object) -> tuple[int, float]:
        return (800, 0.5) if not self.is_dense else measure(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Graph, "measure_ef", poor)
    with saved_ahead(monkeypatch) as saved:
        index(tmp_path / "idx", tmp_path / "docs", **SOON)
    assert saved == [True]
    assert graph_stamp(tmp_path / "idx").extra["dense"] is True
    assert not list(verify(tmp_path / "idx"))
