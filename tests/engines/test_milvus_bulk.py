"""`export milvus --bulk`: a real Milvus Lite, with an interface of imports before it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient

from qembed.engines.address import TOKEN
from qembed.engines.milvus.bulk_import import BulkImport
from tests.cli.conftest import Done, Shell
from tests.engines.conftest import records, write_records
from tests.engines.import_server import ImportServer, progress, serving

pytestmark = pytest.mark.slow
SECRET = "pass-4711"


@pytest.fixture
def name() -> str:
    return "b" + uuid.uuid4().hex[:8]


@pytest.fixture
def front(milvus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImportServer]:
    monkeypatch.setattr("qembed.engines.milvus.bulk_import.POLL_SECONDS", 0.01)
    with serving(milvus, tmp_path) as server:
        server.describes = [(503, {}), progress("Importing", 40), progress("Completed", 100)]
        yield server


def bulk(shell: Shell, url: str, name: str, *more: str) -> Done:
    folder = str(shell.folder.parent / "bucket" / "in")
    return shell(
        *("export", "milvus", url, "--collection", name, "--format", "json"),
        *("--bulk", folder, "--bulk-path", "bucket/in", *more),
        **{TOKEN: f"root:{SECRET}"},
    )


def entities(url: str, name: str) -> list[dict[str, Any]]:
    client = MilvusClient(url)
    found = client.query(name, filter="row >= 0", output_fields=["*"])
    client.close()
    return sorted(map(dict, found), key=lambda e: int(e["row"]))


def collections(url: str, name: str) -> list[str]:
    client = MilvusClient(url)
    found = [c for c in client.list_collections() if c.startswith(name)]
    client.close()
    return found


def test_it_holds_what_upserts_write_and_changes_are_upserted(
    exported: Shell, milvus: str, front: ImportServer, name: str
) -> None:
    done = bulk(exported, front.url, name)
    assert done.code == 0, done.err
    first = done.json
    assert (first["new"], first["imported"], first["checked"], first["moved_alias"]) == (
        *(60, 60, 60),
        True,
    )
    (asked,) = front.created()
    files = sorted(p.name for p in (exported.folder.parent / "bucket/in").iterdir())
    assert asked["files"] == [[f"bucket/in/{file}"] for file in files]
    assert asked["collectionName"] == first["collection"]
    assert {token for _, token, _ in front.asked} == {f"Bearer root:{SECRET}"}
    assert exported("export", "milvus", milvus, "--collection", f"u{name}").code == 0
    assert entities(milvus, name) == entities(milvus, f"u{name}")
    query = ("query", "parcel number", "-k", "3", "--format", "jsonl")
    there = exported(*query, "--index", f"milvus+{milvus}/{name}")
    assert [h["document"] for h in there.lines] == [h["document"] for h in exported(*query).lines]

    docs = records()
    docs[3]["text"] = "another text altogether"
    write_records(exported, docs)
    exported("index")
    later = bulk(exported, front.url, name)
    assert "no bulk import: the collection was there" in later.err
    assert (later.json["new"], later.json["imported"], len(front.created())) == (1, 0, 1)

    front.describes = [progress("Completed", 100)]
    rebuilt = bulk(exported, front.url, name, "--rebuild").json
    assert (rebuilt["imported"], rebuilt["dropped"]) == (60, [first["collection"]])


def test_a_failed_import_leaves_the_files_alone(
    exported: Shell, milvus: str, front: ImportServer, name: str
) -> None:
    reason = f"schema not equal, for root:{SECRET}\nand more"
    front.describes = [progress("Failed", 10, reason=reason)]
    failed = bulk(exported, front.url, name)
    assert failed.code == 2
    assert "job 447 did not import into" in failed.err
    assert "schema not equal, for …" in failed.err
    assert SECRET not in failed.err
    assert collections(milvus, name) == []

    front.describes = [(503, {})]
    lost = bulk(exported, front.url, name, "--bulk-wait", "0.05")
    assert (lost.code, "its HTTP interface answers 503" in lost.err) == (2, True)

    front.describes = [progress("Importing", 40, importedRows=7)]
    stalled = bulk(exported, front.url, name, "--bulk-wait", "0.05")
    assert stalled.code == 2
    assert "no progress for 0.05 s, state Importing, 40 %" in stalled.err
    assert collections(milvus, name) == []

    front.describes = [progress("Completed", 100)]
    done = bulk(exported, front.url, name)
    assert (done.code, done.json["imported"]) == (0, 60)
    assert "1, 1 of them were there" in done.err


def test_what_a_stopped_import_left_is_made_anew(
    exported: Shell,
    milvus: str,
    front: ImportServer,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its job may still add entities: an export that completed what is there would have some twice."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BulkImport, "wait", stopped)
        assert bulk(exported, front.url, name).code == 130
    assert len(collections(milvus, name)) == 2
    done = exported("export", "milvus", milvus, "--collection", name, "--format", "json")
    assert (done.code, done.json["new"]) == (0, 60)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "it has no HTTP interface, as Milvus Lite has none"),
        (404, "its HTTP interface answers 404"),
        (401, f"its HTTP interface answers 401 (user:password or a token comes from ${TOKEN})"),
    ],
)
def test_a_server_without_it_is_named_before_anything_is_written(
    exported: Shell, milvus: str, front: ImportServer, name: str, status: int, said: str
) -> None:
    front.status = status
    for more in ((), ("--dry-run",)):
        done = bulk(exported, front.url if status else milvus, name, *more)
        assert done.code == 2
        assert f"cannot list bulk imports: {said}" in " ".join(done.err.split())
        assert "without --bulk the export writes" in " ".join(done.err.split())
    assert collections(milvus, name) == []
    assert not (exported.folder.parent / "bucket").exists()
