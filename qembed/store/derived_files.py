"""Derived files: vectors or their places, codes, graph, words, background, profile; made anew if lost.

A derived file is current if its stamp (`derived/<kind>.json`) names this index and this base row, and its
size fits. It covers the rows [base, upto); later rows are searched exactly.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from qembed.store.durable_files import (
    FileInfo,
    checksum,
    replace_file,
    sync_file,
    sync_folder,
)
from qembed.store.manifest import Manifest

FOLDER = "derived"
MATRIX = "vectors"
PLACES = "places"
CODES = "codes"
GRAPH = "graph"
LEXICAL = "lexical"
BACKGROUND = "background"
PROFILE = "profile"
MAP = "map"
"""Kind without a stamp: made by readers, of one generation, which its name says."""
KINDS = (MATRIX, PLACES, CODES, GRAPH, LEXICAL, BACKGROUND, PROFILE)
MEASURED = (BACKGROUND, PROFILE)
"""Kinds that are measured on a sample, and lag behind by design."""
GROWING = (MATRIX, CODES)
"""Kinds that grow in place: a file may be longer than a stamp that was read before."""
DAMAGED = "damaged"
"""Key in the extra fields of a stamp whose file was found damaged."""
CHECKED_BYTES = 32 << 20
"""Size up to which checksums are computed at every refresh, and of words before use: some 0.03 s."""
VERSIONS = {GRAPH: 2}
"""Versions of formats, 1 where none is given. Version 2 of a graph holds one row for each distinct vector."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Description of a derived file: its rows [base, upto), its size, and its checksum.

    `crc` is None for files that grow in place. `extra`: fields of the kind. `companion`: a second file that
    belongs to it. `version`: of the kind's format; a file of another one than VERSIONS says is made anew.
    """

    kind: str
    file: str
    uid: str
    base: int
    upto: int
    bytes: int
    crc: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    companion: FileInfo | None = None
    version: int = 1


def file_name(root: Path, kind: str) -> str:
    """Name of a kind's file as its stamp has it, of the stamp where that cannot be read."""
    stamp = f"{FOLDER}/{kind}.json"
    try:
        return _parse((root / stamp).read_bytes()).file
    except (OSError, ValueError, TypeError, AttributeError):
        return stamp


def _parse(data: bytes) -> Stamp:
    """Stamp from its JSON. Raises ValueError, TypeError."""
    body = json.loads(data)
    if body.get("companion") is not None:
        body["companion"] = FileInfo(**body["companion"])
    return Stamp(**body)


def current(root: Path, manifest: Manifest, kind: str, *, later: bool = False) -> Stamp | None:
    """Read the stamp of a derived file that fits this generation; None if there is none.

    Compares the size, not the content. None for one that was found damaged. `later`: accept a file that
    covers rows of a later generation too.
    """
    stamp = published(root, manifest, kind, later=later)
    return None if stamp is None or DAMAGED in stamp.extra else stamp


def published(root: Path, manifest: Manifest, kind: str, *, later: bool = False) -> Stamp | None:
    """Read the stamp as `current` does, also that of a file that was found damaged."""
    try:
        stamp = _parse((root / FOLDER / f"{kind}.json").read_bytes())
        size = (root / stamp.file).stat().st_size
        if (other := stamp.companion) and (root / other.name).stat().st_size != other.bytes:
            return None
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    fits = (
        stamp.version == VERSIONS.get(kind, 1)
        and stamp.uid == manifest.uid
        and stamp.base == manifest.base
        and (later or stamp.upto <= manifest.next_row)
        and stamp.kind == kind
        and (size >= stamp.bytes if kind in GROWING else size == stamp.bytes or kind == LEXICAL)
    )
    return stamp if fits else None


def names(root: Path, manifest: Manifest) -> set[str]:
    """Names of the derived files that fit this generation, and of their stamps; of a folder its own name."""
    found: set[str] = set()
    for kind in KINDS:
        if stamp := published(root, manifest, kind):
            found |= {"/".join(Path(stamp.file).parts[:2]), f"{FOLDER}/{kind}.json"}
            if stamp.companion is not None:
                found.add(stamp.companion.name)
    found.add(f"{FOLDER}/{map_path(root, manifest).name}")
    return found


def map_path(root: Path, manifest: Manifest) -> Path:
    """Path of the map of a generation, whether there is one or not."""
    return root / FOLDER / f"{MAP}-{manifest.uid}-{manifest.base}-{manifest.generation:08d}.gz"


def publish(root: Path, stamp: Stamp) -> None:
    """Write the stamp of a finished derived file, which makes it the current one of its kind."""
    data = json.dumps(asdict(stamp), indent=1, sort_keys=True).encode()
    replace_file(root, f"{FOLDER}/{stamp.kind}.json", data)


