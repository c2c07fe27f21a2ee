"""Update of the derived files after a commit: vectors, codes, background, profile, words, HNSW graph."""

from __future__ import annotations

import contextlib
import time
from collections import Counter

from qembed.paths import THUMBNAILS
from qembed.pipeline.background import update_background
from qembed.pipeline.indexing.derived.graph import extend_graph, graph_is_due, repair_graph
from qembed.pipeline.indexing.derived.graph_ahead import GraphAhead
from qembed.pipeline.indexing.options import GraphPolicy
from qembed.pipeline.lexical_index import extend_lexical, lexical_damage
from qembed.pipeline.progress import Progress
from qembed.pipeline.text_profile.profile_file import Tokenizer, update_profile
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store.damage.noticed import note_derived, notice_derived, words_have_changed
from qembed.store.durable_files import storage_errors
from qembed.store.vector_files.stored_vectors import update_vector_files

INCOMPLETE = "all documents are indexed, but word index, matrix or graph are behind"
"""State of an index whose derived files could not be written."""


def update_derived(
    snapshot: Snapshot,
    progress: Progress | None = None,
    policy: GraphPolicy | None = None,
    *,
    repair: bool = False,
    tokenizer: Tokenizer | None = None,
    ahead: GraphAhead | None = None,
) -> None:
    """Extend the vectors' files, the word index and, if due, background, profile and graph to the generation.

    Runs after the commit, which does not depend on it. `repair`: check the lexical index and measure the
    graph; rebuild what is damaged or finds too little. `tokenizer`: of the model; None: the profile counts
    nothing new. `ahead`: what was made of the graph during the run. Raises StorageError.
    """
    progress = progress or Progress()
    with storage_errors(snapshot.root, INCOMPLETE):
        unchecked: set[str] = set()
        for finding in notice_derived(snapshot, unchecked):
            files.discard(snapshot.root, finding.kind)
            progress.say(f"made anew: {finding.what}")
        update_vector_files(snapshot)
        update_background(snapshot)
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
            extend_graph(snapshot, progress, ahead)
        elif repair:
            repair_graph(snapshot, progress)
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
