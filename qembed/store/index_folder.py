"""Folder of an index: the names that its writers give, and its lock, one writer at a time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from qembed.errors import IndexLocked, UsageError
from qembed.locks import FileLock, LockHeld
from qembed.paths import (
    DRIFT,
    ENCODED,
    FEEDBACK,
    FIRST_RUN,
    INDEX_FOLDER,
    LOCK,
    MANIFEST,
    ON_PAGES,
    THUMBNAILS,
)
from qembed.store import derived_files
from qembed.store.damage.file_times import FILE as CHECKED
from qembed.store.durable_files import IGNORE_ALL, IGNORE_FILE, make_index_folder
from qembed.store.manifest import REBUILD

FOLDERS = ("shards", derived_files.FOLDER)
_OWN_NAMES = re.compile(
    rf"((manifest|rebuild)\.json(\.tmp)?|{ON_PAGES}(\.tmp)?|{LOCK}|{CHECKED}|{FIRST_RUN}|documents-r?\d+\.parquet|shards/r?\d+-\d+\.parquet"
    rf"|{derived_files.FOLDER}/({'|'.join((*derived_files.KINDS, derived_files.MAP))})"
    r"(\.json(\.tmp)?|-[0-9a-f]*-\d+-\d+(\.[\w.]+)?))"
)
KEPT_NAMES = frozenset({MANIFEST, REBUILD, LOCK, ON_PAGES, CHECKED, FIRST_RUN})  # never swept
NOBODYS = frozenset({"lost+found", ".DS_Store"})
"""Names in folders that a user calls empty."""


def is_own_name(name: str) -> bool:
    """True for a name that a writer gives to a file, or to a lexical index, in the folder of an index."""
    return _OWN_NAMES.fullmatch(name) is not None


def check_index_folder(root: Path) -> None:
    """Raise UsageError for a folder with files of somebody else that is no index, by its manifest.

    A folder that is not there, is empty or cannot be listed passes, and so does one in which a first run was
    stopped.
    """
    try:
        others = sorted(_foreign_names(root))
        mine = any(name.exists() for name in (root / LOCK, root / "shards"))
        is_index = mine and ((root / MANIFEST).exists() or (root / REBUILD).exists())
    except OSError:  # making the lock says why
        return
    if not others or is_index:
        return
    listed = ", ".join([*others[:3], *(["…"] if len(others) > 3 else [])])
    raise UsageError(
        f"{root} is no index, and it holds other files ({listed}): an index wants a folder of its own, "
        f"such as {root / INDEX_FOLDER}"
    )


def _foreign_names(root: Path) -> Iterator[str]:
    """Names in a folder that no writer of an index gives, paths below its folders included."""
    for entry in root.iterdir():
        if entry.name in FOLDERS and entry.is_dir():
            names = (f"{entry.name}/{inner.name}" for inner in entry.iterdir())
            yield from (name for name in names if not is_own_name(name))
        elif entry.name in (FEEDBACK, DRIFT, ENCODED, THUMBNAILS) and entry.is_dir():
            continue  # an index that is made anew keeps what was learned of it
        elif entry.name == IGNORE_FILE:
            if entry.read_bytes() != IGNORE_ALL:
                yield entry.name
        elif entry.name not in NOBODYS and not is_own_name(entry.name):
            yield entry.name


def lock_index(root: Path, wait: float, stop: Callable[[], bool]) -> FileLock:
    """Make the folder of an index and lock it, waiting up to `wait` seconds. Raises IndexLocked, OSError,
    UsageError for a folder with other files, and KeyboardInterrupt when `stop` returns True.

    A first run that committed nothing removes the folder: who waited for it begins again.
    """
    check_index_folder(root)
    until = time.monotonic() + wait
    try:
        while True:
            make_index_folder(root, FOLDERS)
            left = max(0.0, until - time.monotonic())
            lock = FileLock(root / LOCK, left, mode=0o644, stop=stop)
            if lock.is_named(root / LOCK):
                return lock
            lock.release()
    except LockHeld as e:
        raise IndexLocked(
            f"another qembed (process {e.pid or 'unknown'}) is writing to {root} "
            "(wait for it: --wait SECONDS)"
        ) from None


def remove_empty_index(root: Path) -> None:
    """Remove the folder of an index in which nothing was committed, and nothing encoded."""
    with contextlib.suppress(OSError):
        if (root / MANIFEST).exists() or (root / ENCODED).exists():
            return
        (root / "shards").rmdir()
        (root / "derived").rmdir()
        (root / "lock").unlink()
        for name in (CHECKED, ON_PAGES, FIRST_RUN):
            (root / name).unlink(missing_ok=True)
        (root / IGNORE_FILE).unlink(missing_ok=True)
        root.rmdir()


def remove_unnamed(root: Path, named: Container[str]) -> None:
    """Remove the files in the folder of an index that a writer gave a name to and that are not `named`."""
    for folder in ("", *FOLDERS):
        for entry in os.scandir(root / folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            # users may keep files of their own here
            if name in named or name in KEPT_NAMES or not is_own_name(name):
                continue
            with contextlib.suppress(OSError):
                if folder == derived_files.FOLDER and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)  # noqa: PTH108 - the entry has the path already
