"""Integrity checks of an index against its manifest. They read everything and change nothing but
a note in the stamp of a damaged derived file.

A finding has a message, the documents affected, and the command that repairs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from qembed.errors import IndexDamaged, refusal
from qembed.store import derived_files
from qembed.store.arrow import vectors_of
from qembed.store.catalog import Catalog
from qembed.store.durable_files import FileInfo, checksum
from qembed.store.manifest import Manifest, Shard
from qembed.store.shards import ShardReader
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.codes import codes_are_due, open_codes
from qembed.store.vector_files.matrix import open_matrix
from qembed.store.vector_files.places import (
    differing_row,
    matrix_is_due,
    read_places,
    shard_key,
)
from qembed.vector_codes import RESIDUAL_SLACK, residuals

REFRESH = "qembed index"
REPAIR = "qembed index --repair"
REBUILD = "qembed index --rebuild"
UNIT_TOLERANCE = 1e-3
"""Allowed distance of a stored vector's length from 1: float32 sums, half precision models."""


def beyond_repair(root: Path) -> str:
    """Say what helps where no command mends an index."""
    return f"restore a backup, or remove {root} and run qembed index PATH again"


class Finding(NamedTuple):
    """Damage. `mend`: the command that repairs it. `documents`: ids affected, as far as known.

    `paths`: full paths of files and sources, where it is about these.
    """

    kind: str
    what: str
    mend: str
    documents: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def check_files(root: Path, manifest: Manifest) -> Iterator[Finding]:
    """Check sizes and checksums of the documents file and the shards."""
    shards: Iterator[tuple[Shard, str]] = (
        (s, why) for s in manifest.shards if (why := damage_of(root, s.file))
    )
    mend = REPAIR
    if manifest.documents is not None and (lost := damage_of(root, manifest.documents)):
        what = (
            "which documents there are is lost, their passages and vectors are not; mending reads the "
            "sources again and encodes nothing that is known"
        )
        if first := next(shards, None):
            shards, mend = chain([first], shards), beyond_repair(root)
            what = "which documents there are is lost, and some of their passages too"
        yield Finding("documents", f"{manifest.documents.name} {lost}: {what}", mend)
    owners = _owners(root, manifest)
    for shard, why in shards:
        owned = owners(shard) if mend == REPAIR else None
        names = () if owned is None else tuple(owned)
        what = f"it held rows {shard.first} to {shard.first + shard.rows - 1}"
        if names:
            documents = f"{len(names)} document{'s' * (len(names) != 1)}"
            what += f" of {documents}; mending encodes just those"
        elif owned is not None:
            what += ", none of them in use any more; no document is lost"
        yield Finding("shard", f"{shard.file.name} {why}: {what}", mend, names)


def damaged(root: Path, manifest: Manifest) -> tuple[bool, set[int]]:
    """Find damaged files: True for the documents file, and the first rows of the shards."""
    documents = manifest.documents is not None and damage_of(root, manifest.documents) is not None
    return documents, {s.first for s in manifest.shards if damage_of(root, s.file) is not None}


def damage_of(root: Path, info: FileInfo, *, content: bool = True) -> str | None:
    """Compare a file with its size and, with `content`, checksum. Returns what is wrong, None for nothing."""
    try:
        size = (root / info.name).stat().st_size
        _, crc = checksum(root / info.name) if content and size == info.bytes else (size, info.crc)
    except FileNotFoundError:
        return "is missing"
    except OSError as e:
        return f"cannot be read ({refusal(e)})"
    if size != info.bytes:
        return f"has {size} bytes instead of {info.bytes}"
    return None if crc == info.crc else "has another content than was written (checksum)"


