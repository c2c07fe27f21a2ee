"""Damage that a refresh and `status` notice: of files that have another time than when they were whole.

Nothing is read of a file that has not changed since, so that an index of many gigabytes costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from qembed.errors import IndexDamaged
from qembed.store import derived_files
from qembed.store.damage import file_times
from qembed.store.durable_files import FileInfo
from qembed.store.integrity import (
    REPAIR,
    Finding,
    beyond_repair,
    check_codes,
    check_matrix,
    damage_of,
)
from qembed.store.manifest import Manifest
from qembed.store.snapshot import Snapshot

REFRESH_BYTES = 2 << 30
"""Bytes that a refresh reads of files whose times have changed: some 3 s. The next one goes on."""
STATUS_BYTES = 256 << 20
"""The same of `status`."""
LISTED = 5
"""Damaged files that an error names."""


class Damaged(NamedTuple):
    """Damaged file of an index, its name inside it, and what is wrong."""

    name: str
    why: str


def notice_damage(root: Path, manifest: Manifest, *, note: bool = True) -> list[Damaged]:
    """Damaged ones of the shards and the documents file, for writers. `note`: what is whole.

    Checks what has another time or no known one, and a small documents file in any case.
    """
    known = file_times.read(root)
    documents = manifest.documents
    changed = [
        f
        for f in _files(manifest)
        if known.get(f.name) != file_times.state(root / f.name)
        or (f is documents and f.bytes <= derived_files.CHECKED_BYTES)
    ]
    found, checked = _check(root, changed, REFRESH_BYTES)
    bad = {f.name for f in found}
    if note:
        file_times.note_whole(root, checked - bad, _names(root, manifest), bad)
    return found


def noticed_damage(root: Path, manifest: Manifest) -> list[Damaged]:
    """Damaged files among those that have changed since they were known to be whole, for readers."""
    known = file_times.read(root)
    changed = []
    for f in _files(manifest):
        state = file_times.state(root / f.name)
        if state is None or state[0] != f.bytes or known.get(f.name, state) != state:
            changed.append(f)
    return _check(root, changed, STATUS_BYTES)[0]


def _check(root: Path, files: Iterable[FileInfo], most: int) -> tuple[list[Damaged], set[str]]:
    """Check files, the content of the first `most` bytes. Returns the damaged ones, and who was checked."""
    found: list[Damaged] = []
    checked: set[str] = set()
    for f in files:
        in_full = not checked or most >= f.bytes
        if why := damage_of(root, f, content=in_full):
            found.append(Damaged(f.name, why))
        if in_full:
            most -= f.bytes
            checked.add(f.name)
    return found, checked


def refuse_damaged(root: Path, manifest: Manifest | None, *, note: bool = True) -> None:
    """Raise IndexDamaged for a generation that is not to be continued: some of its files are damaged.

    `note`: what is whole, which a dry run does not.
    """
    if manifest is None or not (found := notice_damage(root, manifest, note=note)):
        return
    mend = mend_of(root, manifest, [d.name for d in found])
    if mend == REPAIR:
        mend += " reads and encodes what is lost anew; with --dry-run it says what that is"
    files = "; ".join(f"{name} {why}" for name, why in found[:LISTED])
    rest = len(found) - LISTED
    more = f" … and {rest:,} more {'file' if rest == 1 else 'files'}" if rest > 0 else ""
    raise IndexDamaged(f"{root} is damaged: {files}{more}; nothing was changed ({mend})")


def mend_of(root: Path, manifest: Manifest, names: Sequence[str]) -> str:
    """Command that mends damaged files, else what helps where none does."""
    documents = manifest.documents is not None and manifest.documents.name in names
    return beyond_repair(root) if documents and len(names) > 1 else REPAIR


def notice_derived(snapshot: Snapshot, unchecked: set[str]) -> Iterator[Finding]:
    """Findings about vectors, codes and a large graph whose times have changed, for writers.

    `unchecked`: gets the names of those that it is too much to read now.
    """
    root, manifest = snapshot.root, snapshot.manifest
    known, left = file_times.read(root), REFRESH_BYTES
    for kind in (derived_files.MATRIX, derived_files.CODES, derived_files.GRAPH):
        stamp = derived_files.current(root, manifest, kind)
        if stamp is None or all(
            known.get(n) == file_times.state(root / n) for n in _names_of(stamp)
        ):
            continue
        if stamp.bytes > left:
            unchecked |= _names_of(stamp)
            continue
        left -= stamp.bytes
        if kind == derived_files.MATRIX:
            yield from check_matrix(snapshot)
        elif kind == derived_files.CODES:
            yield from check_codes(snapshot)
        elif not derived_files.is_whole(root, stamp):
            yield Finding(kind, f"{stamp.file} is damaged", REPAIR)


def changed_derived(root: Path, manifest: Manifest) -> list[derived_files.Stamp]:
    """Stamps of derived files with other times than when they were known to be whole, for readers."""
    known = file_times.read(root)
    found = []
    for kind in derived_files.KINDS:
        stamp = derived_files.current(root, manifest, kind)
        if stamp is None:
            continue
        states = {name: file_times.state(root / name) for name in _names_of(stamp)}
        if any(known.get(name, state) != state for name, state in states.items()):
            found.append(stamp)
    return found


def words_have_changed(root: Path, manifest: Manifest) -> bool:
    """True if a file of the lexical index has another time than when it was known to be whole."""
    if (stamp := derived_files.current(root, manifest, derived_files.LEXICAL)) is None:
        return False
    folder = str(Path(stamp.file).parent)
    return file_times.read(root).get(folder) != file_times.state(root / folder)


def note_derived(root: Path, manifest: Manifest, unchecked: set[str]) -> None:
    """Note the times of the derived files, which were checked or written by this run but for `unchecked`."""
    stamps = [derived_files.current(root, manifest, kind) for kind in derived_files.KINDS]
    names = {name for s in stamps if s is not None for name in _names_of(s)}
    file_times.note_whole(root, names - unchecked, manifest.names())


def _names_of(stamp: derived_files.Stamp) -> set[str]:
    """Names that a derived file is noted under: its own and its companion's, or that of its folder."""
    if stamp.kind == derived_files.LEXICAL:
        return {str(Path(stamp.file).parent)}
    return {stamp.file} if stamp.companion is None else {stamp.file, stamp.companion.name}


def _files(manifest: Manifest) -> list[FileInfo]:
    """Files of a generation, the documents first."""
    documents = [] if manifest.documents is None else [manifest.documents]
    return [*documents, *(s.file for s in manifest.shards)]


def _names(root: Path, manifest: Manifest) -> set[str]:
    return manifest.names() | derived_files.names(root, manifest)
