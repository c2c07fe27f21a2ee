"""HNSW graph of an index: extended to the present generation, measured, built anew if it finds too little."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.pipeline.indexing.derived.graph_ahead import GraphAhead
from qembed.pipeline.indexing.options import GraphPolicy
from qembed.pipeline.progress import Progress
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store.durable_files import rename_file
from qembed.store.vector_files.stored_vectors import fetch_vectors, vector_batches

if TYPE_CHECKING:
    from qembed.search import Graph
    from qembed.types import Rows, Scores, Vectors

RECALL_QUERIES = (200, 1000)
"""Fewest and most synthetic queries that measure a graph; in between a tenth of the rows.

Small graphs find all neighbours at any breadth.
"""
QUERY_OFFSET = 0.3
"""Distance of a synthetic query from a stored vector, as a share of the way to another one.

A stored vector itself is found too easily. `tests.bench.scale` compares with real queries.
"""
LONG_BUILD_ROWS = 50_000
"""Rows added to a graph from which on the user is told, as it takes a while."""
GROWTH = 1.25
"""A graph is measured again once it has so many times the rows it had at the last measurement."""


def graph_is_due(snapshot: Snapshot, policy: GraphPolicy) -> bool:
    """True if the graph lacks enough rows to be extended."""
    manifest = snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(snapshot.root, manifest, files.GRAPH)
    covered = 0 if stamp is None else stamp.upto - stamp.base
    return policy.is_due(rows, covered)


def extend_graph(
    snapshot: Snapshot,
    progress: Progress,
    ahead: GraphAhead | None = None,
    *,
    dense: bool = False,
) -> None:
    """Add the rows that the graph lacks and publish it as a new file. Ends without a change when stopped.

    A graph that finds too little for any breadth of search is built again with more links; one of WIDE_ROWS
    only where that is asked for. `ahead`: what was made of a new one. `dense`: a new one has more links.
    """
    from qembed.search.dense.hnsw import WIDE_ROWS, Graph, groups_path
    from qembed.search.dense.planner import TARGET_RECALL

    root, manifest = snapshot.root, snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(root, manifest, files.GRAPH)
    path = files.new_path(root, manifest, files.GRAPH)
    # a process that lost its run may be writing one of the same generation
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        graph = None if stamp is not None else _made_ahead(snapshot, ahead, partial, progress)
        saved = graph
        extra: Mapping[str, Any] = {}
        if graph is None:
            graph, upto, extra = _load_graph(snapshot, stamp, rows, dense)
            if manifest.next_row - upto > LONG_BUILD_ROWS:
                progress.say(f"building the graph over {manifest.next_row - upto:,} passages")
            if not _add_rows(snapshot, graph, upto, progress):
                return  # the old graph stays; search covers its missing rows exactly
        if rows > GROWTH * extra.get("measured", 0):
            extra = _measure(snapshot, graph, manifest.next_row)
            poor = extra["recall"] < TARGET_RECALL and not graph.is_dense
            if poor and rows >= WIDE_ROWS:
                progress.say(
                    f"the graph finds {extra['recall']:.1%} of the ten nearest: search is exact "
                    "(qembed index --repair builds one with more links, which takes hours)"
                )
            elif poor:
                progress.say("the graph finds too little: building it anew with more links")
                graph = Graph.empty(manifest.recipe.dim, fetch_vectors(snapshot), rows, dense=True)
                if not _add_rows(snapshot, graph, manifest.base, progress):
                    return
                extra = _measure(snapshot, graph, manifest.next_row)
        if graph is not saved:
            graph.save(partial)
        rename_file(groups_path(partial), groups_path(path))
        rename_file(partial, path)
    finally:
        for left in (partial, groups_path(partial)):
            with contextlib.suppress(OSError):
                left.unlink()
    files.seal(root, manifest, files.GRAPH, path, manifest.next_row, extra, groups_path(path))
    if stamp is not None and root / stamp.file != path:
        files.remove(root, stamp)


def _made_ahead(
    snapshot: Snapshot, ahead: GraphAhead | None, path: Path, progress: Progress
) -> Graph | None:
    """Graph that was made during the run, saved to `path`; None without one."""
    from qembed.search.dense.hnsw import Graph

    manifest = snapshot.manifest
    if ahead is None:
        return None
    snapshot.release()  # while it waits for the process, which needs the memory
    if not ahead.save(manifest, path, progress):
        return None
    return Graph.load(path, manifest.recipe.dim, fetch_vectors(snapshot), ahead.library)


def _add_rows(snapshot: Snapshot, graph: Graph, start: int, progress: Progress) -> bool:
    """Add the rows from `start` on to a graph. Returns False if it was stopped before the last."""
    progress.phase("graph", "passages", snapshot.manifest.next_row - start)
    for first, vectors in vector_batches(snapshot, start):
        if progress.stop():
            return False
        graph.add(first, vectors)
        progress.advance(len(vectors))
    return True


def _load_graph(
    snapshot: Snapshot, stamp: files.Stamp | None, rows: int, dense: bool
) -> tuple[Graph, int, Mapping[str, Any]]:
    """Stored graph, the row up to which it goes, and the extra of its stamp; else an empty graph.

    `rows`: that it will have. `dense`: an empty one has more links.
    """
    from qembed.search import Graph
    from qembed.search.dense.graphs.library import is_outgrown, stored_library

    root, manifest = snapshot.root, snapshot.manifest
    dim, fetch = manifest.recipe.dim, fetch_vectors(snapshot)
    library = stored_library({} if stamp is None else stamp.extra)
    if stamp is not None and not is_outgrown(library, rows) and files.is_whole(root, stamp):
        with contextlib.suppress(RuntimeError):  # whole, but of another version of the library
            graph = Graph.load(root / stamp.file, dim, fetch, library, rows)
            return graph, stamp.upto, stamp.extra
    return Graph.empty(dim, fetch, rows, dense=dense), manifest.base, {}


def _measure(snapshot: Snapshot, graph: Graph, upto: int) -> Mapping[str, Any]:
    """Extra fields of a graph's stamp: its parameters, and the breadth of search for the target recall@10."""
    ef, recall = graph.measure_ef(*synthetic_queries(snapshot, upto))
    return {
        "library": graph.library,
        "dense": graph.is_dense,
        "distinct": graph.distinct,
        "ef": ef,
        "recall": round(recall, 4),
        "measured": upto - snapshot.manifest.base,
    }


