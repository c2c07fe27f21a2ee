"""Files that only save time: each can be deleted and is made again from the shards.

A derived file is believed if its stamp (`derived/<kind>.json`) names this index and this base row, and
its size fits. It covers the rows [base, upto); what came later is the tail, which search adds exactly.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.store.files import checksum, replace_file, sync_folder, write_all
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot

if TYPE_CHECKING:
    from qembed.types import Vectors

FOLDER = "derived"
MATRIX = "vectors"
GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a derived file covers. `crc` is None where the file is too large to be summed at each use."""

    kind: str
    file: str
    uid: str
    base: int
    upto: int
    bytes: int
    crc: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def current(root: Path, manifest: Manifest, kind: str) -> Stamp | None:
    """The stamp of a derived file that fits this generation, or None. Looks at the size, not the content."""
    try:
        stamp = Stamp(**json.loads((root / FOLDER / f"{kind}.json").read_bytes()))
        size = (root / stamp.file).stat().st_size
    except (OSError, ValueError, TypeError):
        return None
    fits = (
        stamp.uid == manifest.uid
        and stamp.base == manifest.base
        and stamp.upto <= manifest.next_row
        and stamp.kind == kind
        # the matrix grows in place: a reader of an older generation finds it longer than its stamp said
        and (size >= stamp.bytes if kind == MATRIX else size == stamp.bytes)
    )
    return stamp if fits else None


def publish(root: Path, stamp: Stamp) -> None:
    """Makes a finished derived file the current one of its kind."""
    data = json.dumps(asdict(stamp), indent=1, sort_keys=True).encode()
    replace_file(root, f"{FOLDER}/{stamp.kind}.json", data)


def discard(root: Path, kind: str) -> None:
    """Forgets a derived file found damaged; the next writer makes it anew."""
    with contextlib.suppress(OSError):
        (root / FOLDER / f"{kind}.json").unlink()


def new_path(root: Path, manifest: Manifest, kind: str) -> Path:
    """Where the next derived file of this kind is written."""
    (root / FOLDER).mkdir(exist_ok=True)
    return root / FOLDER / f"{kind}-{manifest.uid}-{manifest.base}-{manifest.generation:08d}.bin"


def seal(
    root: Path, manifest: Manifest, kind: str, path: Path, upto: int, extra: Mapping[str, Any]
) -> Stamp:
    """Syncs, sums and publishes a derived file that some library wrote to `path`."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(path.parent)
    size, crc = checksum(path)
    name = str(path.relative_to(root))
    stamp = Stamp(kind, name, manifest.uid, manifest.base, upto, size, crc, extra)
    publish(root, stamp)
    return stamp


def is_whole(root: Path, stamp: Stamp) -> bool:
    """Whether the file's content still has the checksum it was published with."""
    try:
        return stamp.crc is None or checksum(root / stamp.file) == (stamp.bytes, stamp.crc)
    except OSError:
        return False


def open_matrix(root: Path, manifest: Manifest) -> tuple[Vectors, int] | None:
    """The memory-mapped vectors, float32 (rows, dim), of the rows [base, upto), and upto."""
    import numpy as np

    stamp = current(root, manifest, MATRIX)
    rows = 0 if stamp is None else stamp.upto - stamp.base
    if stamp is None or rows == 0:
        return None
    try:
        matrix = np.memmap(
            root / stamp.file, dtype=np.float32, mode="r", shape=(rows, manifest.recipe.dim)
        )
    except (OSError, ValueError):
        return None
    return matrix, stamp.upto


def extend_matrix(snapshot: Snapshot) -> None:
    """Brings the matrix up to the snapshot's generation, appending in place. Writers only."""
    import numpy as np

    root, manifest = snapshot.root, snapshot.manifest
    stamp = current(root, manifest, MATRIX)
    if stamp is not None and stamp.upto == manifest.next_row:
        return
    path = new_path(root, manifest, MATRIX) if stamp is None else root / stamp.file
    upto = manifest.base if stamp is None else stamp.upto
    covered = (upto - manifest.base) * manifest.recipe.dim * 4
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(fd, covered)  # what a killed writer appended beyond its stamp
        size = os.lseek(fd, covered, os.SEEK_SET)
        for _, vectors in snapshot.vector_batches(upto):
            data = memoryview(np.ascontiguousarray(vectors).view(np.uint8).reshape(-1).data)
            write_all(fd, data)
            size += len(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    if stamp is None:
        sync_folder(path.parent)
    name = str(path.relative_to(root))
    publish(root, Stamp(MATRIX, name, manifest.uid, manifest.base, manifest.next_row, size))