def _owners(root: Path, manifest: Manifest) -> Callable[[Shard], Iterable[str] | None]:
    """Make a function from a shard to the ids of its documents; to None if the catalog is damaged."""
    try:
        assert manifest.documents is not None
        path = root / manifest.documents.name
        with path.open("rb") as f:
            catalog = Catalog.load(f, path)
            # columns are decoded when they are asked for
            (first, rows), ids = catalog.pointers(), catalog.ids()
    except (OSError, IndexDamaged, AssertionError):
        return lambda _shard: None

    def names(shard: Shard) -> Iterator[str]:
        inside = (first < shard.first + shard.rows) & (first + rows > shard.first) & (rows > 0)
        return (ids[i] for i in inside.nonzero()[0].tolist())

    return names


def check_rows(snapshot: Snapshot) -> Iterator[Finding]:
    """Check ids, the rows of each document, the shards' rows, and the vectors' length."""
    ids = snapshot.catalog.ids()
    if len(set(ids)) != len(ids):
        twice = tuple(name for name, n in Counter(ids).items() if n > 1)
        are = "document is" if len(twice) == 1 else "documents are"
        yield Finding("ids", f"{len(twice)} {are} there twice", REBUILD, twice)
    found = _check_pointers(snapshot, ids)
    if found is not None:
        yield found
        if found.documents:
            return  # rows that do not exist
    stated = snapshot.manifest.counts.get("passages", 0)
    if stated != (there := snapshot.catalog.counts()["passages"]):
        what = f"the manifest says {stated} passages, the documents have {there}"
        yield Finding("counts", what, REFRESH)
    at = snapshot.manifest.base
    for shard in snapshot.shards:
        if shard.first != at:
            what = f"{shard.path.name} begins at row {shard.first}, not {at}"
            yield Finding("rows", what, REBUILD)
        at = shard.first + shard.rows
        yield from _check_vectors(shard)


def _check_pointers(snapshot: Snapshot, ids: Sequence[str]) -> Finding | None:
    """Check that the rows of each document exist and are its own. Ids are of documents without such rows."""
    import numpy as np

    manifest = snapshot.manifest
    first, rows = snapshot.catalog.pointers()
    has = rows > 0
    outside = has & ((first < manifest.base) | (first + rows > manifest.next_row))
    if outside.any():
        names = tuple(ids[i] for i in np.flatnonzero(outside).tolist())
        point = "document points" if len(names) == 1 else "documents point"
        what = f"{len(names)} {point} at rows that are not there"
        return Finding("rows", what, REBUILD, names)
    claims = np.zeros(manifest.next_row - manifest.base + 1, dtype=np.int32)
    np.add.at(claims, first[has] - manifest.base, 1)
    np.add.at(claims, first[has] + rows[has] - manifest.base, -1)
    if (np.cumsum(claims) > 1).any():
        return Finding("rows", "some rows belong to two documents", REBUILD)
    return None


def _check_vectors(shard: ShardReader) -> Iterator[Finding]:
    import numpy as np

    bad = 0
    for table in shard.batches(["vector"]):
        lengths = np.linalg.norm(vectors_of(table), axis=1)
        bad += int((~(np.abs(lengths - 1) < UNIT_TOLERANCE)).sum())  # True for NaN, too
    if bad:
        have = "vector does not have" if bad == 1 else "vectors do not have"
        yield Finding("vectors", f"{shard.path.name}: {bad} {have} length 1", REBUILD)


_WITHOUT = {
    **dict.fromkeys(derived_files.KINDS, "answers are slower"),
    derived_files.LEXICAL: "passages are found by meaning only",
    derived_files.BACKGROUND: "words and meaning are weighed without it",
    derived_files.PROFILE: "qembed drift reads the texts of its sample",
}
_CHECKED = (derived_files.PLACES, derived_files.GRAPH, *derived_files.MEASURED)


def found_damaged(
    root: Path, stamp: derived_files.Stamp, what: str, *, note: bool = True
) -> Finding:
    """Finding for a damaged derived file, which is noted, so that a refresh makes it anew."""
    mend = REFRESH if note and derived_files.mark_damaged(root, stamp) else REPAIR
    return Finding(stamp.kind, f"{what}: it is not used", mend)


