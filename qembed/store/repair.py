"""Repair: drops what is damaged from the present generation, so that a refresh can restore it.

Documents with passages in a damaged shard are dropped, and their files are read again. If the documents file
is damaged all files are read again; passages find their vectors by their text, so that nothing is encoded.
"""

from __future__ import annotations

from dataclasses import replace

from qembed.errors import IndexDamaged, listed
from qembed.store import derived_files
from qembed.store.catalog import Catalog
from qembed.store.compaction import compact
from qembed.store.integrity import check_derived, damaged
from qembed.store.snapshot import Snapshot
from qembed.store.writer import Writer


def repair(writer: Writer) -> list[str]:
    """Drop damaged files and documents from the present generation. Returns a message for each repair.

    Raises IndexDamaged if both the documents file and shards are damaged.
    """
    manifest, root = writer.manifest, writer.root
    if manifest is None or manifest.documents is None:
        return []
    documents, lost = damaged(root, manifest)
    messages = []
    if documents and lost:
        raise IndexDamaged(
            f"{root}: the documents file and {len(lost)} shards are damaged: nothing can be told apart "
            f"(restore a backup, or remove {root} and run qembed index PATH again)"
        )
    if documents:
        messages.append("the documents file was damaged: all sources are read again")
        writer.commit(Catalog(), counts={"documents": 0, "passages": 0}, failed=())
    elif lost:
        messages.append(_drop_documents(writer, lost))
    with Snapshot.of(root, writer.manifest) as snapshot:  # type: ignore[arg-type]
        for finding in check_derived(snapshot):
            derived_files.discard(root, finding.kind)
            messages.append(f"made anew: {finding.what}")
    return messages


def _drop_documents(writer: Writer, lost: set[int]) -> str:
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
        kept = catalog.drop_damaged(touched)
        _, kept_rows = kept.pointers()
        compact(writer, snapshot, kept, lost)
    counts = {"documents": len(kept), "passages": int(kept_rows.sum())}
    writer.note(counts=counts)
    names = [catalog.ids()[i] for i in np.flatnonzero(touched).tolist()]
    if not names:
        return "damaged shards held nothing that is still in the index, and are gone"
    were = "document was" if len(names) == 1 else "documents were"
    read = "is" if len(names) == 1 else "are"
    return f"{len(names):,} {were} in damaged shards and {read} read again: {listed(names)}"
