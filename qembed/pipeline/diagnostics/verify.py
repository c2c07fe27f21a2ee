"""`qembed verify`: checks of checksums, rows, derived files, the graph and the model's vectors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qembed.errors import IndexDamaged, QembedError, RecipeMismatch
from qembed.pipeline.diagnostics.feedback_log import check_feedback
from qembed.pipeline.diagnostics.learned import check_learned
from qembed.pipeline.diagnostics.source_check import check_sources
from qembed.pipeline.indexing.encoding.image_probes import IMAGES, check_image_probes
from qembed.pipeline.lexical_index import lexical_damage
from qembed.pipeline.recipe import check_probes
from qembed.pipeline.retrieval.document_reader import DocumentReader
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.search import recall
from qembed.search.dense.hnsw import EF
from qembed.search.dense.planner import TARGET_RECALL
from qembed.store import Snapshot, derived_files
from qembed.store import integrity as store
from qembed.store import manifest as manifests
from qembed.store.integrity import REBUILD, REFRESH, Finding

RECALL_QUERIES = 200
"""Stored vectors used as queries to measure the graph against exact search."""
MIN_RECALL = 0.95
"""Recall@10 below which the graph is reported: its target, less the error of RECALL_QUERIES samples."""


def unfinished_run(root: Path) -> list[str]:
    """Warning that the last run has not come to its end, empty if it has. Raises NoIndex, IndexDamaged."""
    return unfinished_warnings(root, manifests.read(root))


def verify(root: Path, probe: bool = True) -> Iterator[Finding]:
    """Findings about the index at `root`. Raises NoIndex, and IndexDamaged for the manifest.

    `probe`: load the model and compare its vectors of the probe texts with the stored ones.
    """
    for found in _findings(root, probe):
        yield found if found.paths or not found.documents else _with_paths(root, found)


def _with_paths(root: Path, found: Finding) -> Finding:
    """The finding with the paths of the files that its documents are in; records of no file have none."""
    named = set(found.documents)
    try:
        # the shards may be the damage
        with Snapshot.of(root, replace(manifests.read(root), shards=())) as snapshot:
            columns = snapshot.catalog.columns("id", "source", "file")
            reader = DocumentReader(snapshot)
            rows = zip(columns["id"], columns["source"], columns["file"], strict=True)
            places = {(source, file) for name, source, file in rows if name in named}
            paths = [reader.path_of(source, file) for source, file in sorted(places)]
    except (OSError, IndexDamaged):  # the documents are a finding, too
        return found
    return found._replace(paths=tuple(os.path.normpath(p) for p in paths if p is not None))


def _findings(root: Path, probe: bool) -> Iterator[Finding]:
    manifests.check_is_here(root)
    manifest = manifests.read(root)
    yield from check_feedback(root)
    yield from check_learned(root, manifest)
    broken = list(store.check_files(root, manifest))
    yield from broken
    if broken:
        return  # the other checks read these files
    with Snapshot.open(root) as snapshot:
        yield from store.check_rows(snapshot)
        yield from store.check_derived(snapshot)
        yield from check_sources(snapshot)
    if damage := lexical_damage(root, manifest):
        stamp = derived_files.current(root, manifest, derived_files.LEXICAL)
        if stamp is not None:
            yield store.found_damaged(root, stamp, damage)
    with Session(root) as session:
        yield from check_graph(session)
        if probe:
            try:
                check_probes(session.loaded.model.encoder(), manifest.probes, manifest.recipe)
                if IMAGES in manifest.probes:
                    pictures = session.loaded.image_encoder
                    check_image_probes(pictures, manifest.probes, manifest.recipe)
            except RecipeMismatch as e:
                yield Finding("probe", str(e), REBUILD)
            except QembedError as e:
                moved = f"{REFRESH} --model PATH if it has moved"
                mend = f"bring the model back, or {moved}, or {REBUILD} --model SPEC"
                yield Finding("model", str(e), mend)


def check_graph(session: Session) -> Iterator[Finding]:
    """Finding for a graph with too low a recall@10 on a sample of stored vectors, or by its own stamp.

    A graph with more links that finds too little is none: nothing mends it, and it is not searched.
    """
    stamp = session.search.graph_stamp()
    if stamp is not None and stamp.extra.get("recall", 1.0) < TARGET_RECALL:
        if not stamp.extra.get("dense"):
            found = f"the graph was measured to find {stamp.extra['recall']:.1%} of the ten nearest"
            yield Finding("graph", f"{found}: it is not used, answers are slower", store.REPAIR)
        return
    share = graph_recall(session, 10)
    if share is not None and stamp is not None and share < MIN_RECALL:
        ef = stamp.extra.get("ef", EF)
        yield Finding(
            "graph",
            f"the graph finds {share:.1%} of the ten nearest at ef {ef} (wanted: {MIN_RECALL:.0%})",
            store.REPAIR,
        )


def graph_recall(session: Session, k: int, ef: int | None = None) -> float | None:
    """Recall@k of the graph against exact search; None if there is no graph.

    `ef`: breadth of the search, None for that of queries.
    """
    import numpy as np

    manifest = session.snapshot.manifest
    live = session.snapshot.live
    rows = np.arange(manifest.base, manifest.next_row)
    rows = rows if live is None else rows[live]
    if len(rows) <= k or session.search.plan(1, "graph").kind != "graph":
        return None
    chosen = np.random.default_rng(0).choice(rows, min(RECALL_QUERIES, len(rows)), replace=False)
    queries = session.snapshot.vectors(np.sort(chosen))
    truth, _ = session.search.vector_search(queries, k, "exact")
    found, plan = session.search.vector_search(queries, k, "graph", ef)
    if plan.kind != "graph":
        return None
    return float(np.mean([recall(a, b) for (_, a), (_, b) in zip(found, truth, strict=True)]))
