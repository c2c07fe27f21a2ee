"""Folder of an index whose manifest is gone: its documents and passages may be the only copies.

A first run that was killed before its first commit leaves such files without a manifest too, and nothing
that anybody has lost: a mark in the folder, from its beginning to its first commit, tells the two apart.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from qembed.errors import IndexDamaged
from qembed.inputs import is_there
from qembed.paths import FIRST_RUN, MANIFEST

_COMMITTED = {
    "": re.compile(r"documents-r?\d+\.parquet"),
    "shards": re.compile(r"r?\d+-\d+\.parquet"),
}
"""Names of documents and passages, by folder; all other files of an index can be made again."""
SHOWN = 3


def begin_first_run(root: Path) -> None:
    """Mark a folder in which nothing was committed yet. Raises OSError."""
    (root / FIRST_RUN).touch()


def end_first_run(root: Path) -> None:
    """Remove the mark: there is a manifest. One that stays does not matter, the next writer tries again."""
    with contextlib.suppress(OSError):
        (root / FIRST_RUN).unlink(missing_ok=True)


def left_without_manifest(root: Path) -> list[str]:
    """Names of documents and passages in a folder whose manifest is gone; none while a first run goes on."""
    found = []
    for folder, pattern in _COMMITTED.items():
        try:
            with os.scandir(root / folder) as entries:
                names = [e.name for e in entries if pattern.fullmatch(e.name)]
        except OSError:  # who opens the index says why
            continue
        found += [f"{folder}/{name}" if folder else name for name in sorted(names)]
    # in this order: the mark goes when the manifest has come
    if not found or is_there(root / FIRST_RUN) or is_there(root / MANIFEST):
        return []
    return found


def refuse_lost_manifest(root: Path) -> None:
    """Raise IndexDamaged for a folder that holds documents or passages, and no manifest that names them."""
    if not (left := left_without_manifest(root)):
        return
    listed = ", ".join([*left[:SHOWN], *(["…"] if len(left) > SHOWN else [])])
    raise IndexDamaged(
        f"{root / MANIFEST} is missing, and documents and passages that it named are left: {listed} "
        f"(restore it from a backup, or move {root} away to begin anew)"
    )
