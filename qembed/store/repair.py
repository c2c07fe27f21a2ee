"""Repair: drops what is damaged from the present generation, so that a refresh can restore it.

Documents with passages in a damaged shard are dropped, and their files are read again. If the documents file
is damaged all files are read again; passages find their vectors by their text, so that nothing is encoded.
Records that came without a file cannot be read again: those in whole shards are found there, and somebody
confirms what of them is lost first.
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
from qembed.store.damage.salvage import Join, open_shards, salvage_records
from qembed.store.integrity import beyond_repair, check_derived, damaged
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot
from qembed.store.writer import Writer


class RepairPlan(NamedTuple):
    """Plan of a repair: what it drops.

    `files`: names of the damaged files, and of derived ones. `documents`: the documents file is one of them;
    `shards`: first rows of the shards that are. `dropped`: ids of documents with passages in these; `gone`:
    number of records among them that came without a file, None for an unknown number. `kept`: the other
    documents; `lost_fields`: what of `records` that are kept is lost. `messages`: one for each repair.
    """

    files: tuple[str, ...] = ()
    documents: bool = False
    shards: frozenset[int] = frozenset()
    dropped: tuple[str, ...] = ()
    gone: int | None = 0
    kept: Catalog | None = None
    records: int = 0
    lost_fields: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """True if something is lost that nothing can bring back."""
        return self.gone != 0 or (self.records > 0 and bool(self.lost_fields))

    def open(self, root: Path, manifest: Manifest) -> Snapshot:
        """Open the generation without what is dropped."""
        if self.kept is None:
            return Snapshot.open(root)
        shards = tuple(s for s in manifest.shards if s.first not in self.shards)
        rest = replace(manifest, shards=shards)
        snapshot = open_shards(root, rest) if self.documents else Snapshot.of(root, rest)
        snapshot.catalog = self.kept
        return snapshot


def plan_repair(root: Path, manifest: Manifest | None, no_file: str, join: Join) -> RepairPlan:
    """Plan a repair; changes nothing. `no_file`: source of records without a file; `join`: see Join.

    Raises IndexDamaged if documents file and shards are damaged.
    """
    if manifest is None or manifest.documents is None:
        return RepairPlan()
    documents, lost = damaged(root, manifest)
    if documents and lost:
        raise IndexDamaged(
            f"{root}: the documents file and {len(lost)} shard{'s' * (len(lost) != 1)} are damaged: nothing "
            f"can be told apart ({beyond_repair(root)})"
        )
    if documents:
        return _plan_salvage(root, manifest, manifest.documents.name, no_file, join)
    if lost:
        return _plan_drop(root, manifest, lost, no_file)
    with Snapshot.of(root, manifest) as snapshot:
        found = list(check_derived(snapshot, note=False))
    return RepairPlan(
        tuple(f"{derived_files.FOLDER}/{f.kind}" for f in found),
        messages=tuple(f"made anew: {f.what}" for f in found),
    )


def _plan_salvage(
    root: Path, manifest: Manifest, name: str, no_file: str, join: Join
) -> RepairPlan:
    """Plan to read all sources again. `name`: of the damaged documents file."""
    message = "the documents file was damaged: all sources are read again"
    plan = RepairPlan((name,), documents=True, kept=Catalog(), messages=(message,))
    if all(source.path != no_file for source in manifest.sources):
        return plan
    found = salvage_records(root, manifest, no_file, join)
    if found is None:
        return plan._replace(gone=None)
    n = len(found.catalog)
    message += f", {n:,} record{'s' * (n != 1)} that came without a file kept"
    if found.lost:
        message += f" without {' and '.join(found.lost)}"
    return plan._replace(kept=found.catalog, records=n, lost_fields=found.lost, messages=(message,))


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
    writer: Writer, no_file: str, join: Join, confirm_loss: Callable[[RepairPlan], None]
) -> tuple[list[str], int]:
    """Drop damaged files and documents from the present generation.

    `no_file`, `join`: as for `plan_repair`. `confirm_loss(plan)`: raises if what a plan `loses` may not go;
    then nothing has changed. Returns a message for each repair, and
    the number of records that are gone. Raises IndexDamaged if documents file and shards are damaged.
    """
    manifest, root = writer.manifest, writer.root
    plan = plan_repair(root, manifest, no_file, join)
    if manifest is None or manifest.documents is None:
        return [], 0
    if plan.loses:
        confirm_loss(plan)
    messages = list(plan.messages)
    if plan.documents:
        assert plan.kept is not None
        writer.commit(plan.kept, counts=plan.kept.counts(), failed=())
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
