"""Update of the derived files after a commit: vectors, codes, background, profile, words, HNSW graph."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qembed.paths import THUMBNAILS
from qembed.pipeline.background import update_background
from qembed.pipeline.indexing.options import GraphPolicy
from qembed.pipeline.lexical_index import extend_lexical, lexical_damage
from qembed.pipeline.progress import Progress
from qembed.pipeline.text_profile.profile_file import Tokenizer, update_profile
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store.damage.noticed import note_derived, notice_derived, words_have_changed
from qembed.store.durable_files import rename_file, storage_errors
from qembed.store.vector_files.stored_vectors import (
    fetch_vectors,
    update_vector_files,
    vector_batches,
)

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
INCOMPLETE = "all documents are indexed, but word index, matrix or graph are behind"
"""State of an index whose derived files could not be written."""
LONG_BUILD_ROWS = 50_000
"""Rows added to a graph from which on the user is told, as it takes a while."""
GROWTH = 1.25
"""A graph is measured again once it has so many times the rows it had at the last measurement."""


def update_derived(
    snapshot: Snapshot,
    progress: Progress | None = None,
    policy: GraphPolicy | None = None,
    *,
    repair: bool = False,
    tokenizer: Tokenizer | None = None,
) -> None:
    """Extend the vectors' files, the word index and, if due, background, profile and graph to the generation.

    Runs after the commit, which does not depend on it. `repair`: check the lexical index and measure the
    graph; rebuild what is damaged or finds too little. `tokenizer`: of the model; None: the profile stays as
    it is. Raises StorageError.
    """
    progress = progress or Progress()
    with storage_errors(snapshot.root, INCOMPLETE):
        unchecked: set[str] = set()
        for finding in notice_derived(snapshot, unchecked):
            files.discard(snapshot.root, finding.kind)
            progress.say(f"made anew: {finding.what}")
        update_vector_files(snapshot)
        update_background(snapshot)
        if tokenizer is not None:
            update_profile(snapshot, tokenizer, time.process_time())
        to_check = repair or words_have_changed(snapshot.root, snapshot.manifest)
        if to_check and lexical_damage(snapshot.root, snapshot.manifest):
            files.discard(snapshot.root, files.LEXICAL)
            progress.say("the lexical index was damaged: it is made anew")
        extend_lexical(snapshot, progress)
        stamp = files.current(snapshot.root, snapshot.manifest, files.GRAPH)
        is_small = stamp is not None and stamp.bytes <= files.CHECKED_BYTES
        if stamp is not None and is_small and not files.is_whole(snapshot.root, stamp):
            files.mark_damaged(snapshot.root, stamp)
            progress.say("the graph was damaged: it is made anew")
        if graph_is_due(snapshot, policy or GraphPolicy()):
            extend_graph(snapshot, progress)
        elif repair:
            _repair_graph(snapshot, progress)
        note_derived(snapshot.root, snapshot.manifest, unchecked)
    if snapshot.manifest.recipe.images:
        _sweep_thumbnails(snapshot)


def _sweep_thumbnails(snapshot: Snapshot) -> None:
    """Remove the thumbnails of pictures that the index does not have any more, and of files as they were."""
    folder = snapshot.root / THUMBNAILS
    if not folder.is_dir():
        return
    digests = snapshot.catalog.columns("picture")["picture"]
    files_of = Counter(d.hex() for d in digests if d is not None)
    kept: Counter[tuple[str, ...]] = Counter()
    with contextlib.suppress(OSError):
        for file in sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime_ns, reverse=True):
            digest, *side = file.name.split("-")[:2]
            kept[digest, *side] += 1
            if kept[digest, *side] > files_of[digest]:
                file.unlink()


def graph_is_due(snapshot: Snapshot, policy: GraphPolicy) -> bool:
    """True if the graph lacks enough rows to be extended."""
    manifest = snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(snapshot.root, manifest, files.GRAPH)
    covered = 0 if stamp is None else stamp.upto - stamp.base
    return policy.is_due(rows, covered)


def extend_graph(snapshot: Snapshot, progress: Progress) -> None:
    """Add the rows that the graph lacks and publish it as a new file. Ends without a change when stopped.

    A graph that finds too little for any breadth of search is built again with more links.
    """
    from qembed.search.dense.hnsw import Graph, groups_path
    from qembed.search.dense.planner import TARGET_RECALL

    root, manifest = snapshot.root, snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(root, manifest, files.GRAPH)
    graph, upto, extra = _load_graph(snapshot, stamp, rows)
    if manifest.next_row - upto > LONG_BUILD_ROWS:
        progress.say(f"building the graph over {manifest.next_row - upto:,} passages")
    if not _add_rows(snapshot, graph, upto, progress):
        return  # the old graph stays; search covers its missing rows exactly
    if rows > GROWTH * extra.get("measured", 0):
        extra = _measure(snapshot, graph, manifest.next_row)
        if extra["recall"] < TARGET_RECALL and not graph.is_dense:
            progress.say("the graph finds too little: building it anew with more links")
            graph = Graph.empty(manifest.recipe.dim, fetch_vectors(snapshot), rows, dense=True)
            if not _add_rows(snapshot, graph, manifest.base, progress):
                return
            extra = _measure(snapshot, graph, manifest.next_row)
    path = files.new_path(root, manifest, files.GRAPH)
    partial = path.with_suffix(".tmp")
    try:
        graph.save(partial)
        rename_file(groups_path(partial), groups_path(path))
        rename_file(partial, path)
    except BaseException:
        for left in (partial, groups_path(partial)):
            with contextlib.suppress(OSError):
                left.unlink()
        raise
    files.seal(root, manifest, files.GRAPH, path, manifest.next_row, extra, groups_path(path))
    if stamp is not None and root / stamp.file != path:
        files.remove(root, stamp)


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
    snapshot: Snapshot, stamp: files.Stamp | None, rows: int
) -> tuple[Graph, int, Mapping[str, Any]]:
    """Stored graph, the row up to which it goes, and the extra of its stamp; else an empty graph.

    `rows`: that it will have.
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
    return Graph.empty(dim, fetch, rows), manifest.base, {}


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

    Reads all vectors once, some megabytes at a time. Dead rows count: the graph has them too.
    """
    import numpy as np

    from qembed.search import Exact, merge

    base, rng = snapshot.manifest.base, np.random.default_rng(0)
    if sample is None:
        least, most = RECALL_QUERIES
        sample = min(max(least, (upto - base) // 10), most)
    rows = rng.choice(upto - base, min(sample, upto - base), replace=False, shuffle=False)
    rows = np.sort(rows).astype(np.int64) + base
    vectors = np.concatenate(
        [
            block[rows[(rows >= first) & (rows < first + len(block))] - first]
            for first, block in vector_batches(snapshot, base)
        ]
    )
    queries = (1 - QUERY_OFFSET) * vectors + QUERY_OFFSET * rng.permutation(vectors)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    best = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    for first, vectors in vector_batches(snapshot, base):
        part = Exact([(first, vectors[: max(0, upto - first)])])
        found = part.search(queries, k)
        best = [merge([a, b], k) for a, b in zip(best, found, strict=True)]
    return queries, best


def _repair_graph(snapshot: Snapshot, progress: Progress) -> None:
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
        progress.say("the graph finds too little: building it anew")
        extend_graph(snapshot, progress)
    elif extra != stamp.extra:
        files.restamp(root, stamp, extra)
        progress.say(f"the graph's breadth is {extra['ef']} now (recall@10 {extra['recall']:.3f})")
