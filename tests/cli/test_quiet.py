"""For cron: nothing is printed while all is well, what is wrong is; messages about the disk are true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qembed.search import Graph
from qembed.search.dense.graphs.library import Library
from qembed.search.lexical.files import LexicalIndexDamaged, writing_errors
from tests.cli.conftest import Shell


@pytest.mark.parametrize("command", ["index", "verify", "status"])
@pytest.mark.slow
def test_quiet_prints_nothing_while_all_is_well(docs: Shell, command: str) -> None:
    done = docs.process(command, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert docs.process(command, "-q", "--format", "json").out.startswith("{")


def test_quiet_of_records_prints_nothing_while_all_is_well(docs: Shell) -> None:
    done = docs("add", "a third thing", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    done = docs("add", "-", "-q", stdin='{"text": "good"}\n{bad\n')
    assert done.code == 4
    assert "not JSON" in done.err
    assert "1 failed" in done.out
    done = docs("forget", "--where", "id exists", "-q")
    assert (done.code, done.out) == (0, "")
    done = docs("forget", "--where", "id exists", "-q", "--format", "json")
    assert done.json["forgotten"] == []


@pytest.mark.slow
def test_quiet_prints_what_is_wrong(docs: Shell) -> None:
    docs.write("docs/bad.ipynb", "no notebook")
    done = docs("index", "-q")
    assert done.code == 4
    assert "cannot read" in done.err
    assert "bad.ipynb" in done.err
    assert "1 failed" in done.out
    assert "bad.ipynb" in docs("status", "-q").out
    stale = docs("status", "-q", "--fail-if-stale", "0s")
    assert stale.code == 3
    assert "stale: refreshed" in stale.err
    (docs.folder / ".qembed/derived/graph.json").unlink()
    done = docs("verify", "-q")
    assert done.code == 2
    assert done.out.startswith("graph: there is no usable graph file")


@pytest.mark.slow
def test_mending_commands_repeat_the_index(docs: Shell) -> None:
    assert docs("index", "docs", "--index", "my index").code == 0
    stamp = docs.folder / "my index/derived/lexical.json"
    stamp.unlink()
    done = docs("verify", "--index", "my index")
    assert "mend: qembed index --index 'my index'\n" in done.out
    body = docs("verify", "--index", "my index", "--format", "json").json
    assert body["findings"][0]["mend"] == "qembed index --index 'my index'"
    assert (
        "(qembed index --index 'my index' makes it)"
        in docs("query", "parcel", "--index", "my index").err
    )
    assert (
        "(qembed index --index 'my index' completes it)"
        in docs("status", "--index", "my index").out
    )
    assert "mend: qembed index\n" not in docs("verify").out
    command = body["findings"][0]["mend"].split(" ", 1)[1]
    assert docs(*command.replace("'", "").split(" ", 2)).code == 0
    assert docs("verify", "--index", "my index").code == 0


def test_the_index_ignores_itself_in_git(docs: Shell) -> None:
    def git(*args: str) -> str:
        command = ["git", "-c", "init.defaultBranch=main", *args]
        return subprocess.run(
            command, cwd=docs.folder, capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    assert git("status", "--porcelain", "-uall").split() == [
        "??", "docs/deep/locks.txt", "??", "docs/parcels.md", "??", "docs/refunds.md",
    ]  # fmt: skip
    (docs.folder / ".qembed/.gitignore").unlink()
    docs.write("docs/new.md", "more")
    assert docs("index").code == 0
    assert not (docs.folder / ".qembed/.gitignore").exists(), "whoever removed it meant it"


def test_a_run_without_documents_leaves_no_folder(shell: Shell) -> None:
    (shell.folder / "docs").mkdir()
    assert shell("index", "docs").code == 2
    assert not (shell.folder / ".qembed").exists()


LIMITED = """
import resource, runpy, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.argv = ["qembed", *sys.argv[2:]]
runpy.run_module("qembed", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        (3_000, "there is no index yet"),
        (75_000, "all documents are indexed, but word index, matrix or graph are behind"),
    ],
)
@pytest.mark.slow
def test_a_disk_that_refuses_is_told_with_the_true_state(
    shell: Shell, limit: int, state: str
) -> None:
    rng = np.random.default_rng(0)
    rows = (
        json.dumps({"_id": str(i), "text": " ".join(f"w{n}" for n in rng.integers(0, 99, 9))})
        for i in range(250)
    )
    shell.write("rows.jsonl", "\n".join(rows))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), "index", "rows.jsonl"],
        cwd=shell.folder, env=shell.env(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot write" in done.stderr
    assert f"({state}; mend this and run the same command again)" in done.stderr
    assert "damaged" not in done.stderr
    assert not list(shell.folder.rglob("*.tmp*"))
    told = shell("status", "-q").out
    assert told.startswith("behind  ") == (limit == 75_000), told
    assert shell("index", "rows.jsonl").code == 0
    assert shell("status", "-q").out == ""
    assert shell("verify").code == 0
    assert len(shell("query", "w1", "-k", "999", "--format", "jsonl").lines) == 250


@pytest.mark.skipif(
    Path(f"/run/user/{os.geteuid()}").is_dir(), reason="sockets go into the user's runtime folder"
)
@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_told_to_who_serves(docs: Shell) -> None:
    done = docs.process("serve", QEMBED_CACHE="/proc/none", XDG_RUNTIME_DIR="")
    assert done.code == 2
    assert "cannot serve from /proc/none/run" in done.err
    assert "$QEMBED_CACHE may name another folder" in done.err


@pytest.mark.parametrize("library", ["hnswlib", "usearch"])
def test_a_graph_that_is_not_written_whole_is_an_error(library: Library) -> None:
    vectors = np.eye(4, dtype=np.float32)
    graph = Graph.empty(4, lambda rows: vectors[rows], library=library)
    graph.add(0, vectors)
    with pytest.raises(OSError, match=r"bytes could be written \(is the disk full"):
        graph.save(Path("/dev/full"))


def test_errors_of_the_disk_are_told_from_damage(tmp_path: Path) -> None:
    text = "An IO error occurred: 'No space left on device (os error 28)'"
    with pytest.raises(OSError, match="No space left"), writing_errors(tmp_path):
        raise ValueError(text)
    for other in ("An IO error occurred: 'No such file (os error 2)'", "Data corrupted"):
        with pytest.raises(LexicalIndexDamaged), writing_errors(tmp_path):
            raise ValueError(other)
