"""Damage that `index` and `status` notice by the times of files, and what they say of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Filled, Shell, index_sixty


@pytest.fixture
def many(filled: Filled) -> Shell:
    """Sixty files, and three records that came without one."""

    def index(shell: Shell) -> None:
        index_sixty(shell)
        records = "".join(f'{{"_id": "r{i}", "text": "record number {i}"}}\n' for i in range(3))
        assert shell("add", "-", stdin=records).code == 0
        assert shell("index").code == 0

    return filled(index)


def files(shell: Shell) -> tuple[Path, list[Path], Path]:
    """Documents file, shards and vector matrix of the present generation."""
    root = shell.folder / ".qembed"
    manifest = json.loads((root / "manifest.json").read_bytes())
    shards = [root / s["file"]["name"] for s in manifest["shards"]]
    vectors = json.loads((root / "derived/vectors.json").read_bytes())["file"]
    return root / manifest["documents"]["name"], shards, root / vectors


def alter(path: Path) -> None:
    """Alter 200 bytes in the middle."""
    body = bytearray(path.read_bytes())
    for i in range(max(0, len(body) // 2 - 100), min(len(body), len(body) // 2 + 100)):
        body[i] ^= 0xFF
    path.write_bytes(body)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_index_refuses_a_damaged_shard_and_status_names_it(many: Shell) -> None:
    shard = files(many)[1][0]
    alter(shard)
    name = f"shards/{shard.name}"
    assert f"{name} has another content than was written" in many("status", "-q").out
    assert [d["name"] for d in many("status", "--format", "json").json["damaged_files"]] == [name]
    for command in (["index"], ["index", "-q"], ["index", "--dry-run"], ["add", "more"]):
        done = many(*command)
        assert done.code == 2, command
        assert f"{name} has another content than was written (checksum)" in done.err
        assert "(qembed index --repair reads and encodes what is lost anew" in done.err
        assert f"{name} has another content than was written" in many("status", "-q").out
    assert many("index", "--repair").code == 0
    assert many("status", "-q").out == many("index", "-q").err == ""
    assert many("verify", "--no-model").code == 0


def test_index_refuses_a_damaged_documents_file_of_the_old_times(many: Shell) -> None:
    documents = files(many)[0]
    times = documents.stat()
    alter(documents)
    os.utime(documents, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "(qembed index --repair" in (done := many("index")).err
    assert done.code == 2


def test_what_no_repair_mends_is_said(many: Shell) -> None:
    documents, shards, _ = files(many)
    alter(documents)
    alter(shards[0])
    helps = f"(restore a backup, or remove {many.folder}/.qembed and run qembed index PATH again)"
    for done in (many("index"), many("index", "--repair")):
        assert (done.code, helps in done.err, "--repair reads" in done.err) == (2, True, False)
    assert many("status", "-q").out.count(helps) == 2


def test_a_query_that_fails_leaves_a_note(many: Shell) -> None:
    shard = files(many)[1][0]
    times = shard.stat()
    alter(shard)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert many("query", "page 7", "--mode", "dense").code in (0, 2)
    for column in ("text", "vector"):  # decode all of it, as some query would
        from qembed.errors import IndexDamaged
        from qembed.store import Snapshot

        with Snapshot.open(many.folder / ".qembed") as snapshot:
            try:
                list(snapshot.vector_batches(0) if column == "vector" else snapshot.text_batches(0))
            except IndexDamaged:
                break
    else:
        pytest.fail("the damage was not found")
    assert f"shards/{shard.name}" in many("status", "-q").out
    assert many("index").code == 2


def test_a_copy_is_checked_once_and_is_whole(many: Shell) -> None:
    root = many.folder / ".qembed"
    shutil.copytree(root, many.folder / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(root)
    (many.folder / "copy").rename(root)
    assert many("status", "-q").out == ""
    assert many("index", "-q").code == 0
    first = (root / "checked.json").read_bytes()
    assert many("index", "-q").code == 0
    assert (root / "checked.json").read_bytes() == first


def test_a_damaged_matrix_is_made_anew(many: Shell) -> None:
    matrix = files(many)[2]
    whole = matrix.read_bytes()
    alter(matrix)
    done = many("index")
    assert done.code == 0
    assert "made anew: the vector matrix differs from the shards near row 0" in done.err
    assert files(many)[2].read_bytes() == whole
    alter(files(many)[2])
    (found,) = many("verify", "--no-model", "--format", "json").json["findings"]
    assert (found["kind"], found["mend"]) == ("vectors", "qembed index")
    assert many("query", "page 7", "-k", "1").code == 0
    assert many("index").code == 0
    assert files(many)[2].read_bytes() == whole


def test_a_dry_run_of_a_repair_says_what_is_lost(many: Shell) -> None:
    _, shards, matrix = files(many)
    alter(matrix)
    before = tree(many.folder)
    plan = many("index", "--repair", "--dry-run", "--format", "json")
    assert plan.json["would"]["repair"] == [str(matrix)]
    shards[0].write_bytes(b"")
    shards[1].write_bytes(b"")
    before |= tree(many.folder)
    done = many("index", "--repair", "--dry-run")
    assert done.code == 0
    assert f"repair\t.qembed/shards/{shards[0].name}\n" in done.out
    assert "63 documents were in damaged shards, 60 of them are read again, 3 are lost" in done.err
    assert "would: repair 2 files, 60 added, 3 deleted (damaged, and in no file)" in done.out
    assert "a run would ask: 3 records that came without a file" in done.err
    assert tree(many.folder) == before


def test_what_is_too_much_to_read_is_not_taken_to_be_whole(
    many: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = files(many)[2]
    whole = matrix.read_bytes()
    alter(matrix)
    with monkeypatch.context() as patch:
        patch.setattr("qembed.store.damage.noticed.REFRESH_BYTES", 1000)
        assert many("index").code == 0
    assert files(many)[2].read_bytes() != whole
    assert "made anew" in many("index").err
    assert files(many)[2].read_bytes() == whole


@pytest.mark.parametrize("pattern", ["lexical-*/*.idx", "graph-*.bin", "graph-*.groups"])
@pytest.mark.slow
def test_large_derived_files_of_another_time_are_mended(
    many: Shell, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr("qembed.store.derived_files.CHECKED_BYTES", 100)
    path = sorted((many.folder / ".qembed/derived").glob(pattern))[0]
    alter(path)
    assert "made anew" in many("index").err
    assert many("verify", "--no-model").code == 0
    assert many("index").err == ""
