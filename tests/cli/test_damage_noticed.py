"""Damage that a query notices by what it reads anyway: sizes of files, checksums of the pages it decodes."""

from __future__ import annotations

import os

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
