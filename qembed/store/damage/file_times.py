"""Sizes and times of the files of an index when they were known to be whole, in a small file beside them.

A file that still has them is taken to be whole; one that has others is checked again. What a reader finds
damaged is noted here too. Losing this file costs one check of everything.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from qembed.store import derived_files
from qembed.store.manifest import Manifest

FILE = "checked.json"

State = tuple[int, int]
"""Size in bytes and modification time in nanoseconds."""


def read(root: Path) -> dict[str, State | None]:
    """States by name inside the index; None for a file that was found damaged."""
    try:
        body = json.loads((root / FILE).read_bytes())
        return {name: None if s is None else (int(s[0]), int(s[1])) for name, s in body.items()}
    except (OSError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def state(path: Path) -> State | None:
    """Present state of a file; of a folder those of its files, summed. None if gone."""
    try:
        if not path.is_dir():
            found = path.stat()
            return found.st_size, found.st_mtime_ns
        inner = [e.stat() for e in os.scandir(path) if not e.name.startswith(".")]
    except OSError:
        return None
    return sum(s.st_size for s in inner), sum(s.st_mtime_ns for s in inner)


def note_whole(
    root: Path, names: Iterable[str], kept: Iterable[str], damaged: Iterable[str] = ()
) -> None:
    """Note the present state of whole files. `kept`: names whose earlier notes stay; all others go."""
    before = read(root)
    after: dict[str, State | None] = {n: before[n] for n in kept if n in before}
    after |= {name: state(root / name) for name in names}
    after |= dict.fromkeys(damaged)
    if after != before:
        _write(root, after)


def note_commit(root: Path, old: Manifest, new: Manifest) -> None:
    """Note the files that the generation `new` has and `old` had not: they were just written."""
    before = old.names()
    note_whole(root, new.names() - before, before | derived_files.names(root, new))


def note_suspect(path: Path) -> None:
    """Note that a file of an index could not be decoded, so that the next run of `qembed index` checks it."""
    root = (
        path.parent.parent if path.parent.name in ("shards", derived_files.FOLDER) else path.parent
    )
    before, name = read(root), str(path.relative_to(root))
    if before.get(name, ()) is not None:
        _write(root, {**before, name: None})


def _write(root: Path, states: dict[str, State | None]) -> None:
    """Write without a sync or a rename: a torn file is as good as none."""
    with contextlib.suppress(OSError):
        (root / FILE).write_text(json.dumps(states, indent=0, sort_keys=True), encoding="utf-8")
