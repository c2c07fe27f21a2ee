"""Growth of a derived file with one record for each row: what is there stays, new rows are appended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qembed.store.derived_files import Stamp, current, new_path, publish
from qembed.store.durable_files import append, sync_folder
from qembed.store.snapshot import Snapshot


def extend(
    snapshot: Snapshot, kind: str, size: int, records: Callable[[int], Iterable[memoryview]]
) -> None:
    """Append the records that a file of a growing kind lacks, in place. Raises OSError.

    `size`: of a record in bytes. `records`: the bytes of the rows from a given one on.
    """
    root, manifest = snapshot.root, snapshot.manifest
    stamp = current(root, manifest, kind)
    if stamp is not None and stamp.upto == manifest.next_row:
        return
    path = new_path(root, manifest, kind) if stamp is None else root / stamp.file
    upto = manifest.base if stamp is None else stamp.upto
    if stamp is None:
        path.unlink(missing_ok=True)  # a damaged one of this name, which readers may have mapped
    # bytes after the covered ones were appended by a killed writer
    written = append(path, (upto - manifest.base) * size, records(upto))
    if stamp is None:
        sync_folder(path.parent)
    name = str(path.relative_to(root))
    publish(root, Stamp(kind, name, manifest.uid, manifest.base, manifest.next_row, written))
