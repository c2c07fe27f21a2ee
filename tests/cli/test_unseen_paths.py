"""Paths that the system does not let us see: one line that names them, and exit 2."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.capabilities import as_others_see
from tests.cli.conftest import Shell

OPTIONS = [
    ["query", "x", "--index", "PATH"],
    ["query", "x", "--model", "PATH"],
    ["query", "x", "--rerank", "./PATH"],
    ["rerank", "--run", "PATH", "--queries", "PATH"],
    ["index", "PATH"],
    ["index", "docs", "--index", "PATH"],
    ["index", "docs", "--index", "new", "--model", "PATH"],
    ["add", "x", "--index", "PATH"],
    ["forget", "--where", "id = 'x'", "--index", "PATH"],
    ["status", "--index", "PATH"],
    ["verify", "--index", "PATH"],
    ["config", "--index", "PATH"],
    ["serve", "--status", "--index", "PATH"],
    ["models", "show", "PATH"],
    ["models", "prepare", "PATH"],
    ["eval", "init", "PATH"],
    ["eval", "--beir", "PATH"],
    ["eval", "--run", "PATH", "--qrels", "PATH"],
    ["eval", "--queries", "PATH", "--qrels", "PATH"],
    ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--save-run", "PATH"],
    ["eval", "diff", "PATH", "PATH"],
    ["eval", "sts", "PATH"],
    ["tune", "--queries", "PATH", "--qrels", "PATH"],
    ["train", "encoder", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--out", "PATH"],
    ["train", "merge", "minilm", "minilm", "--out", "PATH"],
]


@pytest.fixture
def closed(docs: Shell) -> Iterator[Shell]:
    """A folder `closed` that nobody may enter, beside an index."""
    docs.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    folder = docs.folder / "closed"
    folder.mkdir()
    folder.chmod(0)
    try:
        with as_others_see():
            with pytest.raises(PermissionError):
                (folder / "x").stat()
            yield docs
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("command", OPTIONS, ids=" ".join)
@pytest.mark.parametrize(
    ("path", "reason"),
    [("x" * 300, "the name is too long"), ("loop/x", "too many symbolic links")],
    ids=["long", "loop"],
)
@pytest.mark.slow
def test_a_path_that_cannot_be(docs: Shell, command: list[str], path: str, reason: str) -> None:
    (docs.folder / "loop").symlink_to("loop")
    docs.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    _is_refused(docs, [word.replace("PATH", path) for word in command], path, reason)


@pytest.mark.parametrize("command", OPTIONS, ids=" ".join)
@pytest.mark.slow
def test_a_path_in_a_closed_folder(closed: Shell, command: list[str]) -> None:
    words = [word.replace("PATH", "closed/x") for word in command]
    _is_refused(closed, words, "closed/x", "permission denied")


def _is_refused(shell: Shell, command: list[str], path: str, reason: str) -> None:
    done = shell(*command)
    assert done.code == 2
    assert done.out == ""
    assert path in done.err
    assert reason in done.err


def test_variables_and_the_current_folder(closed: Shell) -> None:
    done = closed("query", "x", QEMBED_INDEX="closed/i")
    assert (done.code, "closed/i/manifest.json: permission denied" in done.err) == (2, True)
    done = closed("query", "x", "--index", "docs.none", QEMBED_CACHE="closed/c")
    assert done.code == 2


@pytest.mark.parametrize("below", [".", "sub"])
def test_a_repository_of_another_user(closed: Shell, below: str) -> None:
    closed.write("g/.gitignore", "secret.md\n")
    for name in ("a.md", "secret.md"):
        closed.write(f"g/sub/{name}", f"text of {name}")
    subprocess.run(["git", "init", "-q", closed.folder / "g"], check=True)
    (closed.folder / "g/.git").chmod(0)
    try:
        done = closed("index", f"g/{below}", "--index", "new", "--format", "json")
    finally:
        (closed.folder / "g/.git").chmod(0o755)
    assert done.code == 4
    assert done.json["documents"]["added"] == 1
    assert "g/.git/info/exclude: ignore file: permission denied" in done.err


def test_a_source_that_lost_its_permission(closed: Shell) -> None:
    (closed.folder / "docs").chmod(0)
    try:
        refresh = closed("index", "--format", "json")
        answer = closed("query", "parcel", "--format", "jsonl")
        checked = closed("verify", "--no-model")
    finally:
        (closed.folder / "docs").chmod(0o755)
    assert refresh.code == 4
    assert refresh.json["documents"]["deleted"] == 0
    assert "docs: folder cannot be listed: permission denied" in refresh.err
    assert answer.code == 0
    assert answer.lines[0]["path"].endswith("work/docs/parcels.md")
    assert checked.code == 2
    assert "3 files are not readable any more" in checked.out
    assert "--allow-missing" not in checked.out


def test_a_file_is_no_index(docs: Shell) -> None:
    docs.write("file", "")
    for command in (["query", "x"], ["index", "docs"], ["add", "x"], ["status"], ["verify"]):
        done = docs(*command, "--index", "file")
        assert (done.code, "file is a file: an index is a folder" in done.err) == (2, True)


def test_what_no_command_foresees(docs: Shell) -> None:
    (shard,) = (docs.folder / ".qembed/shards").iterdir()
    shard.unlink()
    shard.symlink_to(shard.name)
    done = docs("query", "parcel")
    assert done.code == 2
    assert done.err == f"qembed: cannot use {shard}: too many symbolic links\n"


@pytest.mark.parametrize("name", ["d", "d/a.txt"])
def test_a_source_whose_name_is_not_utf8(shell: Shell, name: str) -> None:
    folder = shell.folder / os.fsdecode(b"d\xff")
    folder.mkdir()
    (folder / "a.txt").write_text("a badger")
    done = shell(
        "index", os.fsdecode(name.replace("d", "d\udcff").encode("utf-8", "surrogateescape"))
    )
    assert done.code == 2
    assert r"\xff" in done.err
    assert "the path of a source must be UTF-8 (rename it)" in done.err
    assert not (shell.folder / ".qembed").exists()
