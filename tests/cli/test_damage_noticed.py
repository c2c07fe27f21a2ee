"""Damage that a query notices by what it reads anyway: sizes of files, checksums of the pages it decodes."""

from __future__ import annotations

import os

import pytest

from tests.cli.conftest import Shell


def test_a_query_tells_of_a_shard_of_another_size(docs: Shell) -> None:
    docs.write("docs/later.md", "something that is in another shard")
    assert docs("index").code == 0
    shards = sorted((docs.folder / ".qembed/shards").iterdir())
    assert len(shards) == 2
    with shards[0].open("ab") as file:
        file.write(b"x")
    done = docs("query", "another", "--mode", "lexical")
    assert done.code == 0
    assert f"shards/{shards[0].name} is damaged" in done.err
    assert "(qembed verify tells what is lost)" in done.err
    os.truncate(shards[0], shards[0].stat().st_size - 1)
    assert docs("query", "another", "--mode", "lexical").err == ""


def test_a_query_refuses_text_whose_checksum_is_wrong(docs: Shell) -> None:
    import pyarrow.parquet as pq

    (shard,) = (docs.folder / ".qembed/shards").iterdir()
    meta = pq.ParquetFile(shard).metadata.row_group(0)
    (text,) = (
        meta.column(i) for i in range(meta.num_columns) if meta.column(i).path_in_schema == "text"
    )
    body = bytearray(shard.read_bytes())
    end = text.data_page_offset + text.total_compressed_size
    body[end - 5] ^= 0x01
    shard.write_bytes(body)
    done = docs("query", "money back")
    assert done.code == 2
    assert f"{shard} is damaged" in done.err
    assert "(qembed verify tells what is lost)" in done.err


def corrupt(shell: Shell, pattern: str) -> None:
    (path,) = (shell.folder / ".qembed/derived").glob(pattern)
    body = bytearray(path.read_bytes())
    for i in range(max(0, len(body) // 2 - 100), min(len(body), len(body) // 2 + 100)):
        body[i] ^= 0xFF
    path.write_bytes(body)


KINDS = {
    "lexical-*/*.idx": "lexical",
    "graph-*.bin": "graph",
    "graph-*.groups": "graph",
    "profile-*.bin": "profile",
    "background-*.bin": "background",
}


@pytest.mark.parametrize("pattern", KINDS)
@pytest.mark.slow
def test_a_damaged_derived_file_is_mended_by_a_refresh(many: Shell, pattern: str) -> None:
    kind = KINDS[pattern]
    corrupt(many, pattern)
    assert many("index").code == 0, "nobody has found it before"
    assert many("verify", "--no-model").code == 0
    corrupt(many, pattern)
    found = many("verify", "--no-model", "--format", "json").json["findings"]
    assert [(f["kind"], f["mend"]) for f in found] == [(kind, "qembed index")]
    assert many("status", "--format", "json").json["damaged"] == [kind]
    assert f"{kind}: found damaged, not used" in many("status", "-q").out
    assert many("verify", "--no-model").code == 2, "known, and not mended yet"
    assert many("index").code == 0
    assert many("status", "-q").out == ""
    assert many("verify", "--no-model").code == 0


def test_a_query_that_finds_damage_says_what_mends_it(many: Shell) -> None:
    corrupt(many, "lexical-*/*.idx")
    warning = (
        "the word index is damaged: passages are found by meaning only (qembed index makes it)"
    )
    assert warning in many("query", "page 7").err
    assert warning in many("query", "page 7").err
    assert many("status", "--format", "json").json["damaged"] == ["lexical"]
    refused = many("query", "page 7", "--mode", "lexical")
    assert refused.code == 2
    assert "the word index is damaged (qembed index makes one)" in refused.err
    corrupt(many, "graph-*.bin")
    done = many("query", "page 7", "--mode", "dense", "--search", "graph")
    assert "the graph is damaged (qembed index makes a new one)" in done.err
    assert many("status", "--format", "json").json["damaged"] == ["graph", "lexical"]
    assert many("index").code == 0
    assert many("query", "page 7", "--search", "graph").err == ""
    assert many("query", "page 7", "--mode", "lexical").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["documents-*", "shards/*"])
def test_damage_anywhere_is_a_finding_with_what_mends_it(docs: Shell, pattern: str) -> None:
    (path,) = (docs.folder / ".qembed").glob(pattern)
    whole, kind = path.read_bytes(), pattern.split("-")[0].removesuffix("s/*")
    places = sorted({4, 60, *range(0, len(whole), len(whole) // 38), len(whole) - 1})
    assert len(places) >= 40
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        done = docs("verify", "--no-model", "--format", "json")
        found = [(f["kind"], f["mend"]) for f in done.json["findings"]]
        assert (done.code, found) == (2, [(kind, "qembed index --repair")]), (at, done.err)
        assert "qembed index --repair mends it" in docs("status", "-q").out, at
        refused = docs("index")
        assert refused.code == 2
        assert "qembed index --repair reads and encodes what is lost anew" in refused.err, at
    assert docs("index", "--repair").code == 0
    assert docs("verify", "--no-model").code == 0
