"""Runs over an index that was complete, before their first commit: going on, killed, failed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from qembed.locks import FileLock
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.store import manifest as manifests
from tests.cli.conftest import Shell

RUN = """
import sys
from pathlib import Path
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
polls = 0
def stop():
    global polls
    polls += 1
    if polls == 20:
        print(polls, flush=True)
        sys.stdin.read()
    return False
build(Path(".qembed").absolute(), IndexOptions(rebuild="--rebuild" in sys.argv), Progress(stop=stop))
"""


@pytest.fixture
def changed(shell: Shell) -> Shell:
    """A complete index of thirty files, which all have changed since."""
    for i in range(30):
        shell.write(f"docs/p{i:02}.md", f"page number n{i} of the zebra book\n")
    shell.old()
    assert shell("index", "docs").code == 0
    assert shell("status", "-q").out == ""
    for i in range(30):
        shell.write(f"docs/p{i:02}.md", f"page number m{i} of the lion book\n")
    return shell


@contextmanager
def paused(shell: Shell, *args: str) -> Iterator[int]:
    """A run that waits in the middle of its files, and is killed at the end of the block."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, *args],
        cwd=shell.folder,
        env=shell.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"20\n"
        yield run.pid
        run.kill()


@pytest.mark.slow
def test_a_refresh_before_its_first_commit_goes_on_or_was_killed(changed: Shell) -> None:
    before = changed("status", "--format", "json").json
    told = "the index may lack the latest changes: "
    with paused(changed) as process:
        now = changed("status", "--format", "json").json
        assert (now["unfinished"], now["writer"]) == (True, process)
        assert (now["generation"], now["refreshed"]) == (before["generation"], before["refreshed"])
        assert changed("status", "-q").out == f"unfinished  process {process} writes to it\n"
        assert f"{told}process {process} writes to it" in changed("query", "zebra").err
    stopped = "a run was stopped before its end (qembed index completes it)"
    now = changed("status", "--format", "json").json
    assert (now["unfinished"], now["half_made"], now["writer"]) == (True, False, None)
    assert changed("status", "-q").out == f"unfinished  {stopped}\n"
    assert told + stopped in changed("query", "zebra").err
    assert changed("index", "--format", "json").json["documents"]["changed"] == 30
    assert changed("status", "-q").out + changed("query", "lion").err == ""


@pytest.mark.slow
def test_a_rebuild_before_its_first_commit_goes_on_or_was_killed(changed: Shell) -> None:
    with paused(changed, "--rebuild") as process:
        state = f"begun, not finished: process {process} writes to it"
        assert changed("status", "-q").out == f"rebuild     {state}\n"
    state = "begun, not finished: a run was stopped before its end"
    again = "the same qembed index --rebuild goes on"
    assert changed("status", "-q").out == f"rebuild     {state} ({again})\n"
    assert changed("query", "zebra").err == ""
    assert changed("index", "--rebuild").code == 0
    assert changed("status", "-q").out == ""


def test_a_run_that_has_found_nothing_yet_is_running(docs: Shell) -> None:
    with FileLock(docs.folder / ".qembed/lock"):
        (name, said) = docs("status", "-q").out.split(maxsplit=1)
        assert (name, "writes to it" in said) == ("running", True)
    assert docs("status", "-q").out == ""
    assert docs("status", "--format", "json").json["writer"] is None


@pytest.mark.parametrize("rebuild", [False, True])
def test_a_run_that_fails_leaves_no_note(changed: Shell, rebuild: bool) -> None:
    """Its exit code has told; of these two nothing is begun that another run could complete."""

    def fail() -> bool:
        asked.append(True)
        if len(asked) == 20:
            raise MemoryError
        return False

    asked: list[bool] = []
    root = changed.folder / ".qembed"
    before = (root / "manifest.json").read_bytes()
    with pytest.raises(MemoryError):
        build(root, IndexOptions(rebuild=rebuild), Progress(stop=fail))
    assert len(asked) == 20
    assert (root / "manifest.json").read_bytes() == before
    assert changed("status", "-q").out == ""


@pytest.mark.slow
def test_runs_without_a_change_leave_no_note(changed: Shell) -> None:
    assert changed("index").code == 0
    generation = changed("status", "--format", "json").json["generation"]
    changed.write("docs/p00.md", "page number m0 of the lion book\n")  # of the same content
    for _ in range(2):
        assert changed("index").code == 0
        assert changed("status", "-q").out == ""
        assert changed("add", "-", stdin=json.dumps({"id": "n", "text": "a note"})).code == 0
        assert changed("status", "-q").out == ""
    assert changed("status", "--format", "json").json["generation"] <= generation + 2


def test_a_first_run_that_has_not_come_to_its_end_has_no_time_of_refresh(docs: Shell) -> None:
    root = docs.folder / ".qembed"
    now = manifests.read(root)
    assert docs("status", "--format", "json").json["refreshed"] == now.refreshed
    manifests.write(root, replace(now, unfinished=True, refreshed=now.created))
    body = docs("status", "--format", "json").json
    assert (body["half_made"], body["refreshed"]) == (True, None)
    assert body["age_seconds"] > 0
