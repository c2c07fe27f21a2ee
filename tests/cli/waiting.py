"""Waits for what a process does, instead of a while that is long enough on most machines."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def until(
    process: subprocess.Popen[bytes] | subprocess.Popen[str], come: Callable[[], bool]
) -> None:
    """Return when it has come; fail if the process ends before, or after a minute."""
    ends = time.monotonic() + 60
    while not come():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.01)


def encoded(log: Path, texts: int) -> Callable[[], bool]:
    """Whether so many texts are encoded, as the file of BAG_LOG says."""
    return lambda: log.exists() and int(log.read_text() or 0) >= texts


def opened(
    process: subprocess.Popen[bytes] | subprocess.Popen[str], path: Path
) -> Callable[[], bool]:
    """Whether the process has the file open."""
    folder = Path(f"/proc/{process.pid}/fd")
    return lambda: any(p.resolve() == path for p in folder.iterdir())
