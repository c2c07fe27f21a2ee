"""Every command under what a shell can do to it: closed and full streams, removed folders, bytes, Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from qembed.cli.app import COMMANDS
from qembed.cli.commands.eval.evaluate import EvalGroup
from qembed.cli.commands.models import app as models
from tests.cli.conftest import ROOT, Shell

pytestmark = pytest.mark.slow

EVAL = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--latency", "0")
INDEX = ("--index", ".qembed")


@dataclass(frozen=True)
class Row:
    """A command line. `code`: its exit code. `reads`: its stdin. `writes`: it writes data to stdout."""

    args: tuple[str, ...]
    code: int = 0
    reads: bytes = b""
    writes: bool = True


JSON = ("--format", "json")
TABLE = {
    "help": Row(("--help",)),
    "help of a command": Row(("query", "--help")),
    "version": Row(("--version",)),
    "nothing": Row((), 2, writes=False),
    "usage": Row(("query", "--nope"), 2, writes=False),
    "index": Row(("index",)),
    "index, dry": Row(("index", "docs", "--dry-run")),
    "index -": Row(("index", "-", "--index", "other"), reads=b'{"_id": "x", "text": "money"}\n'),
    "add": Row(("add", "a fact")),
    "add -": Row(("add", "-"), reads=b"another fact\n"),
    "forget": Row(("forget", "--where", "suffix = '.none'")),
    "watch": Row(("watch", "none"), 2, writes=False),
    "query": Row(("query", "money")),
    "query, jsonl": Row(("query", "money", "--format", "jsonl")),
    "query -": Row(("query", "-", "--format", "trec"), reads=b"money\n"),
    "rerank": Row(("rerank", "--model", "py:tests.encoders:shouting"), reads=b"hits"),
    "drift": Row(("drift",)),
    "similar": Row(("similar", "a.md")),
    "similar -": Row(("similar", "-"), reads=b"money\n"),
    "duplicates": Row(("duplicates", "--format", "json")),
    "map": Row(("map", "--format", "json")),
    "update-model": Row(("update-model", "--out", "m", "--index", "none"), 2, writes=False),
    "status": Row(("status",)),
    "verify": Row(("verify",)),
    "models list": Row(("models", "list")),
    "models show": Row(("models", "show", "minilm")),
    "models prepare": Row(("models", "prepare", "py:tests.encoders:bag")),
    "eval": Row(EVAL),
    "eval diff": Row(("eval", "diff", "r.json", "r.json")),
    "eval pool": Row(("eval", "pool", "--queries", "q.jsonl", "-o", "p.tsv"), writes=False),
    "eval init": Row(("eval", "init", "retrieval", "--force")),
    "eval sts": Row(("eval", "sts", "sts.tsv")),
    "tune": Row(("tune", "--queries", "q.jsonl", "--qrels", "qrels.tsv"), 2, writes=False),
    "train": Row(("train", "mine", "--pairs", "pairs.jsonl", "--out", "l.jsonl", *JSON)),
    "train adapt": Row(
        ("train", "adapt", "--generate", "corpus", "--write-made", "m.jsonl"), 2, writes=False
    ),
    "train dual": Row(("train", "dual", "q.jsonl", "--out", "d"), 2, writes=False),
    "train sequence": Row(
        ("train", "sequence", "none.fasta", "--units", "gate", "--out", "s"), 2, writes=False
    ),
    "train reranker": Row(
        ("train", "reranker", "--preferences", "docs", "--out", "r", "--model", "late"),
        2,
        writes=False,
    ),
    "export milvus": Row(
        ("export", "milvus", "http://127.0.0.1:9", "--collection", "x", "--index", "none"),
        2,
        writes=False,
    ),
    "export beir": Row(("export", "beir", "beir", "--force")),
    "feedback log": Row(("feedback", "log")),
    "feedback add": Row(("feedback", "add", "none", "--action", "click"), 2, writes=False),
    "feedback add -": Row(
        ("feedback", "add", "-"), 4, b'{"query_id": "none", "action": "click", "position": 1}\n'
    ),
    "feedback import": Row(
        ("feedback", "import", "-"),
        0,
        b'{"user_query": "x", "timestamp": "2025-01-01T00:00:00Z"}\n',
    ),
    "feedback export": Row(("feedback", "export", "--format", "letor"), writes=False),
    "feedback agent": Row(("feedback", "agent", "pairs.jsonl", *JSON), 4),
    "feedback pairs": Row(
        ("feedback", "pairs", "--out", "none.jsonl", "--index", "none"), 2, writes=False
    ),
    "feedback learn": Row(("feedback", "learn", "--index", "none"), 2, writes=False),
    "feedback never": Row(("feedback", "never", "money", "none"), 2, writes=False),
    "feedback report": Row(("feedback", "report", "--index", "none"), 2, writes=False),
    "feedback promote": Row(("feedback", "promote", "mode=dense"), 3, writes=False),
    "feedback forget": Row(("feedback", "forget", "--where", "client_id = 'nobody'")),
    "trust": Row(("trust", "--list")),
    "indexes": Row(("indexes",)),
    "config": Row(("config",)),
    "serve --status": Row(("serve", "--status"), 2, writes=False),
    "serve --stop": Row(("serve", "--stop"), writes=False),
    "serve": Row(("serve", "--idle", "1s"), writes=False),
    "mcp": Row(("mcp",), reads=b"\n", writes=False),
    "mcp --print-config": Row(("mcp", "--print-config", "claude")),
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An index, queries, judgments, a report."""
    folder = tmp_path_factory.mktemp("shell") / "work"
    folder.mkdir()
    shell = Shell(folder)
    shell.write("docs/a.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/b.md", "# Parcels\n\nWhere the parcel is.\n")
    shell.write("q.jsonl", '{"_id": "q1", "text": "money back"}\n')
    shell.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta.md\t1\n")
    rows = ("money back\tback money\t5", "hello you\tparcel\t1", "where is\twhere it is\t4")
    shell.write("pairs.jsonl", '{"query": "money back", "positive": "Money comes back."}\n')
    shell.write("sts.tsv", "\n".join(("sentence1\tsentence2\tscore", *rows, "")))
    shell.old()
    assert shell("index", "docs").code == 0
    assert shell(*EVAL, "--report", "r.json").code == 0
    shell.write("hits", shell("query", "money", "--format", "jsonl").out)
    return shell


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


