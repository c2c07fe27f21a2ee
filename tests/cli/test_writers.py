"""Several qembed processes on one index, and disks that refuse: real processes, real file systems."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qembed.locks import FileLock
from tests.capabilities import as_others_see
from tests.cli.conftest import Shell
from tests.cli.waiting import encoded, opened, until

pytestmark = pytest.mark.slow


@contextmanager
def slow(shell: Shell, *args: str, delay: str = "0.01") -> Iterator[subprocess.Popen[bytes]]:
    """`qembed` in the background with an encoder that takes its time; waits until it encodes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", *args],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY=delay, BAG_LOG=str(shell.folder / "log"), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if b"loading" in line:
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def records(shell: Shell, name: str, n: int, word: str) -> None:
    lines = (json.dumps({"_id": f"{name}{i}", "text": f"{word} {i}"}) for i in range(n))
    shell.write(name, "\n".join(lines))
    shell.old(name)


def found(shell: Shell, query: str) -> list[str]:
    done = shell("query", query, "-k", "500", "--format", "jsonl")
    assert done.code == 0, done.err
    return [h["text"].split()[0] for h in done.lines]


def test_a_second_writer_is_told_who_is_there_or_waits(docs: Shell) -> None:
    records(docs, "r.jsonl", 150, "first")
    with slow(docs, "index", "r.jsonl") as first:
        refused = docs("index")
        assert refused.code == 75
        assert str(first.pid) in refused.err
        assert "--wait SECONDS" in refused.err
        assert len(found(docs, "money")) == 3, "readers take no lock"
        docs.write("docs/new.md", "something new")
        waited = docs("index", "--wait", "60", "--format", "json")
        assert waited.code == 0, waited.err
        assert first.wait(30) == 0
    assert waited.json["documents"]["added"] == 1
    assert waited.json["passages"]["total"] == 154
    assert docs("verify").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("index",), ("add", "a memory")])
def test_a_signal_ends_the_wait_for_another_writer(
    docs: Shell, command: tuple[str, ...], number: signal.Signals
) -> None:
    with FileLock(docs.folder / ".qembed" / "lock"):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "qembed", *command, "--wait", "60"],
            cwd=docs.folder,
            env=docs.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(waiting, opened(waiting, docs.folder / ".qembed/lock"))
        waiting.send_signal(number)
        out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 128 + number
    assert out == ""
    assert "Traceback" not in err
    assert docs("verify").code == 0


def test_a_killed_writer_s_lock_blocks_nobody(docs: Shell) -> None:
    records(docs, "r.jsonl", 500, "first")
    with slow(docs, "index", "r.jsonl") as writer:
        writer.kill()
        writer.wait()
        assert docs("index", "r.jsonl").code == 0
    assert len(found(docs, "first")) == 500
    assert docs("verify").code == 0


def test_beside_a_rebuild_the_old_index_answers_until_the_switch(shell: Shell) -> None:
    records(shell, "r.jsonl", 300, "old")
    assert shell("index", "r.jsonl").code == 0
    before = shell("status", "--format", "json").json
    records(shell, "r.jsonl", 300, "new")
    answers = []
    with slow(shell, "index", "--rebuild", "--max-tokens", "100") as rebuild:
        assert shell("index").code == 75
        while rebuild.poll() is None:
            answers.append(set(found(shell, "old 5")))
        assert rebuild.returncode == 0
    answers.append(set(found(shell, "old 5")))
    assert answers[0] == {"old"}
    assert answers[-1] == {"new"}
    assert all(a in ({"old"}, {"new"}) for a in answers), "a mix"
    after = shell("status", "--format", "json").json
    assert after["generation"] > before["generation"]
    assert after["recipe"]["max_tokens"] == 100
    assert after["rebuilding"] is False


def test_a_rebuild_that_was_ended_goes_on_where_it_stopped(shell: Shell) -> None:
    records(shell, "r.jsonl", 400, "some")
    assert shell("index", "r.jsonl").code == 0
    with slow(shell, "index", "--rebuild", "--max-tokens", "100", "--format", "json") as rebuild:
        until(rebuild, encoded(shell.folder / "log", 50))
        rebuild.send_signal(signal.SIGTERM)
        out, err = rebuild.communicate(timeout=60)
        assert rebuild.returncode == 143, err
    first = json.loads(out)
    assert 0 < first["passages"]["encoded"] < 400
    status = shell("status", "--format", "json").json
    assert status["rebuilding"] is True
    assert status["recipe"]["max_tokens"] == 200
    assert len(found(shell, "some")) == 400
    rest = shell("index", "--rebuild", "--max-tokens", "100", "--format", "json")
    assert rest.code == 0, rest.err
    assert first["passages"]["encoded"] + rest.json["passages"]["encoded"] == 400
    assert shell("verify").code == 0


