"""Exclusive file locks between processes, by flock.

The kernel releases a lock when its process ends, however it ends. The lock file stays: if it were removed,
two processes could lock two files of one name. Who has to remove it holds the lock, and who waited for it
asks `is_named`.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.05
GRACE_SECONDS = 0.05
"""Time after which a lock counts as held: `lock_holder` holds it for a moment."""


class LockHeld(Exception):
    """Another process holds the lock. `pid`: its process id as text, "" if it is not known."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(f"{path} is locked by process {pid or 'unknown'}")
        self.pid = pid


class FileLock:
    """Exclusive lock on a file, which is created if it does not exist. A context manager.

    `timeout`: seconds to wait for another holder, `math.inf` for no limit. `on_wait` is called once
    before the first wait. `mode`: permissions of a new file.

    Raises LockHeld at the timeout, KeyboardInterrupt if `stop` returns True during the wait, OSError if
    the file cannot be opened or the file system has no locks.
    """

    def __init__(
        self,
        path: Path,
        timeout: float = 0.0,
        *,
        mode: int = 0o600,
        on_wait: Callable[[], None] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        try:
            self._acquire(path, timeout, on_wait, stop)
        except BaseException:
            self.release()
            raise
        with contextlib.suppress(OSError):  # only for the message of a process that finds it locked
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def _acquire(
        self, path: Path, timeout: float, on_wait: Callable[[], None], stop: Callable[[], bool]
    ) -> None:
        deadline = (
            math.inf if timeout == math.inf else time.monotonic() + max(timeout, GRACE_SECONDS)
        )
        waiting = False
        while True:
            try:
                return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    pid = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
                    raise LockHeld(path, pid) from None
            if not waiting and timeout > 0:
                on_wait()
                waiting = True
            if stop():
                raise KeyboardInterrupt
            time.sleep(POLL_SECONDS if waiting else GRACE_SECONDS / 10)

    def is_named(self, path: Path) -> bool:
        """True if `path` is the file that is locked: its last holder may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._fd), path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Release the lock. May be called more than once."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock_holder(path: Path) -> str | None:
    """Process id of a lock's holder as text, "" if it is not known; None if nobody holds it.

    Raises OSError if the file cannot be opened, other than for not being there, or the file system has no
    locks.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    finally:
        os.close(fd)
    return None
