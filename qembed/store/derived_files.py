"""Files that only save time: each can be deleted and is made again from the shards.

A derived file is believed if its stamp (`derived/<kind>.json`) names this index and this base row, and
its size fits. It covers the rows [base, upto); what came later is the tail, which search adds exactly.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.store.durable_files import checksum, replace_file, sync_folder, write_all
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot

if TYPE_CHECKING:
    from qembed.types import Vectors

FOLDER = "derived"
MATRIX = "vectors"
GRAPH = "graph"
LEXICAL = "lexical"
KINDS = (MATRIX, GRAPH, LEXICAL)


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


def current(root: Path, manifest: Manifest, kind: str, *, later: bool = False) -> Stamp | None:
    """The stamp of a derived file that fits this generation, or None. Looks at the size, not the content.

    `later`: it may cover rows that a later generation added.
    """
    try:
        stamp = Stamp(**json.loads((root / FOLDER / f"{kind}.json").read_bytes()))
        size = (root / stamp.file).stat().st_size
    except (OSError, ValueError, TypeError):
        return None
    fits = (
        stamp.uid == manifest.uid
        and stamp.base == manifest.base
        and (later or stamp.upto <= manifest.next_row)
        and stamp.kind == kind
        # the matrix grows in place: a reader of an older generation finds it longer than its stamp said
        and (size >= stamp.bytes if kind == MATRIX else size == stamp.bytes or kind == LEXICAL)
    )
    return stamp if fits else None


def names(root: Path, manifest: Manifest) -> set[str]:
    """Names of the derived files that fit this generation, and of their stamps; of a folder its own name."""
    found: set[str] = set()
    for kind in KINDS:
        if stamp := current(root, manifest, kind):
            found |= {"/".join(Path(stamp.file).parts[:2]), f"{FOLDER}/{kind}.json"}
    return found


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


def seal_folder(
    root: Path, manifest: Manifest, kind: str, path: Path, upto: int, extra: Mapping[str, Any]
) -> Stamp:
    """Publishes a derived folder that a library wrote durably; `path`: the file in it that names the rest.

    The library replaces that file in place, so its size says nothing; `bytes` is the folder's.
    """
    size = sum(entry.stat().st_size for entry in os.scandir(path.parent))
    name = str(path.relative_to(root))
    stamp = Stamp(kind, name, manifest.uid, manifest.base, upto, size, extra=extra)
    publish(root, stamp)
    return stamp


def restamp(root: Path, stamp: Stamp, extra: Mapping[str, Any]) -> None:
    """Says something else of a derived file that stays as it is."""
    publish(root, replace(stamp, extra=extra))


def is_whole(root: Path, stamp: Stamp) -> bool:
    """Whether the file's content still has the checksum it was published with."""
    try:
        return stamp.crc is None or checksum(root / stamp.file) == (stamp.bytes, stamp.crc)
    except OSError:
        return False


def open_matrix(root: Path, manifest: Manifest) -> tuple[Vectors, int] | None:
    """The memory-mapped vectors, float32 (rows, dim), of the rows [base, upto), and upto.

    A writer may have gone on since: rows keep their ids and places, so the first of them are this one's.
    """
    import numpy as np

    stamp = current(root, manifest, MATRIX, later=True)
    if stamp is None or stamp.upto == stamp.base:
        return None
    upto = min(stamp.upto, manifest.next_row)
    rows = upto - stamp.base
    if rows <= 0:
        return None
    try:
        matrix = np.memmap(
            root / stamp.file, dtype=np.float32, mode="r", shape=(rows, manifest.recipe.dim)
        )
    except (OSError, ValueError):
        return None
    return matrix, upto


def matrix_batches(
    root: Path, manifest: Manifest, start: int, size: int = 10_000
) -> Iterator[tuple[int, Vectors]]:
    """(first row, vectors) of the matrix from row `start` on, read and not mapped.

    Mapped pages count as the process's memory as long as it has them: a graph's builder passes over all of
    them once and needs its memory for the graph.
    """
    import numpy as np

    stamp = current(root, manifest, MATRIX)
    if stamp is None:
        return
    dim = manifest.recipe.dim
    with (root / stamp.file).open("rb", buffering=0) as f:
        f.seek((start - stamp.base) * dim * 4)
        for first in range(start, stamp.upto, size):
            rows = min(size, stamp.upto - first)
            yield first, np.fromfile(f, np.float32, rows * dim).reshape(rows, dim)


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
