"""Brings what is derived up to date: the vector matrix always, the graph when it lags enough to matter."""

from __future__ import annotations

import contextlib
import os

from qembed.pipeline.progress import Progress
from qembed.search import Graph
from qembed.search.graph import EF_CONSTRUCTION, M
from qembed.store import Snapshot
from qembed.store import derived as files
from qembed.store.files import storage_errors

SMALL = 50_000
"""Up to so many rows the graph follows every commit: saving it again takes a fraction of a second."""
LAG = 0.05
"""Beyond, it may lag by this share: the tail is searched exactly, and a commit stays a small write."""


def derive(snapshot: Snapshot, progress: Progress | None = None) -> None:
    """Extends the matrix and, if it is due, the graph. Run after the commit, which does not wait for it."""
    progress = progress or Progress()
    with storage_errors(snapshot.root):
        files.extend_matrix(snapshot)
        if graph_is_due(snapshot):
            extend_graph(snapshot, progress)


def graph_is_due(snapshot: Snapshot) -> bool:
    """Whether the graph misses enough rows to be extended."""
    manifest = snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(snapshot.root, manifest, files.GRAPH)
    covered = 0 if stamp is None else stamp.upto - stamp.base
    return rows > covered and (covered <= SMALL or rows - covered > LAG * covered)


def extend_graph(snapshot: Snapshot, progress: Progress) -> None:
    """Adds the rows that the graph misses and publishes it under a new name."""
    root, manifest = snapshot.root, snapshot.manifest
    dim = manifest.recipe.dim
    rows = manifest.next_row - manifest.base
    stamp = files.current(root, manifest, files.GRAPH)
    graph, upto = Graph.empty(dim, rows), manifest.base
    if stamp is not None and files.is_whole(root, stamp):
        graph, upto = Graph.load(root / stamp.file, dim, rows), stamp.upto
    if manifest.next_row - upto > SMALL:
        progress.say(f"building the graph over {manifest.next_row - upto:,} passages")
    opened = files.open_matrix(root, manifest)
    if opened is not None and opened[1] == manifest.next_row:
        parts = iter([(upto, opened[0][upto - manifest.base :])])
    else:
        parts = snapshot.vector_batches(upto)
    for first, vectors in parts:
        for at in range(0, len(vectors), 10_000):
            if progress.stop():
                return  # the old graph stands; search adds the tail exactly
            graph.add(first + at, vectors[at : at + 10_000])
    path = files.new_path(root, manifest, files.GRAPH)
    partial = path.with_suffix(".tmp")
    graph.save(partial)
    os.replace(partial, path)  # noqa: PTH105 - as everywhere in the store
    extra = {"M": M, "ef_construction": EF_CONSTRUCTION}
    files.seal(root, manifest, files.GRAPH, path, manifest.next_row, extra)
    if stamp is not None and stamp.file != str(path.relative_to(root)):
        with contextlib.suppress(OSError):
            (root / stamp.file).unlink()