def synthetic_queries(
    snapshot: Snapshot, upto: int, k: int = 10, sample: int | None = None
) -> tuple[Vectors, list[tuple[Rows, Scores]]]:
    """Vectors near rows of [base, upto), and for each the k nearest rows by exact search.

    Reads all vectors, some megabytes at a time. Dead rows count: the graph has them too.
    """
    import numpy as np

    from qembed.search import Exact, merge

    base, rng = snapshot.manifest.base, np.random.default_rng(0)
    if sample is None:
        least, most = RECALL_QUERIES
        sample = min(max(least, (upto - base) // 10), most)
    rows = rng.choice(upto - base, min(sample, upto - base), replace=False, shuffle=False)
    vectors = fetch_vectors(snapshot)(np.sort(rows).astype(np.int64) + base)
    queries = (1 - QUERY_OFFSET) * vectors + QUERY_OFFSET * rng.permutation(vectors)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    best = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    for first, vectors in vector_batches(snapshot, base):
        part = Exact([(first, vectors[: max(0, upto - first)])])
        found = part.search(queries, k)
        best = [merge([a, b], k) for a, b in zip(best, found, strict=True)]
    return queries, best


def repair_graph(snapshot: Snapshot, progress: Progress) -> None:
    """Measure the graph, and rebuild it if no breadth of search reaches the target recall."""
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.GRAPH)
    if stamp is None:
        return
    from qembed.search.dense.graphs.library import stored_library
    from qembed.search.dense.hnsw import Graph
    from qembed.search.dense.planner import TARGET_RECALL

    dim, fetch = manifest.recipe.dim, fetch_vectors(snapshot)
    graph = Graph.load(root / stamp.file, dim, fetch, stored_library(stamp.extra))
    extra = _measure(snapshot, graph, stamp.upto)
    if extra["recall"] < TARGET_RECALL and not graph.is_dense:
        files.discard(root, files.GRAPH)
        progress.say("the graph finds too little: building it anew with more links")
        extend_graph(snapshot, progress, dense=True)
    elif extra != stamp.extra:
        files.restamp(root, stamp, extra)
        progress.say(f"the graph's breadth is {extra['ef']} now (recall@10 {extra['recall']:.3f})")
