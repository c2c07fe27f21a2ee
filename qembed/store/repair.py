"""Repair: drops what is damaged from the present generation, so that a refresh can restore it.

Documents with passages in a damaged shard are dropped, and their files are read again. If the documents file
is damaged all files are read again; passages find their vectors by their text, so that nothing is encoded.
Records that came without a file cannot be read again: somebody confirms their loss first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from qembed.errors import IndexDamaged, listed
from qembed.store import derived_files
from qembed.store.catalog import Catalog
from qembed.store.compaction import compact
from qembed.store.integrity import check_derived, damaged
from qembed.store.manifest import MANIFEST, Manifest
from qembed.store.snapshot import Snapshot
from qembed.store.writer import Writer


class RepairPlan(NamedTuple):
    """Plan of a repair: what it drops.

    `files`: names of the damaged files, and of derived ones. `documents`: the documents file is one of them;
    `shards`: first rows of the shards that are. `dropped`: ids of documents with passages in these; `gone`:
    number of records among them that came without a file, None for an unknown number. `kept`: the other
    documents. `messages`: one for each repair.
    """

    files: tuple[str, ...] = ()
    documents: bool = False
    shards: frozenset[int] = frozenset()
    dropped: tuple[str, ...] = ()
    gone: int | None = 0
    kept: Catalog | None = None
    messages: tuple[str, ...] = ()

    def open(self, root: Path, manifest: Manifest) -> Snapshot:
        """Open the generation without what is dropped."""
        if self.kept is None:
            return Snapshot.open(root)
        if self.documents:
            assert manifest.documents is not None
            # it may be missing; nothing is read of it
            manifest = replace(manifest, documents=replace(manifest.documents, name=MANIFEST))
        shards = tuple(s for s in manifest.shards if s.first not in self.shards)
        snapshot = Snapshot.of(root, replace(manifest, shards=shards))
        snapshot.catalog = self.kept
        return snapshot


def plan_repair(root: Path, manifest: Manifest | None, no_file: str) -> RepairPlan:
    """Plan a repair; changes nothing. `no_file`: source of records that came without a file.

    Raises IndexDamaged if documents file and shards are damaged.
    """
    if manifest is None or manifest.documents is None:
        return RepairPlan()
    documents, lost = damaged(root, manifest)
    if documents and lost:
        raise IndexDamaged(
            f"{root}: the documents file and {len(lost)} shards are damaged: nothing can be told apart "
            f"(restore a backup, or remove {root} and run qembed index PATH again)"
        )
    if documents:
        has_records = any(source.path == no_file for source in manifest.sources)
        return RepairPlan(
            (manifest.documents.name,),
            documents=True,
            gone=None if has_records else 0,
            kept=Catalog(),
            messages=("the documents file was damaged: all sources are read again",),
        )
    if lost:
        return _plan_drop(root, manifest, lost, no_file)
    with Snapshot.of(root, manifest) as snapshot:
        found = list(check_derived(snapshot, note=False))
    return RepairPlan(
        tuple(f"{derived_files.FOLDER}/{f.kind}" for f in found),
        messages=tuple(f"made anew: {f.what}" for f in found),
    )


def _plan_drop(root: Path, manifest: Manifest, lost: set[int], no_file: str) -> RepairPlan:
    """Plan to drop the documents with passages in lost shards."""
    import numpy as np

    bad = [s for s in manifest.shards if s.first in lost]
    whole = tuple(s for s in manifest.shards if s.first not in lost)
    with Snapshot.of(root, replace(manifest, shards=whole)) as snapshot:
        catalog = snapshot.catalog
        first, rows = catalog.pointers()
        touched = np.zeros(len(catalog), dtype=bool)
        for s in bad:
            touched |= (first < s.first + s.rows) & (first + rows > s.first) & (rows > 0)
        at = np.flatnonzero(touched).tolist()
        sources, ids = catalog.columns("source")["source"], catalog.ids()
        gone = sum(sources[i] == no_file for i in at)
        names = tuple(ids[i] for i in at)
        return RepairPlan(
            tuple(s.file.name for s in bad),
            shards=frozenset(lost),
            dropped=names,
            gone=gone,
            kept=catalog.drop_damaged(touched),
            messages=(_drop_message(names, gone),),
        )


def _drop_message(names: tuple[str, ...], gone: int) -> str:
    """Message on dropped documents, of which `gone` had no file."""
    if not names:
        return "damaged shards held nothing that is still in the index, and are gone"
    were = "document was" if len(names) == 1 else "documents were"
    if not gone:
        then = " and is read again" if len(names) == 1 else " and are read again"
    elif gone < len(names):
        then = f", {len(names) - gone:,} of them are read again, {gone:,} are lost"
    else:
        then = " and is lost" if gone == 1 else " and are lost"
    return f"{len(names):,} {were} in damaged shards{then}: {listed(names)}"


def repair(
    writer: Writer, no_file: str, confirm_loss: Callable[[int | None], None]
) -> tuple[list[str], int]:
    """Drop damaged files and documents from the present generation.

    `no_file`: source of records that came without a file. `confirm_loss(number)`: raises if so many of them
    may not go, None for an unknown number; then nothing has changed. Returns a message for each repair, and
    the number of records that are gone. Raises IndexDamaged if documents file and shards are damaged.
    """
    manifest, root = writer.manifest, writer.root
    plan = plan_repair(root, manifest, no_file)
    if manifest is None or manifest.documents is None:
        return [], 0
    if plan.gone != 0:
        confirm_loss(plan.gone)
    messages = list(plan.messages)
    if plan.documents:
        writer.commit(Catalog(), counts={"documents": 0, "passages": 0}, failed=())
    elif plan.kept is not None:
        with plan.open(root, manifest) as snapshot:
            compact(writer, snapshot, plan.kept, plan.shards)
        writer.note(counts=plan.kept.counts())
    with Snapshot.of(root, writer.manifest) as snapshot:  # type: ignore[arg-type]
        for finding in check_derived(snapshot):
            derived_files.discard(root, finding.kind)
            if (line := f"made anew: {finding.what}") not in messages:
                messages.append(line)
    return messages, plan.gone or 0