def _found_wrong(snapshot: Snapshot, kind: str, what: str, note: bool) -> Finding:
    """Finding for a file with other vectors than the shards; readers use it until that is noted."""
    stamp = derived_files.current(snapshot.root, snapshot.manifest, kind)
    if note and stamp is not None and derived_files.mark_damaged(snapshot.root, stamp):
        return Finding(kind, f"{what}: answers were wrong, it is not used any more", REFRESH)
    return Finding(kind, f"{what}: answers are wrong", REPAIR)


def check_derived(snapshot: Snapshot, *, note: bool = True) -> Iterator[Finding]:
    """Compare matrix, places and codes with the shards row by row, graph and background with their checksums.

    `note`: in the stamps, so that a refresh makes anew what is damaged.
    """
    root, manifest = snapshot.root, snapshot.manifest
    for kind in derived_files.KINDS:
        stamp = derived_files.published(root, manifest, kind)
        if stamp is None:
            if snapshot.passages_total and is_wanted(root, manifest, kind):
                yield Finding(kind, f"there is no usable {kind} file: {_WITHOUT[kind]}", REFRESH)
        elif derived_files.DAMAGED in stamp.extra:
            yield Finding(kind, f"{stamp.file} is damaged: it is not used", REFRESH)
        elif kind in _CHECKED and not derived_files.is_whole(root, stamp):
            yield found_damaged(root, stamp, f"{stamp.file} is damaged", note=note)
    yield from check_matrix(snapshot, note)
    yield from check_places(snapshot, note)
    yield from check_codes(snapshot, note)


def is_wanted(root: Path, manifest: Manifest, kind: str) -> bool:
    """True for a kind of derived file that a generation of this size is to have."""
    match kind:
        case derived_files.MATRIX:
            return matrix_is_due(root, manifest)
        case derived_files.CODES | derived_files.PLACES:
            return codes_are_due(root, manifest)
    return True


def check_matrix(snapshot: Snapshot, note: bool = True) -> Iterator[Finding]:
    """Compare the matrix with the shards row by row, to the first difference."""
    import numpy as np

    opened = open_matrix(snapshot.root, snapshot.manifest)
    base = snapshot.manifest.base
    if opened is None:
        return
    matrix, upto = opened
    for first, vectors in snapshot.vector_batches(base):
        ours = matrix[first - base : min(first - base + len(vectors), upto - base)]
        if not np.array_equal(ours, vectors[: len(ours)]):
            what = f"the vector matrix differs from the shards near row {first}"
            yield _found_wrong(snapshot, derived_files.MATRIX, what, note)
            return


def check_places(snapshot: Snapshot, note: bool = True) -> Iterator[Finding]:
    """Compare the vectors at the places of the shards' row groups with the decoded ones."""
    known = read_places(snapshot.root, snapshot.manifest)
    for stored, shard in zip(snapshot.manifest.shards, snapshot.shards, strict=True):
        places = known.get(shard_key(stored))
        if places is not None and (row := differing_row(shard, places)) is not None:
            what = f"other vectors than the shard's are read near row {shard.first + row}"
            yield _found_wrong(snapshot, derived_files.PLACES, what, note)
            return


def check_codes(snapshot: Snapshot, note: bool = True) -> Iterator[Finding]:
    """Check that the bounds of the codes hold for the shards' vectors, to the first that does not."""
    import numpy as np

    codes = open_codes(snapshot.root, snapshot.manifest)
    if codes is None:
        return
    for first, vectors in snapshot.vector_batches(snapshot.manifest.base):
        rows = np.arange(first, min(first + len(vectors), codes.upto))
        records = codes.take(rows)
        error = residuals(vectors[: len(rows)], records)
        # computed on another machine they may differ by less than what they were rounded up by
        if not (error <= records["residual"] * (1 + RESIDUAL_SLACK)).all():
            what = f"{codes.path.name} does not belong to the vectors near row {first}"
            yield _found_wrong(snapshot, derived_files.CODES, what, note)
            return
