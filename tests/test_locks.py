"""File locks between processes: one holder at a time, waiting, and what the others are told."""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from qembed.locks import FileLock, LockHeld, lock_holder


def hold(path: str, ready: object, done: object) -> None:
    with FileLock(Path(path)):
        ready.set()  # type: ignore[attr-defined]
        done.wait(20)  # type: ignore[attr-defined]


def test_the_second_holder_is_told_the_first_ones_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path), pytest.raises(LockHeld) as told:
        FileLock(path)
    assert told.value.pid == str(os.getpid())
    assert path.exists()
    with FileLock(path):  # released, though the file is there
        pass


def test_a_lock_that_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path):
        path.write_bytes(b"")
        with pytest.raises(LockHeld, match="process unknown") as told:
            FileLock(path)
    assert told.value.pid == ""


def test_released_twice_is_released(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.release()
    lock.release()
    FileLock(tmp_path / "lock").release()


def test_the_wait_ends_at_the_timeout(tmp_path: Path) -> None:
    waited = list[str]()
    with FileLock(tmp_path / "lock"):
        began = time.monotonic()
        with pytest.raises(LockHeld):
            FileLock(tmp_path / "lock", 0.2, on_wait=lambda: waited.append("wait"))
        assert time.monotonic() - began >= 0.2
    assert waited == ["wait"]


def test_the_wait_can_be_stopped(tmp_path: Path) -> None:
    asked = list[int]()

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 3

    with FileLock(tmp_path / "lock"), pytest.raises(KeyboardInterrupt):
        FileLock(tmp_path / "lock", math.inf, stop=stop)
    assert len(asked) == 3
    FileLock(tmp_path / "lock").release()


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(path), ready, done))
    other.start()
    try:
        assert ready.wait(20)
        with pytest.raises(LockHeld, match=str(other.pid)):
            FileLock(path)
        other.kill()
        with FileLock(path, 20):
            pass
    finally:
        other.kill()
        other.join()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileLock(tmp_path / "none" / "lock")


def test_the_holder_is_told_without_taking_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock_holder(path) is None
    with FileLock(path):
        assert lock_holder(path) == str(os.getpid())
        path.write_bytes(b"")
        assert lock_holder(path) == ""
    assert lock_holder(path) is None
    with pytest.raises(OSError, match="lock"):
        lock_holder(tmp_path / "lock" / "lock")


def test_asking_for_the_holder_refuses_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    FileLock(path).release()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            lock_holder(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            FileLock(path).release()
    finally:
        ended.set()
        asking.join()
