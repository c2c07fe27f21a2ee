"""Is the index what its manifest says? Reads everything, changes nothing.

Each finding says what is wrong, which documents it touches, and which command mends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import IndexDamaged
from qembed.store import derived_files
from qembed.store.catalog import Catalog
from qembed.store.durable_files import FileInfo, checksum
from qembed.store.manifest import Manifest, Shard
from qembed.store.shards import ShardReader, vectors_of
from qembed.store.snapshot import Snapshot

REFRESH = "qembed index"
REPAIR = "qembed index --repair"
REBUILD = "qembed index --rebuild"
UNIT = 1e-3
"""How far from 1 a stored vector's length may be: float32 sums, half precision models."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. `documents`: the ids it touches, where that can be told."""

    kind: str
    what: str
    mend: str
    documents: tuple[str, ...] = ()


def check_files(root: Path, manifest: Manifest) -> Iterator[Finding]:
    """Sizes and checksums of the documents file and the shards."""
    if manifest.documents is not None and (why := _wrong(root, manifest.documents)):
        yield Finding(
            "documents",
            f"{manifest.documents.name} {why}: which documents there are is lost, their passages and "
            "vectors are not; mending reads the sources again and encodes nothing that is known",
            REPAIR,
        )
    owners = _owners(root, manifest)
    for shard in manifest.shards:
        if why := _wrong(root, shard.file):
            names = tuple(owners(shard))
            yield Finding(
                "shard",
                f"{shard.file.name} {why}: it held rows {shard.first} to "
                f"{shard.first + shard.rows - 1} of {len(names)} documents; mending encodes just those",
                REPAIR,
                names,
            )


def damaged(root: Path, manifest: Manifest) -> tuple[bool, set[int]]:
    """(whether the documents file is damaged, first rows of the shards that are)."""
    documents = manifest.documents is not None and _wrong(root, manifest.documents) is not None
    return documents, {s.first for s in manifest.shards if _wrong(root, s.file) is not None}


def _wrong(root: Path, info: FileInfo) -> str | None:
    try:
        size, crc = checksum(root / info.name)
    except FileNotFoundError:
        return "is missing"
    except OSError as e:
        return f"cannot be read ({e.strerror})"
    if size != info.bytes:
        return f"has {size} bytes instead of {info.bytes}"
    return None if crc == info.crc else "has another content than was written (checksum)"


def _owners(root: Path, manifest: Manifest) -> Any:
    """shard -> ids of the documents with rows in it, by the catalog."""
    try:
        assert manifest.documents is not None
        path = root / manifest.documents.name
        with path.open("rb") as f:
            catalog = Catalog.load(f, path)
    except (OSError, IndexDamaged, AssertionError):
        return lambda _shard: ()
    first, rows = catalog.pointers()
    ids = catalog.ids()

    def names(shard: Shard) -> Iterator[str]:
        inside = (first < shard.first + shard.rows) & (first + rows > shard.first) & (rows > 0)
        return (ids[i] for i in inside.nonzero()[0].tolist())

    return names


def check_rows(snapshot: Snapshot) -> Iterator[Finding]:
    """Every document's rows exist and are its alone; every vector is one; no id is there twice."""
    import numpy as np

    manifest = snapshot.manifest
    ids = snapshot.catalog.ids()
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = tuple(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
        yield Finding("ids", f"{len(twice)} documents are there twice", REBUILD, twice[:20])
    first, rows = snapshot.catalog.pointers()
    has = rows > 0
    outside = has & ((first < manifest.base) | (first + rows > manifest.next_row))
    if outside.any():
        names = tuple(ids[i] for i in np.flatnonzero(outside).tolist())
        yield Finding(
            "rows", f"{len(names)} documents point at rows that are not there", REBUILD, names
        )
        return
    claims = np.zeros(manifest.next_row - manifest.base + 1, dtype=np.int32)
    np.add.at(claims, first[has] - manifest.base, 1)
    np.add.at(claims, first[has] + rows[has] - manifest.base, -1)
    if (np.cumsum(claims) > 1).any():
        yield Finding("rows", "some rows belong to two documents", REBUILD)
    stated = manifest.counts.get("passages", 0)
    if stated != (there := int(rows.sum())):
        yield Finding(
            "counts",
            f"the manifest says {stated} passages, the documents have {there}",
            REFRESH,
        )
    at = manifest.base
    for shard in snapshot.shards:
        if shard.first != at:
            yield Finding(
                "rows", f"{shard.path.name} begins at row {shard.first}, not {at}", REBUILD
            )
        at = shard.first + shard.rows
        yield from _check_vectors(shard)


def _check_vectors(shard: ShardReader) -> Iterator[Finding]:
    import numpy as np

    bad = 0
    for table in shard.batches(["vector"]):
        lengths = np.linalg.norm(vectors_of(table), axis=1)
        bad += int((~(np.abs(lengths - 1) < UNIT)).sum())  # NaN is not near 1 either
    if bad:
        yield Finding("vectors", f"{shard.path.name}: {bad} vectors do not have length 1", REBUILD)


def check_derived(snapshot: Snapshot) -> Iterator[Finding]:
    """The matrix row by row against the shards; the graph's checksum."""
    import numpy as np

    root, manifest = snapshot.root, snapshot.manifest
    for kind in derived_files.KINDS:
        stamp = derived_files.current(root, manifest, kind)
        if stamp is None:
            if manifest.next_row > manifest.base:
                yield Finding(kind, f"there is no usable {kind} file: answers are slower", REFRESH)
        elif kind == derived_files.GRAPH and not derived_files.is_whole(root, stamp):
            yield Finding(kind, f"{stamp.file} is damaged: it is not used", REFRESH)
    opened = derived_files.open_matrix(root, manifest)
    if opened is not None:
        matrix, upto = opened
        for first, vectors in snapshot.vector_batches(manifest.base):
            at = first - manifest.base
            ours = matrix[at : min(at + len(vectors), upto - manifest.base)]
            if not np.array_equal(ours, vectors[: len(ours)]):
                yield Finding(
                    derived_files.MATRIX,
                    f"the vector matrix differs from the shards near row {first}: answers are wrong",
                    REPAIR,
                )
                return
