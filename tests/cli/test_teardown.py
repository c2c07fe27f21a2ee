"""How processes end: a query's at once, any other's in order."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import Done, Shell

NOISY = """
import atexit, sys
from qembed.__main__ import command
sys.argv = ["qembed", *sys.argv[1:]]
atexit.register(lambda: print("torn down", flush=True))
command()
"""


INTERRUPTED = """
import atexit, os, signal, time
from qembed.cli.signal_watch import watched
from qembed.cli.teardown import end_process
atexit.register(lambda: print("torn down", flush=True))
try:
    with watched():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
except KeyboardInterrupt:
    end_process(SystemExit(130))
"""


def test_an_interrupted_process_ends_without_teardown() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def run(shell: Shell, *args: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", NOISY, *args], cwd=shell.folder, env=shell.env(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_a_query_ends_without_teardown(docs: Shell) -> None:
    done = run(docs, "query", "parcel", "--format", "paths")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "docs/parcels.md"
    assert "torn down" not in done.out


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["status"], 0),
        (["query", " "], 2),
        (["query", "--help"], 0),
        (["query", "x", "-k", "0"], 2),
    ],
)
@pytest.mark.slow
def test_other_processes_end_in_order(docs: Shell, args: list[str], code: int) -> None:
    done = run(docs, *args)
    assert done.code == code
    assert done.out.endswith("torn down\n")
