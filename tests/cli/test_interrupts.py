"""Ctrl-C while a library's call takes its time: the process ends within a second."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import FILES, ROOT, Shell

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
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.01)
        for _ in range(times):
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
        began = time.monotonic()
        code = process.wait(60)
        seconds = time.monotonic() - began
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


def test_sigint_has_its_handler_before_anything_else_is_imported() -> None:
    program = (
        f"import os, sys, _signal; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
        "class Import:\n"
        "    def find_spec(self, name, *_):\n"
        "        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:\n"
        "            print(name)\n"
        "sys.meta_path.insert(0, Import())\n"
        "import qembed.__main__"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    ours = ["", ".__main__", ".cli", ".cli.interrupts", ".version"]
    assert sorted(set(done.stdout.split()) - {"__future__"}) == [f"qembed{name}" for name in ours]
