"""`qembed watch` in a process of its own, told of changes by the system."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qembed.locks import FileLock
from qembed.pipeline.indexing import watching as watching_module
from qembed.pipeline.indexing.watching import place_state, watch_places
from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow
SECONDS = 60.0


class Watcher:
    """A running `qembed watch`. `lines`: what it has printed on both streams."""

    def __init__(self, shell: Shell, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qembed", "watch", "--debounce", "0.1", *args],
            cwd=shell.folder,
            env=shell.env(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, text: str) -> str:
        """The first new line with a text in it."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                line = self._lines.get(timeout=1.0)
            except queue.Empty:
                assert self.process.poll() is None, self.seen
                continue
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in {self.seen}")

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        while not self._lines.empty():
            self.seen.append(self._lines.get())
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def watching(docs: Shell) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start(*args: str) -> Watcher:
        started.append(Watcher(docs, *args))
        started[-1].until("watching ")
        return started[-1]

    yield start
    for watcher in started:
        if watcher.process.poll() is None:
            watcher.end(signal.SIGKILL)


def test_changes_are_indexed_until_ctrl_c(docs: Shell, watching: Callable[..., Watcher]) -> None:
    docs.write("docs/.gitignore", "*.tmp\n")
    watcher = watching()
    assert any("3 unchanged" in line for line in watcher.seen)
    docs.write("docs/deep/new.txt", "A zebra.\n")
    assert "1 added" in watcher.until("added")
    docs.write("docs/left.tmp", "An ignored quokka.\n")
    docs.write("new.txt", "A zebra and a walrus.\n").rename(docs.folder / "docs/deep/new.txt")
    assert "1 changed" in watcher.until("changed")
    (docs.folder / "docs/deep/new.txt").unlink()
    assert "1 deleted" in watcher.until("deleted")
    assert watcher.end() == 130
    # what is ignored, and the index's own files, were no changes that are told
    told = [line for line in watcher.seen if " · " in line]
    assert all(" added" in x or " changed" in x or " deleted" in x for x in told[1:])
    assert not any("left.tmp" in line for line in watcher.seen)
    assert docs("verify", "--no-model").code == 0


def test_errors_do_not_end_it(docs: Shell, watching: Callable[..., Watcher]) -> None:
    docs.write("single.md", "# Single\n\nA file of its own.\n")
    docs.old("single.md")
    assert docs("index", "single.md").code == 0
    watcher = watching()
    docs.write("docs/bad.json", "{ not json")
    assert "bad.json" in watcher.until("bad.json")
    shutil.move(docs.folder / "docs", docs.folder / "away")
    watcher.until("qembed: ")
    shutil.move(docs.folder / "away", docs.folder / "docs")
    docs.write("docs/back.txt", "It is back.\n")
    watcher.until("1 added")
    new = docs.write("new.md", "# Single\n\nReplaced, as editors do.\n")
    new.rename(docs.folder / "single.md")
    watcher.until("1 changed")
    lock = FileLock(docs.folder / ".qembed/lock")
    docs.write("docs/while.txt", "Another writer is at work.\n")
    time.sleep(1.0)
    lock.release()
    watcher.until("1 added")
    assert watcher.end(signal.SIGTERM) == 143
    assert docs("query", "another writer", "--format", "paths", "-k", "1").out == "docs/while.txt\n"


def test_what_cannot_be(shell: Shell) -> None:
    for args, message in (
        ((), "no index at ./.qembed"),
        (("-",), "- is read once"),
        (("--debounce", "-1"), "--debounce -1: seconds"),
        (("none",), "cannot read none: no such file or folder"),
    ):
        done = shell("watch", *args)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    shell("add", "a fact")
    done = shell("watch")
    assert done.code == 2
    assert "has no sources to watch (qembed watch PATH)" in done.err


def test_a_folder_of_the_same_name_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "POLL_SECONDS", 0.2)
    folder = tmp_path / "a"
    folder.mkdir()
    events = watch_places(lambda: [folder], tmp_path / ".qembed", 0.05)
    assert [next(events), next(events)] == [True, False]
    folder.rename(tmp_path / "b")
    assert next(event for event in events if event)
    assert place_state(folder) is None
    assert [next(events), next(events)] == [True, False]
    folder.mkdir()
    assert next(event for event in events if event)
    assert [next(events), next(events)] == [True, False]
    (folder / "x").write_text("new")
    assert next(event for event in events if event)
    (tmp_path / ".qembed").mkdir()
    (folder / ".git").mkdir()
    os.utime(folder / ".git")
    assert next(events) is False
