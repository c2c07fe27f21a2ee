"""Lock of an index: one writer at a time."""

from __future__ import annotations

import time
from pathlib import Path

from qembed.errors import IndexLocked
from qembed.locks import FileLock, LockHeld
from qembed.paths import LOCK
from qembed.store import derived_files
from qembed.store.durable_files import make_index_folder


def lock_index(root: Path, wait: float) -> FileLock:
    """Make the folder of an index and lock it, waiting up to `wait` seconds. Raises IndexLocked, OSError.

    A first run that committed nothing removes the folder: who waited for it begins again.
    """
    until = time.monotonic() + wait
    try:
        while True:
            make_index_folder(root, ("shards", derived_files.FOLDER))
            lock = FileLock(root / LOCK, max(0.0, until - time.monotonic()), mode=0o644)
            if lock.is_named(root / LOCK):
                return lock
            lock.release()
    except LockHeld as e:
        raise IndexLocked(
            f"another qembed (process {e.pid or 'unknown'}) is writing to {root} "
            "(wait for it: --wait SECONDS)"
        ) from None
