"""Every command under Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cli.command_table import TABLE, Row, prepared
from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return prepared(tmp_path_factory.mktemp("shell"))


@pytest.fixture(params=TABLE)
def row(request: pytest.FixtureRequest) -> Row:
    return TABLE[request.param]


EARLY = (0, 0.01, 0.03, 0.05)
"""Delays in seconds within what all commands begin with: for the rows of SOME."""
LATE = (0.08, 0.25)
SOME = ("version", "index", "query", "add -")
INTERRUPTED = """
import os, signal, sys, threading, time
from qembed.__main__ import command
delay, sys.argv = float(sys.argv[1]), ["qembed", *sys.argv[2:]]
def interrupt():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
command()
"""


def test_ctrl_c_at_any_moment_ends_without_traceback(ready: Shell, row: Row) -> None:
    # counted from the entry point: the interpreter's own start before it is not ours
    reads = (ready.folder / "hits").read_bytes() if row.reads == b"hits" else row.reads

    def ended(delay: float) -> tuple[float, int, str]:
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(delay), *row.args],
            cwd=ready.folder,
            env=ready.env(),
            input=reads,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return delay, done.returncode, done.stderr.decode()

    delays = EARLY + LATE if row in [TABLE[name] for name in SOME] else LATE
    # two writers at once would be in each other's way
    workers = 1 if {"index", "add", "forget", "serve"} & set(row.args[:1]) else 2
    with ThreadPoolExecutor(workers) as pool:
        for delay, code, err in pool.map(ended, delays):
            assert code in (130, row.code), (delay, code, err)
            assert "Traceback" not in err, (delay, err)
            assert "Exception ignored" not in err, (delay, err)
    assert ready("verify", "--no-model").code == 0
