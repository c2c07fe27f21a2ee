"""A command line of every command, with its exit code; the folder it runs in; a run by `sh`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import ROOT, Shell

EVAL = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--latency", "0")


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
    "serve": Row(("serve", "--idle", "0.2s"), writes=False),
    "mcp": Row(("mcp",), reads=b"\n", writes=False),
    "mcp --print-config": Row(("mcp", "--print-config", "claude")),
}


def prepared(folder: Path) -> Shell:
    """A folder with an index, queries, judgments, a report."""
    shell = Shell(folder / "work")
    shell.folder.mkdir()
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


GONE = "mkdir gone; cd gone; rmdir ../gone;"
"""Goes into a folder that is removed then."""
COMMAND = "from qembed.__main__ import command; command()"
"""What the console script runs; `python -m` needs a current folder that exists."""


def run(
    shell: Shell, row: Row, redirect: str = "", before: str = "", **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs a row through sh. `before`: shell commands; `redirect`: redirections."""
    done = subprocess.run(
        ["sh", "-c", f'{before} exec "$@" {redirect}', "sh", sys.executable, "-c", COMMAND, *row.args],
        cwd=shell.folder,
        # an empty entry of the path is the current folder: the interpreter fails where that is gone
        env=shell.env(**{"PYTHONPATH": str(ROOT), **env}),
        input=input_of(shell, row),
        capture_output=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    return checked(done)


def input_of(shell: Shell, row: Row) -> bytes:
    """What stands on the row's stdin."""
    return (shell.folder / "hits").read_bytes() if row.reads == b"hits" else row.reads


def checked(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    """Gives it back if no exception was shown."""
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Exception" not in done.stderr, done.stderr.decode()
    return done