COMMAND = "from qembed.__main__ import command; command()"
"""What the console script runs; `python -m` needs a current folder that exists."""


def run(
    shell: Shell, row: Row, redirect: str = "", before: str = "", **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs a row through sh. `before`: shell commands; `redirect`: redirections."""
    reads = (shell.folder / "hits").read_bytes() if row.reads == b"hits" else row.reads
    done = subprocess.run(
        ["sh", "-c", f'{before} exec "$@" {redirect}', "sh", sys.executable, "-c", COMMAND, *row.args],
        cwd=shell.folder,
        # an empty entry of the path is the current folder: the interpreter fails where that is gone
        env=shell.env(**{"PYTHONPATH": str(ROOT), **env}),
        input=reads,
        capture_output=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Exception" not in done.stderr, done.stderr.decode()
    return done


@pytest.fixture(params=TABLE)
def row(request: pytest.FixtureRequest) -> Row:
    return TABLE[request.param]


def test_closed_stdin_ends_only_what_reads_it(ready: Shell, row: Row) -> None:
    done = run(ready, row, "<&-")
    if row.reads:
        assert done.returncode == 2
        assert b"qembed: stdin is closed, and " in done.stderr
    else:
        assert done.returncode == row.code, done.stderr


def test_closed_stdout_is_no_error(ready: Shell, row: Row) -> None:
    done = run(ready, row, ">&-")
    assert (done.returncode, done.stdout) == (row.code, b""), done.stderr


def test_full_stdout_is_an_error(ready: Shell, row: Row) -> None:
    done = run(ready, row, ">/dev/full")
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
    ready: Shell, row: Row, redirect: str
) -> None:
    done = run(ready, row, redirect)
    reads = row.reads and "<" in redirect
    assert done.returncode == (2 if reads else row.code)
    if row.writes and not reads:
        assert done.stdout


def test_files_do_not_take_the_place_of_closed_streams(ready: Shell) -> None:
    new = Row(("index", "docs", "--index", "closed/.qembed"))
    assert run(ready, new, "<&- >&- 2>&-").returncode == 0
    assert run(ready, Row(("verify", "--index", "closed/.qembed"))).stdout == b"ok\n"


GONE = "mkdir gone; cd gone; rmdir ../gone;"


def test_a_removed_folder_is_told(ready: Shell, row: Row) -> None:
    done = run(ready, row, before=GONE)
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


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("query", "caf\udce9"), "TEXT"),
        (("query", "x", "--where", "title = '\udce9'"), "--where"),
        (("query", "x", "--task", "\udce9"), "--task"),
        (("add", "caf\udce9"), "TEXT"),
        (("add", "x", "--id", "\udce9"), "--id"),
        (("add", "x", "--meta", "k=\udce9"), "--meta"),
        (("forget", "--where", "id = '\udce9'"), "--where"),
        (("models", "show", "minilm", "--query", "\udce9"), "--query"),
        (("eval", "--fail-under", "\udce9"), "--fail-under"),
    ],
    ids=lambda v: ascii(v)[:30],
)
def test_a_text_that_is_not_utf8_is_refused(
    ready: Shell, args: tuple[str, ...], option: str
) -> None:
    done = run(ready, Row(args))
    assert done.returncode == 2
    assert f"'{option}': ".encode() in done.stderr
    assert rb"\xe9" in done.stderr
    assert b"is not UTF-8" in done.stderr


def test_paths_may_be_any_bytes(ready: Shell) -> None:
    (ready.folder / "d\udce9").mkdir(exist_ok=True)
    ready.write("d\udce9/q\udce9.jsonl", '{"_id": "q1", "text": "money back"}\n')
    (ready.folder / "d\udce9/plain.md").write_text("coffee")
    args = [a.replace("q.jsonl", "d\udce9/q\udce9.jsonl") for a in EVAL]
    report = ("--report", "d\udce9/r\udce9.json", "--save-run", "d\udce9/run")
    assert run(ready, Row((*args, *report))).returncode == 0
    assert (ready.folder / "d\udce9/r\udce9.json").exists()
    for refused in (("index", "docs", "--index", "d\udce9"), ("index", "none\udce9")):
        done = run(ready, Row(refused))
        assert done.returncode == 2
        assert rb"\udce9" in done.stderr


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

    # two writers at once would be in each other's way
    workers = 1 if {"index", "add", "forget", "serve"} & set(row.args[:1]) else 2
    with ThreadPoolExecutor(workers) as pool:
        for delay, code, err in pool.map(ended, (0, 0.03, 0.08, 0.25)):
            assert code in (130, row.code), (delay, code, err)
            assert "Traceback" not in err, (delay, err)
            assert "Exception ignored" not in err, (delay, err)
    assert ready("verify", "--no-model").code == 0


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
