"""Repair: drops what is damaged from the present generation, so that a refresh can restore it.

Documents with passages in a damaged shard are dropped, and their files are read again. If the documents file
is damaged all files are read again; passages find their vectors by their text, so that nothing is encoded.
Records that came without a file cannot be read again: somebody confirms their loss first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qembed.errors import IndexDamaged, listed
from qembed.store import derived_files
from qembed.store.catalog import Catalog
from qembed.store.compaction import compact
from qembed.store.integrity import check_derived, damaged
from qembed.store.snapshot import Snapshot
from qembed.store.writer import Writer


def repair(
    writer: Writer, no_file: str, confirm_loss: Callable[[int | None], None]
) -> tuple[list[str], int]:
    """Drop damaged files and documents from the present generation.

    `no_file`: source of records that came without a file. `confirm_loss(number)`: raises if so many of them
    may not go, None for an unknown number; then nothing has changed. Returns a message for each repair, and
    the number of records that are gone. Raises IndexDamaged if documents file and shards are damaged.
    """
    manifest, root = writer.manifest, writer.root
    if manifest is None or manifest.documents is None:
        return [], 0
    gone = 0
    documents, lost = damaged(root, manifest)
    messages = []
    if documents and lost:
        raise IndexDamaged(
            f"{root}: the documents file and {len(lost)} shards are damaged: nothing can be told apart "
            f"(restore a backup, or remove {root} and run qembed index PATH again)"
        )
    if documents:
        if any(source.path == no_file for source in manifest.sources):
            confirm_loss(None)
        messages.append("the documents file was damaged: all sources are read again")
        writer.commit(Catalog(), counts={"documents": 0, "passages": 0}, failed=())
    elif lost:
        message, gone = _drop_documents(writer, lost, no_file, confirm_loss)
        messages.append(message)
    with Snapshot.of(root, writer.manifest) as snapshot:  # type: ignore[arg-type]
        for finding in check_derived(snapshot):
            derived_files.discard(root, finding.kind)
            messages.append(f"made anew: {finding.what}")
    return messages, gone


def _drop_documents(
    writer: Writer, lost: set[int], no_file: str, confirm_loss: Callable[[int | None], None]
) -> tuple[str, int]:
    """Drop the documents with passages in lost shards. Returns a message, and how many had no file."""
    import numpy as np

    assert writer.manifest is not None
    manifest = writer.manifest
    shards = tuple(s for s in manifest.shards if s.first not in lost)
    with Snapshot.of(writer.root, replace(manifest, shards=shards)) as snapshot:
        catalog = snapshot.catalog
        first, rows = catalog.pointers()
        touched = np.zeros(len(catalog), dtype=bool)
        for s in manifest.shards:
            if s.first in lost:
                inside = (first < s.first + s.rows) & (first + rows > s.first) & (rows > 0)
                touched |= inside
        sources = catalog.columns("source")["source"]
        gone = sum(sources[i] == no_file for i in np.flatnonzero(touched).tolist())
        if gone:
            confirm_loss(gone)
        kept = catalog.drop_damaged(touched)
        _, kept_rows = kept.pointers()
        compact(writer, snapshot, kept, lost)
    counts = {"documents": len(kept), "passages": int(kept_rows.sum())}
    writer.note(counts=counts)
    names = [catalog.ids()[i] for i in np.flatnonzero(touched).tolist()]
    if not names:
        return "damaged shards held nothing that is still in the index, and are gone", 0
    were = "document was" if len(names) == 1 else "documents were"
    if not gone:
        then = " and is read again" if len(names) == 1 else " and are read again"
    elif gone < len(names):
        then = f", {len(names) - gone:,} of them are read again, {gone:,} are lost"
    else:
        then = " and is lost" if gone == 1 else " and are lost"
    return f"{len(names):,} {were} in damaged shards{then}: {listed(names)}", gone
