"""Records that came without a file are not given up by a repair that nobody has confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

SIX = "".join(f'{{"_id": "s{i}", "text": "record number {i}"}}\n' for i in range(6))


@pytest.fixture
def records(shell: Shell) -> Shell:
    assert shell("add", "-", stdin=SIX).code == 0
    return shell


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_records_in_a_damaged_shard_are_lost_only_with_yes(records: Shell) -> None:
    (shard,) = (records.folder / ".qembed/shards").iterdir()
    cut_off(shard)
    done = records("index", "--repair")
    assert done.code == 2
    assert (
        "6 records that came without a file (index -, add) are damaged and would be lost"
        in done.err
    )
    assert "nothing was changed" in done.err
    assert records("status", "--format", "json").json["documents"] == 6
    done = records("index", "--repair", "--yes", "--format", "json")
    assert done.code == 0
    assert "6 documents were in damaged shards and are lost" in done.err
    assert done.json["documents"]["deleted"] == 6
    assert done.json["deleted_why"] == {"damaged, and in no file": 6}


def test_records_with_files_beside_them(records: Shell) -> None:
    records.write("docs/a.md", "a note")
    assert records("index", "docs").code == 0
    for shard in (records.folder / ".qembed/shards").iterdir():
        cut_off(shard)
    assert records("index", "--repair").code == 2
    done = records("index", "--repair", "--yes")
    assert "7 documents were in damaged shards, 1 of them are read again, 6 are lost" in done.err
    assert records("status", "--format", "json").json["documents"] == 1


def test_a_damaged_documents_file_gives_up_no_record_unasked(records: Shell) -> None:
    (documents,) = (records.folder / ".qembed").glob("documents*.parquet")
    cut_off(documents)
    done = records("index", "--repair")
    assert done.code == 2
    assert "the records that came without a file (index -, add) are damaged" in done.err
    assert documents.exists()


def test_files_alone_are_read_again_without_a_question(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    assert shell("index", "docs").code == 0
    (documents,) = (shell.folder / ".qembed").glob("documents*.parquet")
    cut_off(documents)
    done = shell("index", "--repair")
    assert done.code == 0
    assert "all sources are read again" in done.err
    assert shell("status", "--format", "json").json["documents"] == 1