def in_namespace(shell: Shell, mount: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    """`qembed` where `mount` was done first, in a namespace that ends with it."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    tried = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mount], cwd=shell.folder, capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"mounting is not allowed here: {tried.stderr.decode().strip()}")
    command = f'{mount} && exec "$0" -m qembed "$@"'
    return subprocess.run(
        ["unshare", "-Urm", "sh", "-c", command, sys.executable, *args],
        cwd=shell.folder,
        env=shell.env(),
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_a_small_disk_that_fills_up(docs: Shell) -> None:
    """A tmpfs that holds the index so far and not what is to come; what it holds is kept outside."""
    root = docs.folder / ".qembed"
    records(docs, "r.jsonl", 3000, "many words that take up room and more of it")
    mount = (
        "mkdir -p small kept && mount -t tmpfs -o size=600k tmpfs small && cp -a .qembed small/i"
    )
    done = in_namespace(docs, mount, "index", "r.jsonl", "--index", "small/i")
    assert done.returncode == 2, done.stderr
    assert b"the disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
    # and the next one finds the old generation whole: the same disk, a query after the failure
    script = f"{mount} && ! {sys.executable} -m qembed index r.jsonl --index small/i -q"
    again = in_namespace(docs, script, "query", "money", "--index", "small/i", "--format", "paths")
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == 3
    assert root.exists()


def test_a_disk_that_becomes_read_only(docs: Shell) -> None:
    docs.write("docs/new.md", "something new")
    mount = "mount --bind .qembed .qembed && mount -o remount,bind,ro .qembed"
    done = in_namespace(docs, mount, "index")
    assert done.returncode == 2, done.stderr
    assert b"read-only" in done.stderr
    assert b"Traceback" not in done.stderr
    query = in_namespace(docs, mount, "query", "money", "--format", "paths")
    assert query.returncode == 0, query.stderr
    assert len(query.stdout.splitlines()) == 3
    assert docs("index").code == 0
    assert len(found(docs, "new")) == 4


def test_a_file_that_may_not_grow(docs: Shell) -> None:
    """RLIMIT_FSIZE: the quota of a process; where nothing can be mounted this is what is left."""
    records(docs, "r.jsonl", 3000, "many words that take up room and more of it")
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({200_000}, {200_000}))"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{limit}; from qembed.__main__ import main; main()",
            "index",
            "r.jsonl",
        ],
        cwd=docs.folder,
        env=docs.env(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert b"File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    left = list((docs.folder / ".qembed/shards").iterdir())
    assert len(left) == 1, "what was half written is gone at once"
    assert len(found(docs, "money")) == 3
    assert docs("index", "r.jsonl").code == 0
    assert len(found(docs, "money")) == 500
    assert docs("verify").code == 0


def test_a_lost_permission(docs: Shell) -> None:
    docs.write("docs/new.md", "something new")
    root: Path = docs.folder / ".qembed"
    root.chmod(0o500)
    try:
        with as_others_see():
            done = docs("index")
        assert done.code == 2
        assert "permission denied" in done.err
    finally:
        root.chmod(0o700)
    assert docs("index").code == 0


def test_who_waits_for_a_first_run_goes_on_after_it(shell: Shell) -> None:
    records(shell, "r.jsonl", 150, "first")
    with slow(shell, "index", "r.jsonl") as first:
        assert shell("index", "-q").code == 75
        waited = shell("index", "--wait", "60", "--format", "json")
        assert waited.code == 0, waited.err
        assert first.wait(30) == 0
    assert waited.json["documents"]["unchanged"] == 150


def test_who_waits_for_a_first_run_that_leaves_nothing_begins_anew(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    root = shell.folder / ".qembed"
    (root / "shards").mkdir(parents=True)
    with FileLock(root / "lock"):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "qembed", "index", "docs", "--wait", "60"],
            cwd=shell.folder, env=shell.env(), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        fd = Path(f"/proc/{waiting.pid}/fd")
        while str(root / "lock") not in map(os.path.realpath, fd.iterdir()):
            time.sleep(0.01)
        shutil.rmtree(root)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    assert shell("verify", "--no-model").code == 0
    with FileLock(root / "lock"):
        assert shell("index").code == 75, "the lock that is there is the one that was taken"
