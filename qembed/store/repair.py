"""Repair: what of the present generation is damaged, and what a refresh continues in its place.

The files of documents with passages in a damaged shard are read again; until that is done these documents
stay in the catalog, and the shard in the manifest, so that a run that ends early loses none of them. If the
documents file is damaged all files are read again; passages find their vectors by their text, so that nothing
is encoded. Records that came without a file cannot be read again: those in whole shards are found there, and
somebody confirms what of them is lost first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import IndexDamaged, listed
from qembed.store import derived_files
from qembed.store import manifest as manifests
from qembed.store.catalog import Catalog
from qembed.store.compaction import compact
from qembed.store.damage.salvage import (
    FormerDocuments,
    Join,
    former_documents,
    open_shards,
    salvage_records,
)
from qembed.store.integrity import beyond_repair, check_derived, damaged
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot
from qembed.store.writer import Writer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class RepairPlan(NamedTuple):
    """Plan of a repair.

    `files`: names of the damaged files, and of derived ones. `documents`: the documents file is one of them,
    which had `former`; `shards`: numbers of rows of the shards that are, by their first row. `dropped`: ids
    of documents with passages in these; `gone`: number of records among them that came without a file, None
    for an unknown number. `kept`: the other documents, with those of damaged shards whose files are to be
    read again; None: all. `lost_fields`: what of `records` that are kept is lost. `derived`: kinds of damaged
    derived files. `messages`: one for each repair.
    """

    files: tuple[str, ...] = ()
    documents: bool = False
    former: FormerDocuments | None = None
    shards: Mapping[int, int] = {}
    dropped: tuple[str, ...] = ()
    gone: int | None = 0
    kept: Catalog | None = None
    records: int = 0
    lost_fields: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """True if something is lost that nothing can bring back."""
        return self.gone != 0 or (self.records > 0 and bool(self.lost_fields))

    def open(self, root: Path) -> Snapshot:
        """Open the present generation without the damaged files. Raises as `Snapshot.open`."""
        if self.kept is None:
            return Snapshot.open(root)
        rest = manifests.read(root).without_shards(self.shards)
        snapshot = open_shards(root, rest) if self.documents else Snapshot.of(root, rest)
        snapshot.catalog = self.kept
        return snapshot

    def is_damaged(self, catalog: Catalog) -> npt.NDArray[np.bool_]:
        """Mask of the documents of `catalog` with passages in damaged shards, bool (len,)."""
        import numpy as np

        first, rows = catalog.pointers()
        found = np.zeros(len(catalog), dtype=bool)
        for start, n in self.shards.items():
            found |= (first < start + n) & (first + rows > start) & (rows > 0)
        return found


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
        tuple(derived_files.file_name(root, f.kind) for f in found),
        derived=tuple(f.kind for f in found),
        messages=tuple(f"made anew: {f.what}" for f in found),
    )


def _plan_salvage(
    root: Path, manifest: Manifest, name: str, no_file: str, join: Join
) -> RepairPlan:
    """Plan to read all sources again. `name`: of the damaged documents file."""
    message = "the documents file was damaged: all sources are read again"
    former = former_documents(root, manifest, no_file)
    plan = RepairPlan((name,), True, former, kept=Catalog(), messages=(message,))
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

    bad = {s.first: s.rows for s in manifest.shards if s.first in lost}
    plan = RepairPlan(tuple(s.file.name for s in manifest.shards if s.first in lost), shards=bad)
    with Snapshot.of(root, manifest.without_shards(bad)) as snapshot:
        catalog = snapshot.catalog
        touched = plan.is_damaged(catalog)
        at = np.flatnonzero(touched).tolist()
        sources, ids = catalog.columns("source")["source"], catalog.ids()
        has_no_file = np.array([source == no_file for source in sources], dtype=bool)
        names, gone = tuple(ids[i] for i in at), int((touched & has_no_file).sum())
        return plan._replace(
            dropped=names,
            gone=gone,
            kept=catalog.read_again(touched).edit(~(touched & has_no_file), ()),
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
        again = len(names) - gone
        then = f", {again:,} of them {'is' if again == 1 else 'are'} read again"
        then += f", {gone:,} {'is' if gone == 1 else 'are'} lost"
    else:
        then = " and is lost" if gone == 1 else " and are lost"
    return f"{len(names):,} {were} in damaged shards{then}: {listed(names)}"


def finish_repair(writer: Writer, plan: RepairPlan) -> list[str]:
    """Drop the damaged shards and derived files, once no document needs them that can be had otherwise.

    What of the catalog still points into these shards is dropped too. Returns a message for each derived
    file that is found damaged only now.
    """
    if plan.shards:
        with writer.open_present() as snapshot:
            kept = snapshot.catalog.edit(~plan.is_damaged(snapshot.catalog), ())
            compact(writer, snapshot, kept, plan.shards)
        writer.lost = {}
        writer.note(counts=kept.counts())
    for kind in plan.derived:
        derived_files.discard(writer.root, kind)
    if not plan.documents:
        return []
    with writer.open_present() as snapshot:
        found = list(check_derived(snapshot))
    for finding in found:
        derived_files.discard(writer.root, finding.kind)
    return [f"made anew: {finding.what}" for finding in found]
