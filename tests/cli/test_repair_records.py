"""Records that came without a file are not given up by a repair that nobody has confirmed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Filled, Shell

SIX = "".join(f'{{"_id": "s{i}", "text": "record number {i}"}}\n' for i in range(6))


@pytest.fixture
def records(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        assert shell("add", "-", stdin=SIX).code == 0

    return filled(index)


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
    assert "7 documents were in damaged shards, 1 of them is read again, 6 are lost" in done.err
    assert records("status", "--format", "json").json["documents"] == 1


def present_documents(shell: Shell) -> Path:
    manifest = json.loads((shell.folder / ".qembed/manifest.json").read_bytes())
    return shell.folder / ".qembed" / manifest["documents"]["name"]


def damage_columns(path: Path, *names: str) -> None:
    """Alters a byte in the data of each column."""
    import pyarrow.parquet as pq

    meta = pq.ParquetFile(path).metadata.row_group(0)
    body = bytearray(path.read_bytes())
    for column in (meta.column(i) for i in range(meta.num_columns)):
        if column.path_in_schema in names:
            start = column.dictionary_page_offset or column.data_page_offset
            body[start + column.total_compressed_size - 2] ^= 0xFF
    path.write_bytes(body)


@pytest.fixture
def mixed(records: Shell) -> Shell:
    """Records with titles and metadata, of which some are gone, beside files."""
    records.write("docs/a.md", "a note")
    records.write("docs/b.md", "another note")
    assert records("index", "docs").code == 0
    meta = '{"_id": "m1", "text": "remember the milk", "title": "Shopping", "kind": "list"}\n'
    assert records("add", "-", stdin=meta).code == 0
    assert records("add", "-", stdin='{"_id": "m2", "text": "a secret", "kind": "x"}\n').code == 0
    assert records("forget", "--where", 'kind = "x"').code == 0
    return records


def hits(shell: Shell) -> list[tuple[str, str, str]]:
    done = shell("query", "note record milk", "-k", "20", "--format", "jsonl", "--mode", "dense")
    return sorted((h["document"], h["title"], h["text"]) for h in done.lines)


@pytest.mark.slow
def test_records_are_kept_when_columns_of_others_are_damaged(mixed: Shell) -> None:
    before = hits(mixed)
    damage_columns(present_documents(mixed), "digest", "mtime_ns", "size")
    assert mixed("index").code == 2
    done = mixed("index", "--repair", "--format", "json")
    assert done.code == 0, done.err
    assert "all sources are read again, 7 records that came without a file kept" in done.err
    assert done.json["passages"]["encoded"] == 0
    assert done.json["documents"]["deleted"] == 0
    assert hits(mixed) == before
    assert mixed("status", "--format", "json").json["documents"] == 9
    assert mixed("query", "milk", "--where", 'kind = "list"', "--format", "jsonl").lines
    assert mixed("verify").code == 0
    again = mixed("add", "-", "--format", "json", stdin=SIX).json
    assert again["documents"]["added"] == again["documents"]["changed"] == 0


@pytest.mark.slow
def test_the_loss_of_titles_is_confirmed(mixed: Shell) -> None:
    texts = [text for _, _, text in hits(mixed)]
    damage_columns(present_documents(mixed), "title", "meta")
    asked = "titles and metadata of 7 records that came without a file (index -, add) would be lost"
    assert asked in mixed("index", "--repair", "--dry-run").err
    done = mixed("index", "--repair")
    assert (done.code, asked in done.err) == (2, True)
    assert "nothing was changed" in done.err
    dry = mixed("index", "--repair", "--yes", "--dry-run")
    assert f"a run does not ask, for --yes: {asked}" in dry.err
    done = mixed("index", "--repair", "--yes", "-q")
    assert done.code == 0
    assert (
        "titles and metadata of 7 records that came without a file (index -, add) are lost"
        in done.err
    )
    assert sorted(text for _, _, text in hits(mixed)) == sorted(texts)


def test_records_alone_are_told_by_their_shards(records: Shell) -> None:
    before = [text for _, _, text in hits(records)]
    cut_off(present_documents(records))
    assert records("index", "--repair").code == 2
    assert records("index", "--repair", "--yes").code == 0
    assert [text for _, _, text in hits(records)] == before
    assert records("verify").code == 0


@pytest.mark.slow
def test_a_damaged_documents_file_gives_up_no_record_unasked(mixed: Shell) -> None:
    cut_off(present_documents(mixed))
    done = mixed("index", "--repair")
    assert done.code == 2
    assert "the records that came without a file (index -, add) are damaged" in done.err
    assert present_documents(mixed).exists()
    dry = mixed("index", "--repair", "--dry-run")
    assert "only a backup of the index has them (--yes gives them up)" in dry.err
    done = mixed("index", "--repair", "--yes", "-q")
    assert done.code == 0
    assert (
        "the records that came without a file (index -, add) were damaged, and are lost" in done.err
    )


def test_files_alone_are_read_again_without_a_question(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    assert shell("index", "docs").code == 0
    (documents,) = (shell.folder / ".qembed").glob("documents*.parquet")
    cut_off(documents)
    done = shell("index", "--repair")
    assert done.code == 0
    assert "all sources are read again" in done.err
    assert shell("status", "--format", "json").json["documents"] == 1


@pytest.mark.slow
def test_files_that_a_damaged_documents_file_named_are_missed(mixed: Shell) -> None:
    damage_columns(present_documents(mixed), "digest")
    (mixed.folder / "docs/a.md").unlink()
    asked = "1 damaged document of 9 in the index would be deleted: not found again"
    assert f"a run would ask: {asked}" in mixed("index", "--repair", "--dry-run").err
    done = mixed("index", "--repair", "-q")
    assert (done.code, asked in done.err) == (2, True)
    (mixed.folder / "docs/b.md").unlink()
    assert "2 damaged documents of 9" in mixed("index", "--repair").err
    done = mixed("index", "--repair", "--yes", "--format", "json")
    assert done.json["deleted_why"] == {"not found again": 2}
    assert mixed("status", "--format", "json").json["documents"] == 7


@pytest.mark.slow
def test_nobody_is_asked_about_files_of_a_source_that_is_given_up(mixed: Shell) -> None:
    damage_columns(present_documents(mixed), "digest")
    shutil.rmtree(mixed.folder / "docs")
    dry = mixed("index", "--repair", "--allow-missing", "--dry-run")
    assert (dry.code, "would ask" in dry.err) == (0, False), dry.err
    assert mixed("index", "--repair", "--allow-missing").code == 0
