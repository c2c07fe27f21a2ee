"""Every command under what a shell can do to it: closed and full streams, removed folders.

Streams are given to forks of one process; a few commands are started by a shell, to see that it is the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from qembed.cli.app import COMMANDS
from qembed.cli.commands.eval.evaluate import EvalGroup
from qembed.cli.commands.models import app as models
from tests.cli.command_table import GONE, TABLE, Row, prepared, run
from tests.cli.conftest import Shell
from tests.cli.fork_server import ForkServer

pytestmark = pytest.mark.slow


STARTED = ("version", "usage", "add -", "query")
"""Rows that a shell starts."""

Start = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return prepared(tmp_path_factory.mktemp("shell"))


@pytest.fixture(scope="module")
def forks(ready: Shell) -> Iterator[ForkServer]:
    with ForkServer(ready) as server:
        yield server


@pytest.fixture
def start(ready: Shell, forks: ForkServer, row: Row) -> Start:
    """Runs the row with redirections of its streams."""
    if row in [TABLE[name] for name in STARTED]:
        return partial(run, ready)
    return forks


def test_the_table_has_every_command() -> None:
    groups = {
        "eval": EvalGroup.targets,
        "models": dict.fromkeys(c.name for c in models.registered_commands),
    }
    every = {f"{name} {inner}" for name, inside in groups.items() for inner in inside}
    every |= set(COMMANDS) - {"models"}
    rows = {" ".join(row.args) for row in TABLE.values()}
    assert [
        name for name in every if not any(f"{row} ".startswith(f"{name} ") for row in rows)
    ] == []


@pytest.fixture(params=TABLE)
def row(request: pytest.FixtureRequest) -> Row:
    return TABLE[request.param]


def test_closed_stdin_ends_only_what_reads_it(start: Start, row: Row) -> None:
    done = start(row, "<&-")
    if row.reads:
        assert done.returncode == 2
        assert b"qembed: stdin is closed, and " in done.stderr
    else:
        assert done.returncode == row.code, done.stderr


def test_closed_stdout_is_no_error(start: Start, row: Row) -> None:
    done = start(row, ">&-")
    assert (done.returncode, done.stdout) == (row.code, b""), done.stderr


def test_full_stdout_is_an_error(start: Start, row: Row) -> None:
    done = start(row, ">/dev/full")
    assert done.returncode == (2 if row.writes else row.code), done.stderr
    assert (b"qembed: cannot write to stdout: the disk is full" in done.stderr) is row.writes


def test_a_reader_that_ends_early_is_no_error(ready: Shell) -> None:
    for name in ("models list", "help", "query, jsonl", "rerank", "eval diff"):
        with (ready.folder / "hits").open("rb") as hits:
            process = subprocess.Popen(
                [sys.executable, "-m", "qembed", *TABLE[name].args],
                cwd=ready.folder,
                env=ready.env(),
                stdin=hits,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        with process:
            assert process.stderr.read() == b""
        assert process.returncode == 0


@pytest.mark.parametrize("redirect", ["2>/dev/full", "<&- 2>&-"])
def test_messages_that_cannot_be_written_change_no_code(
    start: Start, row: Row, redirect: str
) -> None:
    done = start(row, redirect)
    reads = row.reads and "<" in redirect
    assert done.returncode == (2 if reads else row.code)
    if row.writes and not reads:
        assert done.stdout


def test_files_do_not_take_the_place_of_closed_streams(ready: Shell) -> None:
    new = Row(("index", "docs", "--index", "closed/.qembed"))
    assert run(ready, new, "<&- >&- 2>&-").returncode == 0
    assert run(ready, Row(("verify", "--index", "closed/.qembed"))).stdout == b"ok\n"


def test_a_removed_folder_is_told(start: Start, row: Row) -> None:
    done = start(row, before=GONE)
    alone = {"--help", "--version", "models", "indexes", "trust"}
    free = {*row.args[:1]} <= alone or row.args[-1] in ("--help", "--nope")
    if free:
        assert done.returncode == row.code
    else:
        assert done.returncode == 2
        named = b"the current folder was removed (cd to one that exists)"
        assert named in done.stderr or b"no such file or" in done.stderr.lower()


@pytest.mark.parametrize("name", ["index", "add", "forget", "query", "status", "verify"])
def test_a_removed_folder_does_not_matter_to_an_index_elsewhere(ready: Shell, name: str) -> None:
    place = str(ready.folder / ".qembed")
    for env in ({"QEMBED_INDEX": place}, {}):
        args = TABLE[name].args if env else (*TABLE[name].args, "--index", place)
        done = run(ready, Row(args), before=GONE, **env)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_a_read_only_home_is_told_of_the_variable(ready: Shell, tmp_path: Path) -> None:
    ready.write("beir/corpus.jsonl", '{"_id": "a", "text": "money"}\n')
    ready.write("beir/queries.jsonl", '{"_id": "q", "text": "money"}\n')
    ready.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n")
    (tmp_path / "file").write_text("no folder")
    cache = str(tmp_path / "file" / "cache")
    done = run(ready, Row(("eval", "--beir", "beir")), QEMBED_CACHE=cache)
    assert done.returncode == 2
    assert f"cannot write {cache}".encode() in done.stderr
    assert b"$QEMBED_CACHE" in done.stderr
