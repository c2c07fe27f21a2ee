"""Places of the vectors in the shards: a derived file, by which they are read without decoding and copying.

A shard stores the vectors of a row group plain, in one page, whose values are the last bytes of their column.
Where that is so, no matrix is needed beside the shards. Shards of earlier versions divide row groups into
pages; a generation with one of them keeps its matrix.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qembed.store import derived_files
from qembed.store.arrow import vectors_of
from qembed.store.manifest import Manifest, Shard
from qembed.store.shards import ShardReader
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.codes import codes_are_due
from qembed.store.vector_files.row_file import read_at

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ATTEMPTS = 3
"""Times that the stamp is read again when a writer has replaced its file meanwhile."""
SHARDS, DIVIDED = "shards", "divided"
"""Keys in the stamp: keys of the shards in the file's order, and of those whose vectors are decoded."""


class ShardPlaces(NamedTuple):
    """Row groups of a shard: their first rows in it, and the bytes where their vectors begin, int64 (n,)."""

    first: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]


Places = Mapping[str, ShardPlaces]
"""By the key of a shard."""


def shard_key(shard: Shard) -> str:
    """Name and checksum of a shard."""
    return f"{shard.file.name} {shard.file.crc}"


def read_places(root: Path, manifest: Manifest) -> Places:
    """Read the places that are known; of a later generation too. Empty if there are none."""
    for _ in range(ATTEMPTS):
        stamp = derived_files.current(root, manifest, derived_files.PLACES, later=True)
        if stamp is None:
            break
        if (found := _read(root, stamp)) is not None:
            return found
    return {}


def _read(root: Path, stamp: derived_files.Stamp) -> Places | None:
    """Places of a stamp; None if the file is not whole."""
    import numpy as np

    if not derived_files.is_whole(root, stamp):
        return None
    try:
        table = np.fromfile(root / stamp.file, dtype="<i8").reshape(-1, 3)
        keys = [str(key) for key in stamp.extra[SHARDS]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    edges = np.searchsorted(table[:, 0], np.arange(len(keys) + 1))
    return {
        key: ShardPlaces(table[edges[i] : edges[i + 1], 1], table[edges[i] : edges[i + 1], 2])
        for i, key in enumerate(keys)
    }


def update_places(snapshot: Snapshot) -> None:
    """Find the places in shards that are new, and publish all, if codes are due. For writers only.

    Each is compared with the decoded vectors. Raises OSError, IndexDamaged.
    """
    root, manifest = snapshot.root, snapshot.manifest
    if not codes_are_due(root, manifest):
        return
    stamp = derived_files.current(root, manifest, derived_files.PLACES)
    known = {} if stamp is None else _read(root, stamp) or {}
    old = set() if stamp is None else set(stamp.extra.get(DIVIDED, ()))
    keys = [shard_key(s) for s in manifest.shards]
    if stamp is not None and stamp.upto == manifest.next_row and known.keys() | old == set(keys):
        return
    found: dict[str, ShardPlaces] = {}
    divided: list[str] = []
    for key, shard in zip(keys, snapshot.shards, strict=True):
        places = known.get(key) or (None if key in old else locate(shard, manifest.recipe.dim))
        if places is None:
            divided.append(key)
        else:
            found[key] = places
    path = _publish(root, manifest, found, divided)
    if stamp is not None and root / stamp.file != path:
        derived_files.remove(root, stamp)


def _publish(root: Path, manifest: Manifest, found: Places, divided: Iterable[str]) -> Path:
    import numpy as np

    path = derived_files.new_path(root, manifest, derived_files.PLACES)
    parts = [
        np.stack([np.full(len(p.first), i), p.first, p.at], axis=1)
        for i, p in enumerate(found.values())
    ]
    table = np.concatenate(parts) if parts else np.zeros((0, 3), np.int64)
    path.write_bytes(table.astype("<i8").tobytes())
    extra = {SHARDS: list(found), DIVIDED: list(divided)}
    derived_files.seal(root, manifest, derived_files.PLACES, path, manifest.next_row, extra)
    return path


def locate(shard: ShardReader, dim: int) -> ShardPlaces | None:
    """Find the places of a shard's row groups; None if the vectors of one are not plain and in one piece.

    Each is compared with the decoded vectors. Raises OSError, IndexDamaged.
    """
    import numpy as np

    meta = shard.metadata
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    rows = np.array([g.num_rows for g in groups], dtype=np.int64)
    ends = []
    for group in groups:
        columns = (group.column(i) for i in range(group.num_columns))
        chunk = next(c for c in columns if c.path_in_schema.startswith("vector."))
        if chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
            return None
        ends.append(chunk.data_page_offset + chunk.total_compressed_size)
    places = ShardPlaces(np.cumsum(rows) - rows, np.array(ends, dtype=np.int64) - rows * dim * 4)
    return places if differing_row(shard, places) is None else None


def differing_row(shard: ShardReader, places: ShardPlaces) -> int | None:
    """First row in the shard of a group whose vectors are not at their place; None if all are."""
    import numpy as np

    fd = shard.duplicate()
    try:
        for group, table in enumerate(shard.batches(["vector"])):
            vectors = vectors_of(table)
            there = np.empty(vectors.shape, dtype="<f4")
            whole = read_at(fd, memoryview(there.view("u1").data), int(places.at[group]))
            if not whole or not np.array_equal(there.view("<i4"), vectors.view("<i4")):
                return int(places.first[group])
    finally:
        os.close(fd)
    return None


def matrix_is_due(root: Path, manifest: Manifest) -> bool:
    """True for a generation whose vectors are not all read from their places in the shards."""
    if not codes_are_due(root, manifest):
        return True
    stamp = derived_files.current(root, manifest, derived_files.PLACES)
    return stamp is None or stamp.upto != manifest.next_row or bool(stamp.extra.get(DIVIDED))
