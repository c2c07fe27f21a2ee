"""Files of a bulk import: what pyarrow and the client's own writer say of them."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pymilvus import MilvusClient
from pymilvus.bulk_writer import BulkFileType, LocalBulkWriter

from qembed.engines.fields import MetadataField, make_fields
from qembed.engines.milvus.import_files import import_files
from qembed.engines.milvus.schema import TEXTS, WHOLE, make_schema
from qembed.engines.shared_folder import server_path
from qembed.errors import UsageError
from tests.cli.conftest import Shell

KINDS = {"tags": "texts", "price": "real", "year": "whole", "open": "truth", "topic": "text"}
VALUES: dict[str, object] = {
    "m_tags": ["a", "ü"], "m_price": 0.5, "m_year": 7, "m_open": False, "m_topic": "",
}  # fmt: skip


def entities(rows: range) -> list[dict[str, Any]]:
    """Entities of which every third lacks its metadata."""
    return [
        {
            "row": row,
            **dict.fromkeys(WHOLE, row),
            **dict.fromkeys(TEXTS, f"退款 {row}"),
            **(VALUES if row % 3 else dict.fromkeys(VALUES)),
            "vector": np.array([row, 0.5, 0, -1], dtype=np.float32),
        }
        for row in rows
    ]


@pytest.fixture(scope="module")
def fields() -> list[MetadataField]:
    return make_fields(KINDS)


def test_they_are_what_the_clients_writer_writes(
    fields: list[MetadataField], tmp_path: Path
) -> None:
    schema = make_schema(MilvusClient, fields, 4)
    ((name, data),) = import_files([entities(range(5)), entities(range(5, 9))], schema)
    ours = pq.read_table(io.BytesIO(data))
    assert ours.schema.field("vector").type == pa.list_(pa.float32())
    assert "sparse" not in ours.column_names
    with LocalBulkWriter(schema, str(tmp_path), file_type=BulkFileType.PARQUET) as writer:
        for one in entities(range(9)):
            writer.append_row(one)
        writer.commit()
        (path,) = [file for files in writer.batch_files for file in files]
        theirs = pq.read_table(path)
    assert ours.equals(theirs.select(ours.column_names))
    assert set(ours.column_names) == set(theirs.column_names)
    assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == 2
    assert name.endswith(".parquet")


def test_names_follow_the_content_and_files_end_at_their_size(
    fields: list[MetadataField], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qembed.engines.milvus.import_files.FILE_BYTES", 3000)
    schema = make_schema(MilvusClient, fields, 4)
    batches = [entities(range(start, start + 4)) for start in range(0, 40, 4)]
    first = dict(import_files(batches, schema))
    assert len(first) > 3
    assert first == dict(import_files(batches, schema))
    rows = [
        r for data in first.values() for r in pq.read_table(io.BytesIO(data))["row"].to_pylist()
    ]
    assert rows == list(range(40))
    batches[-1][0]["text"] = "changed"
    assert len(first.keys() & dict(import_files(batches, schema)).keys()) == len(first) - 1


@pytest.mark.parametrize(
    ("place", "given", "path"),
    [
        ("s3://bucket/a/b/", None, "a/b/"),
        ("gs://bucket", None, ""),
        ("/mnt/x", None, "/mnt/x/"),
        ("file:///mnt/x", None, "/mnt/x/"),
        ("/mnt/x", "in/", "in/"),
        ("/mnt/x", "", ""),
        ("sftp://host/x", "x", "x/"),
    ],
)
def test_the_servers_names(place: str, given: str | None, path: str) -> None:
    assert server_path(place, given) == path


def test_a_missing_part_of_the_client_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus.bulk_writer", None)
    args = ("export", "milvus", "http://127.0.0.1:9", "--collection", "c")
    shell.write("a.txt", "words")
    assert shell("index", "a.txt").code == 0
    done = shell(*args, "--bulk", "folder")
    assert done.code == 2
    assert "pip install 'qembed-search[milvus-bulk]'" in done.err


def test_folders_without_a_name_for_the_server_are_refused(shell: Shell) -> None:
    with pytest.raises(UsageError, match="--bulk-path PATH says it"):
        server_path("sftp://host/x", None)
    args = ("export", "milvus", "http://127.0.0.1:9", "--collection", "c")
    done = shell(*args, "--bulk-path", "x")
    assert (done.code, "--bulk-path names the folder of --bulk" in done.err) == (2, True)