def mark_damaged(root: Path, stamp: Stamp) -> bool:
    """Note in the stamp that its file is damaged, so that the next run of `qembed index` makes it anew.

    For readers, too: a writer that publishes another one meanwhile wins, or makes its file once more. Returns
    False where the folder cannot be written to.
    """
    try:
        if _parse((root / FOLDER / f"{stamp.kind}.json").read_bytes()) == stamp:
            restamp(root, stamp, {**stamp.extra, DAMAGED: True})
    except (OSError, ValueError, TypeError, AttributeError):
        return False
    return True


def damaged(root: Path, manifest: Manifest) -> list[str]:
    """Kinds of the derived files that were found damaged, are of another size, or gone, and not used.

    A kind that is gone with its stamp is none of these. Nothing but the stamps is read.
    """
    found = []
    for kind in KINDS:
        if is_marked(root, manifest, kind) or is_bad(root, manifest, kind):
            found.append(kind)
    return found


def is_marked(root: Path, manifest: Manifest, kind: str) -> bool:
    """True if a file of this kind is noted as damaged in its stamp."""
    stamp = published(root, manifest, kind, later=True)
    return stamp is not None and DAMAGED in stamp.extra


def is_bad(root: Path, manifest: Manifest, kind: str) -> bool:
    """True if this generation was given a file of this kind that is damaged, of another size, or gone."""
    try:
        stamp = _parse((root / FOLDER / f"{kind}.json").read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, AttributeError):
        return True
    is_ours = (
        stamp.uid == manifest.uid
        and stamp.base == manifest.base
        and stamp.upto <= manifest.next_row
        and stamp.version == VERSIONS.get(kind, 1)
    )
    return is_ours and current(root, manifest, kind) is None


def graph_is_bad(root: Path, manifest: Manifest) -> bool:
    """True if this generation was given a graph that cannot be used."""
    return is_bad(root, manifest, GRAPH)


def discard(root: Path, kind: str) -> None:
    """Remove the stamp of a damaged derived file; the next writer rebuilds the file."""
    with contextlib.suppress(OSError):
        (root / FOLDER / f"{kind}.json").unlink()


def new_path(root: Path, manifest: Manifest, kind: str) -> Path:
    """Path for a new derived file of this kind."""
    (root / FOLDER).mkdir(exist_ok=True)
    return root / FOLDER / f"{kind}-{manifest.uid}-{manifest.base}-{manifest.generation:08d}.bin"


def seal(
    root: Path,
    manifest: Manifest,
    kind: str,
    path: Path,
    upto: int,
    extra: Mapping[str, Any],
    companion: Path | None = None,
) -> Stamp:
    """Sync a derived file that a library wrote to `path`, compute its checksum and publish it.

    `companion`: a second file, treated alike.
    """
    for written in (path, companion):
        if written is not None:
            sync_file(written)
    sync_folder(path.parent)
    main = _info(root, path)
    stamp = Stamp(
        kind,
        main.name,
        manifest.uid,
        manifest.base,
        upto,
        main.bytes,
        main.crc,
        extra,
        None if companion is None else _info(root, companion),
        VERSIONS.get(kind, 1),
    )
    publish(root, stamp)
    return stamp


def _info(root: Path, path: Path) -> FileInfo:
    return FileInfo(str(path.relative_to(root)), *checksum(path))


def seal_folder(
    root: Path, manifest: Manifest, kind: str, path: Path, upto: int, extra: Mapping[str, Any]
) -> Stamp:
    """Publish a derived folder that a library wrote durably. `path`: the file in it that names the others.

    The library replaces that file in place, so the stamp has the size of the folder.
    """
    size = sum(entry.stat().st_size for entry in os.scandir(path.parent))
    name = str(path.relative_to(root))
    stamp = Stamp(kind, name, manifest.uid, manifest.base, upto, size, extra=extra)
    publish(root, stamp)
    return stamp


def restamp(root: Path, stamp: Stamp, extra: Mapping[str, Any]) -> None:
    """Replace the extra fields of a stamp."""
    publish(root, replace(stamp, extra=extra))


def is_whole(root: Path, stamp: Stamp) -> bool:
    """True if the content of the file, and of its companion, has the checksum of the stamp."""
    try:
        other = stamp.companion
        return (stamp.crc is None or checksum(root / stamp.file) == (stamp.bytes, stamp.crc)) and (
            other is None or checksum(root / other.name) == (other.bytes, other.crc)
        )
    except OSError:
        return False


def remove(root: Path, stamp: Stamp) -> None:
    """Remove the files of a stamp that another one has replaced."""
    for name in (stamp.file, None if stamp.companion is None else stamp.companion.name):
        if name is not None:
            with contextlib.suppress(OSError):
                (root / name).unlink()
