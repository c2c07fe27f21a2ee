"""Ctrl-C while a library's call takes its time: the process ends within a second."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from qembed.locks import lock_holder
from tests.cli.conftest import FILES, Filled, Shell

pytestmark = pytest.mark.slow

STUBBORN = "py:tests.encoders:stubborn"


def interrupted(shell: Shell, *args: str, stdin: str = "", times: int = 1) -> tuple[int, float]:
    """Exit code and seconds from the last SIGINT to the end of a command that is in a library's call."""
    begun = shell.folder / "begun"
    begun.unlink(missing_ok=True)
    with (
        (shell.folder / "input").open("w+b") as given,
        (shell.folder / "stderr").open("w+b") as said,
    ):
        given.write(stdin.encode())
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "qembed", *args],
            cwd=shell.folder,
            env=shell.env(STUBBORN=str(begun)),
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            while not begun.exists():
                assert process.poll() is None
                time.sleep(0.01)
            for _ in range(times):
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
            began = time.monotonic()
            code = process.wait(60)
            seconds = time.monotonic() - began
        finally:
            process.kill()
        said.seek(0)
        assert b"Traceback" not in said.read()
    return code, seconds


@pytest.mark.parametrize("command", ["query", "rerank", "eval"])
def test_ctrl_c_ends_a_rerank_within_a_second(collection: Shell, command: str) -> None:
    args, stdin = {
        "query": (["query", "w1 w2", "--rerank", STUBBORN], ""),
        "rerank": (
            ["rerank", "--model", STUBBORN],
            collection("query", "w1", "--format", "jsonl").out,
        ),
        "eval": ([*FILES, "--rerank", STUBBORN], ""),
    }[command]
    code, seconds = interrupted(collection, *args, stdin=stdin)
    assert code == 130
    assert seconds < 2  # .7, on a machine that has other work as well


@pytest.mark.parametrize("encoder", ["stubborn_bag", "losing_bag"])
@pytest.mark.parametrize("command", ["query", "verify", "models"])
def test_ctrl_c_ends_an_encoding_within_a_second(shell: Shell, encoder: str, command: str) -> None:
    shell.write("d/a.md", "alpha")
    model = f"py:tests.encoders:{encoder}"
    assert shell("index", "d", "--model", model).code == 0
    args = {"query": ["query", "w1"], "verify": ["verify"], "models": ["models", "show", model]}
    more = ["--compare", "py:tests.encoders:bag"] if command == "models" else []
    code, seconds = interrupted(shell, *args[command], *more)
    assert code == 130
    assert seconds < 2


@pytest.mark.parametrize("given", [b"", b'{"text": "one"}\n{"te'])
@pytest.mark.parametrize("command", [["add", "-"], ["index", "-"], ["index", "d", "-"]])
def test_ctrl_c_ends_the_wait_for_input(shell: Shell, command: list[str], given: bytes) -> None:
    shell.write("d/a.md", "alpha")
    assert shell("index", "d").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", *command],
        cwd=shell.folder,
        env=shell.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.flush()
    lock = shell.folder / ".qembed/lock"
    end = time.monotonic() + 30
    while not lock_holder(lock):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.3)  # until it waits for input
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait(20) == 130
    assert time.monotonic() - began < 2
    assert process.stderr is not None
    said = process.stderr.read()
    assert b"stopping" in said
    assert b"empty" not in said
    assert b"cannot read" not in said
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()
    assert shell("status", "--format", "json").json["documents"] == 1


IN_AN_IMPORT = """
import os, signal, sys
from qembed.__main__ import command
class Interrupt:
    def find_spec(self, name, *_):
        if name == "numpy._core.multiarray":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:  # as an extension that imports it does
                raise ImportError("numpy") from None
sys.meta_path.insert(0, Interrupt())
command()
"""


@pytest.mark.parametrize("command", [["eval", "sts", "s.tsv"], ["query", "x"], ["verify"]])
def test_ctrl_c_in_an_import_is_not_lost(docs: Shell, command: list[str]) -> None:
    docs.write("s.tsv", "sentence1\tsentence2\tscore\na\tb\t1\nc\td\t2\ne\tf\t3\n")
    done = subprocess.run(
        [sys.executable, "-c", IN_AN_IMPORT, *command],
        cwd=docs.folder,
        env=docs.env(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_twice_ends_an_index_run_within_a_second(collection: Shell) -> None:
    model = "py:tests.encoders:stubborn_bag"
    args = ("index", "corpus.jsonl", "--model", model, "--index", "new/.qembed")
    code, seconds = interrupted(collection, *args, times=2)
    assert code == 130
    assert seconds < 2
    assert collection("verify", "--no-model").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_dry_run_without_a_plan(shell: Shell, number: signal.Signals) -> None:
    shell.write("r.jsonl", "".join(f'{{"text": "record number {i}"}}\n' for i in range(500)))
    log = shell.folder / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index", "r.jsonl", "--dry-run"],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY="0.01", BAG_LOG=str(log)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not log.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 2
    assert process.returncode == 128 + number
    assert "would" not in out
    assert err == ""
    assert not (shell.folder / ".qembed").exists()


BEFORE_A_QUESTION = """
import os, signal
from qembed.__main__ import command
from qembed.cli.console import Console
asked = Console.confirmed
def confirmed(*args):
    os.kill(os.getpid(), signal.SIGTERM)
    return asked(*args)
Console.confirmed = confirmed
command()
"""


@pytest.fixture
def losing(filled: Filled) -> Shell:
    """An index most of whose documents are gone, so that a refresh asks."""

    def index(shell: Shell) -> None:
        records = [f'{{"_id": "{i}", "text": "record number {i}"}}\n' for i in range(80)]
        for n, record in enumerate(records):
            shell.write(f"d/{n}.jsonl", record)
        assert shell("index", "d").code == 0
        for n in range(70):
            (shell.folder / f"d/{n}.jsonl").unlink()

    return filled(index)


def test_a_signal_just_before_a_question_ends_the_run(losing: Shell) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_A_QUESTION, "index"],
        cwd=losing.folder,
        env=losing.env(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        timeout=20,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    assert done.returncode == 143
    assert b"stopping" in shown
    assert b"[y/N]" not in shown
    assert b"Traceback" not in shown
    assert losing("index", "--yes", "--format", "json").json["documents"]["deleted"] == 70


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_a_question_ends_the_run(losing: Shell, number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index"],
        cwd=losing.folder,
        env=losing.env(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 1 << 16)
    time.sleep(0.2)  # until it reads the answer
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    with suppress(OSError):  # the other end is closed
        while part := os.read(ours, 1 << 16):
            shown += part
    os.close(ours)
    assert b"Traceback" not in shown
    assert b"stopping" not in shown
    assert losing("status", "--format", "json").json["documents"] == 80
    assert losing("index", "--yes", "--format", "json").json["documents"]["deleted"] == 70
