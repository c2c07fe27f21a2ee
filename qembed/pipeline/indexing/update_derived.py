"""Brings what is derived up to date: the vector matrix always, the graph when it lags enough to matter."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qembed.pipeline.lexical_index import extend_lexical, lexical_damage
from qembed.pipeline.progress import Progress
from qembed.search import Exact, Graph, merge
from qembed.search.dense.hnsw import EF_CONSTRUCTION, EF_LADDER, TARGET_RECALL, M
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store.durable_files import storage_errors
from qembed.vectors import normalize

if TYPE_CHECKING:
    from qembed.types import Rows, Scores, Vectors

SMALL_GRAPH_ROWS = 50_000
"""Up to so many rows the graph follows every commit: saving it again takes a fraction of a second."""
LAG = 0.05
"""Beyond, it may lag by this share: the tail is searched exactly, and a commit stays a small write."""
RECALL_SAMPLES = (200, 1000)
"""Queries made up of stored vectors to choose the breadth of a graph's search, at least and at most: a tenth
of the rows in between. Small graphs find all in any breadth."""
ASIDE = 0.3
"""How far a made-up query lies from a stored vector on the way to another.

A stored vector itself is found too easily. `tests.bench.scale` holds the chosen breadth against real queries.
"""
GROWN = 1.25
"""The breadth is chosen again once there are so many times the rows it was chosen for."""


def derive(snapshot: Snapshot, progress: Progress | None = None, *, mend: bool = False) -> None:
    """Extends the matrix and, if it is due, the graph. Run after the commit, which does not wait for it.

    `mend`: measures the graph as it is; chooses its breadth again, and builds it anew if that is not enough.
    """
    progress = progress or Progress()
    with storage_errors(snapshot.root):
        files.extend_matrix(snapshot)
        if mend and lexical_damage(snapshot.root, snapshot.manifest):
            files.discard(snapshot.root, files.LEXICAL)
            progress.say("the lexical index was damaged: it is made anew")
        extend_lexical(snapshot, progress)
        if graph_is_due(snapshot):
            extend_graph(snapshot, progress)
        elif mend:
            _mend(snapshot, progress)


def graph_is_due(snapshot: Snapshot) -> bool:
    """Whether the graph misses enough rows to be extended."""
    manifest = snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(snapshot.root, manifest, files.GRAPH)
    covered = 0 if stamp is None else stamp.upto - stamp.base
    return rows > covered and (covered <= SMALL_GRAPH_ROWS or rows - covered > LAG * covered)


def extend_graph(snapshot: Snapshot, progress: Progress) -> None:
    """Adds the rows that the graph misses and publishes it under a new name."""
    root, manifest = snapshot.root, snapshot.manifest
    dim = manifest.recipe.dim
    rows = manifest.next_row - manifest.base
    stamp = files.current(root, manifest, files.GRAPH)
    graph, upto = Graph.empty(dim, rows), manifest.base
    extra: Mapping[str, Any] = {}
    if stamp is not None and files.is_whole(root, stamp):
        with contextlib.suppress(
            RuntimeError
        ):  # whole, and hnswlib cannot read it: another version's
            graph, upto = Graph.load(root / stamp.file, dim, rows), stamp.upto
            extra = stamp.extra
    if manifest.next_row - upto > SMALL_GRAPH_ROWS:
        progress.say(f"building the graph over {manifest.next_row - upto:,} passages")
    for first, vectors in _vectors(snapshot, upto):
        if progress.stop():
            return  # the old graph stands; search adds the tail exactly
        graph.add(first, vectors)
    if rows > GROWN * extra.get("measured", 0):
        extra = _measured(snapshot, graph, manifest.next_row)
    path = files.new_path(root, manifest, files.GRAPH)
    partial = path.with_suffix(".tmp")
    graph.save(partial)
    os.replace(partial, path)  # noqa: PTH105 - as everywhere in the store
    files.seal(root, manifest, files.GRAPH, path, manifest.next_row, extra)
    if stamp is not None and stamp.file != str(path.relative_to(root)):
        with contextlib.suppress(OSError):
            (root / stamp.file).unlink()


def _vectors(snapshot: Snapshot, start: int) -> Iterator[tuple[int, Vectors]]:
    """(first row, vectors) from row `start` on: from the matrix if it goes to the end."""
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.MATRIX)
    if stamp is not None and stamp.upto == manifest.next_row:
        return files.matrix_batches(root, manifest, start)
    return snapshot.vector_batches(start)


def _measured(snapshot: Snapshot, graph: Graph, upto: int) -> Mapping[str, Any]:
    """What a graph's stamp says beside its rows: how broadly to search it for the wanted recall@10."""
    ef, recall = graph.measure_ef(*synthetic_queries(snapshot, upto))
    return {
        "M": M,
        "ef_construction": EF_CONSTRUCTION,
        "ef": ef,
        "recall": round(recall, 4),
        "measured": upto - snapshot.manifest.base,
    }


def synthetic_queries(
    snapshot: Snapshot, upto: int, k: int = 10, sample: int | None = None
) -> tuple[Vectors, list[tuple[Rows, Scores]]]:
    """Queries near rows of [base, upto), and for each the k rows nearest to it by exact search.

    One pass over the vectors, some megabytes at a time. Dead rows count: the graph has them too.
    """
    import numpy as np

    base, rng = snapshot.manifest.base, np.random.default_rng(0)
    if sample is None:
        sample = min(max(RECALL_SAMPLES[0], (upto - base) // 10), RECALL_SAMPLES[1])
    rows = rng.choice(upto - base, min(sample, upto - base), replace=False, shuffle=False)
    rows = np.sort(rows).astype(np.int64) + base
    vectors = np.concatenate(
        [
            block[rows[(rows >= first) & (rows < first + len(block))] - first]
            for first, block in _vectors(snapshot, base)
        ]
    )
    queries = normalize((1 - ASIDE) * vectors + ASIDE * rng.permutation(vectors))
    best = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    for first, vectors in _vectors(snapshot, base):
        part = Exact([(first, vectors[: max(0, upto - first)])])
        found = part.search(queries, k)
        best = [merge([a, b], k) for a, b in zip(best, found, strict=True)]
    return queries, best


def _mend(snapshot: Snapshot, progress: Progress) -> None:
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.GRAPH)
    if stamp is None:
        return
    graph = Graph.load(root / stamp.file, manifest.recipe.dim)
    extra = _measured(snapshot, graph, stamp.upto)
    if extra["ef"] == EF_LADDER[-1] and extra["recall"] < TARGET_RECALL:
        files.discard(root, files.GRAPH)
        progress.say("the graph finds too little: building it anew")
        extend_graph(snapshot, progress)
    elif extra["ef"] != stamp.extra.get("ef"):
        files.restamp(root, stamp, extra)
        progress.say(f"the graph's breadth is {extra['ef']} now (recall@10 {extra['recall']:.3f})")
