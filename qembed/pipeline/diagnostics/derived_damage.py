"""Damage of derived files that `status` notices: what was found before, and changed files."""

from __future__ import annotations

from pathlib import Path

from qembed.errors import IndexDamaged
from qembed.pipeline.lexical_index import lexical_damage
from qembed.pipeline.unfinished import writer_number
from qembed.store import Manifest, Snapshot
from qembed.store import derived_files as files
from qembed.store.damage.noticed import STATUS_BYTES, changed_derived
from qembed.store.integrity import check_codes, check_matrix

_READ_WITH = {files.MATRIX: 2, files.CODES: 5}
"""Bytes that a check reads, as a multiple of the file's: vectors of the shards are compared."""


def damaged_kinds(root: Path, manifest: Manifest) -> list[str]:
    """Kinds of the derived files that are damaged; those that this finds are noted in their stamps.

    Nothing is read of a file that has its time and size still, nor while a process writes, which changes and
    checks them itself.
    """
    if writer_number(root) is not None:
        return [kind for kind in files.KINDS if files.is_marked(root, manifest, kind)]
    found = files.damaged(root, manifest)
    left = STATUS_BYTES
    for stamp in changed_derived(root, manifest):
        cost = stamp.bytes * _READ_WITH.get(stamp.kind, 1)
        in_full = cost <= left
        left -= cost if in_full else 0
        if _is_damaged(root, manifest, stamp, in_full) and writer_number(root) is None:
            files.mark_damaged(root, stamp)
            found.append(stamp.kind)
    return [kind for kind in files.KINDS if kind in found]


def _is_damaged(root: Path, manifest: Manifest, stamp: files.Stamp, in_full: bool) -> bool:
    """True if a file is not what was written. `in_full`: else only what the words' ends tell."""
    if stamp.kind == files.LEXICAL:
        return lexical_damage(root, manifest, sums=in_full) is not None
    if not in_full:
        return False
    if stamp.kind not in files.GROWING:
        return not files.is_whole(root, stamp)
    check = check_matrix if stamp.kind == files.MATRIX else check_codes
    try:
        with Snapshot.of(root, manifest) as snapshot:
            return any(True for _ in check(snapshot, note=False))
    except (OSError, IndexDamaged):  # of the shards, which are looked at by themselves
        return False
