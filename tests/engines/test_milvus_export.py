"""Exports to a real Milvus server: what is written, what changes, what a stopped export leaves."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qembed.engines.address import TOKEN, parse_server
from qembed.engines.milvus.alias import collection_of
from qembed.engines.milvus.collection import MilvusCollection
from qembed.engines.milvus.connection import MilvusConnection
from qembed.engines.milvus.state import read_state
from qembed.engines.milvus.term_counts import TERMS_SUFFIX, count_terms, words_of
from qembed.pipeline.user_config.remote_indexes import export_lock
from tests.cli.conftest import Shell
from tests.engines.conftest import records, write_records

pytestmark = pytest.mark.slow


@pytest.fixture
def name() -> str:
    return "c" + uuid.uuid4().hex[:8]


@contextlib.contextmanager
def connected(url: str) -> Iterator[MilvusConnection]:
    with MilvusConnection(parse_server(url)) as server:
        yield server


def export(shell: Shell, url: str, name: str, *more: str) -> dict[str, Any]:
    done = shell("export", "milvus", url, "--collection", name, "--format", "json", *more)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def test_the_first_export_holds_the_index(exported: Shell, milvus: str, name: str) -> None:
    first = export(exported, milvus, name, "--dry-run")
    assert (first["new"], first["dry_run"]) == (60, True)
    done = export(exported, milvus, name)
    assert (done["passages"], done["new"], done["updated"], done["deleted"]) == (60, 60, 0, 0)
    assert done["checked"] == 60
    assert done["moved_alias"]
    with connected(milvus) as server:
        assert collection_of(server, name) == done["collection"]
        one = next(
            server.client.query(name, filter='document == "d1"', output_fields=["*"]).__iter__()
        )
    assert one["m_topic"] == "t1"
    assert (one["m_price"], one["m_open"], one["m_year"]) == (0.25, True, 2001)
    assert one["title"] == "Case 1"
    assert one["text"].startswith("a parcel is tracked")


def test_later_exports_write_what_changed(exported: Shell, milvus: str, name: str) -> None:
    export(exported, milvus, name)
    docs = records()
    docs[3]["text"] = "another text altogether"
    docs[4]["metadata"]["topic"] = "new"
    del docs[5]
    write_records(exported, [*docs, {"_id": "d99", "text": "one more"}])
    exported("index")
    done = export(exported, milvus, name)
    # d3 and d4 get new rows for the old; d5 is gone; d99 is new
    assert (done["new"], done["updated"], done["deleted"]) == (3, 0, 3)
    again = export(exported, milvus, name)
    assert (again["new"], again["updated"], again["deleted"]) == (0, 0, 0)
    with connected(milvus) as server:
        found = server.client.query(name, filter='m_topic == "new"', output_fields=["document"])
        assert [e["document"] for e in found] == ["d4"]


def test_moved_files_keep_their_rows(shell: Shell, milvus: str, name: str) -> None:
    shell.write("docs/a.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell("index", "docs")
    export(shell, milvus, name)
    (shell.folder / "docs/a.md").rename(shell.folder / "docs/b.md")
    shell("index")
    done = export(shell, milvus, name)
    assert (done["new"], done["updated"], done["deleted"]) == (0, 1, 0)
    with connected(milvus) as server:
        found = server.client.query(name, filter="row >= 0", output_fields=["document", "file"])
    assert [(e["document"], e["file"]) for e in found] == [("b.md", "b.md")]


def test_rebuilds_move_the_alias_at_their_end(exported: Shell, milvus: str, name: str) -> None:
    before = export(exported, milvus, name)
    rebuilt = export(exported, milvus, name, "--rebuild", "--vector-index", "flat")
    assert rebuilt["collection"] != before["collection"]
    assert rebuilt["dropped"] == [before["collection"]]
    exported("index", "--rebuild")
    other = export(exported, milvus, name)
    assert other["dropped"] == [rebuilt["collection"]]
    with connected(milvus) as server:
        assert collection_of(server, name) == other["collection"]
        state = read_state(server, other["collection"])
    assert state is not None
    assert state["index"] == "flat"


def test_metadata_of_another_type_make_another_collection(
    exported: Shell, milvus: str, name: str
) -> None:
    before = export(exported, milvus, name)
    docs = records()
    docs[0]["metadata"]["year"] = "unknown"
    docs[1]["metadata"]["fresh"] = 1
    write_records(exported, docs)
    exported("index")
    done = export(exported, milvus, name)
    assert done["dropped"] == [before["collection"]]
    assert done["passages"] == done["new"] == 60


@pytest.mark.parametrize("calls", [0, 3])
def test_a_stopped_export_is_completed_by_the_next(
    exported: Shell, milvus: str, name: str, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The export is killed after some writes of a rebuild: readers keep the collection they had."""
    before = export(exported, milvus, name)
    exported("index", "--rebuild")
    monkeypatch.setattr("qembed.pipeline.export.milvus.BATCH_BYTES", 15 * 4 * 48)
    real, done = MilvusCollection.upsert, 0

    def upsert(self: MilvusCollection, entities: Any) -> None:
        nonlocal done
        if done == calls:
            raise KeyboardInterrupt
        done += 1
        real(self, entities)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusCollection, "upsert", upsert)
        stopped = exported("export", "milvus", milvus, "--collection", name)
    assert stopped.code == 130
    with connected(milvus) as server:
        assert collection_of(server, name) == before["collection"]
        assert MilvusCollection(server, name).count() == 60
    rest = export(exported, milvus, name)
    written = done * 15
    assert rest["new"] == 60 - written
    assert rest["dropped"] == [before["collection"]]


KILLED = """
import os, signal, sys
import qembed.pipeline.export.milvus as export
from qembed.__main__ import main
export.BATCH_BYTES = 15 * 4 * 48
real, calls = export.MilvusCollection.upsert, 0
def upsert(self, entities):
    global calls
    real(self, entities)
    calls += 1
    if calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)
export.MilvusCollection.upsert = upsert
sys.argv = ["qembed", *sys.argv[1:]]
main()
"""


def test_a_killed_export_is_completed_by_the_next(exported: Shell, milvus: str, name: str) -> None:
    target = ("export", "milvus", milvus, "--collection", name)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *target],
        cwd=exported.folder,
        env=exported.env(),
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    missing = exported("query", "refund", "--index", f"milvus+{milvus}/{name}")
    assert (missing.code, "no index at" in missing.err) == (2, True)
    rest = export(exported, milvus, name)
    assert (rest["new"], rest["passages"], rest["moved_alias"]) == (30, 60, True)


def test_what_was_not_written_as_it_should_moves_no_alias(
    exported: Shell, milvus: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = export(exported, milvus, name)
    exported("index", "--rebuild")
    real = MilvusCollection.upsert

    def damaged(self: MilvusCollection, entities: Any) -> None:
        real(self, [{**e, "text": e["text"].upper()} for e in entities])

    with monkeypatch.context() as patch:
        patch.setattr(MilvusCollection, "upsert", damaged)
        done = exported("export", "milvus", milvus, "--collection", name)
    assert done.code == 2
    assert "d0, passage 0, is not as it was written" in done.err
    with connected(milvus) as server:
        assert collection_of(server, name) == before["collection"]
    assert exported("export", "milvus", milvus, "--collection", name, "--rebuild").code == 0


def test_secrets_are_stored_and_said_nowhere(exported: Shell, milvus: str, name: str) -> None:
    secret = "pass-4711"
    done = exported(
        *("export", "milvus", milvus, "--collection", name, "-v"), **{TOKEN: f"root:{secret}"}
    )
    assert done.code == 0
    wrong = exported(
        *("export", "milvus", "http://127.0.0.1:9", "--collection", name),
        **{TOKEN: f"root:{secret}"},
    )
    inside = exported("export", "milvus", f"http://root:{secret}@host", "--collection", name)
    assert (wrong.code, inside.code) == (2, 2)
    assert TOKEN in inside.err
    for one in (done, wrong, inside):
        assert secret not in one.out + one.err
    files = [p for p in exported.folder.parent.rglob("*") if p.is_file()]
    assert len(files) > 5
    assert [p for p in files if secret.encode() in p.read_bytes()] == []


def test_mistakes_are_named(exported: Shell, milvus: str, name: str) -> None:
    def said(*args: str) -> str:
        done = exported("export", "milvus", *args)
        assert done.code == 2
        return done.err

    assert "cannot connect" in said("http://127.0.0.1:9", "--collection", name)
    assert "no address of a server" in said("localhost", "--collection", name)
    assert "letters, digits and _" in said(milvus, "--collection", "my docs")
    with connected(milvus) as server:
        server.client.create_collection(name, dimension=4)
    assert "is a collection, and no alias" in said(milvus, "--collection", name)
    assert "no index at" in said(milvus, "--collection", name, "--index", "none")


def test_passages_beyond_the_limit_are_listed(shell: Shell, milvus: str, name: str) -> None:
    write_records(
        shell, [{"_id": "long", "text": "word " * 20000}, {"_id": "short", "text": "word"}]
    )
    shell("index", "docs.jsonl", "--chunker", "none")
    done = shell("export", "milvus", milvus, "--collection", name)
    assert done.code == 2
    assert "long, passage 0: text, words" in done.err


def test_a_missing_client_is_named(exported: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qembed.engines.milvus.connection.find_spec", lambda _: None)
    done = exported("export", "milvus", "http://localhost", "--collection", "x")
    assert done.code == 2
    assert "pip install 'qembed-search[milvus]'" in done.err


def test_nothing_of_the_index_folder_is_changed(exported: Shell, milvus: str, name: str) -> None:
    def contents() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in (exported.folder / ".qembed").rglob("*") if p.is_file()}

    before = contents()
    export(exported, milvus, name)
    assert contents() == before


def test_counts_of_terms_follow_the_passages(
    exported: Shell, milvus: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After changes, and after an export that was stopped, they are those of all passages."""

    def check() -> None:
        with connected(milvus) as server:
            collection = str(server.client.describe_collection(name)["collection_name"])
            wanted = count_terms(words_of(MilvusCollection(server, collection)))
            found = server.client.query(
                collection + TERMS_SUFFIX,
                filter="passages > 0",
                output_fields=["term", "passages"],
                limit=10_000,
            )
        assert {e["term"]: e["passages"] for e in found} == wanted
        assert len(wanted) > 30

    export(exported, milvus, name)
    check()
    docs = records()
    docs[3]["text"] = "another text altogether"
    write_records(exported, [*docs[:50], {"_id": "d99", "text": "one more"}])
    exported("index")
    with monkeypatch.context() as patch:
        patch.setattr(MilvusCollection, "delete", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            exported("export", "milvus", milvus, "--collection", name)
    export(exported, milvus, name)
    check()
    write_records(exported, docs[:20])
    exported("index")
    export(exported, milvus, name)
    check()


def test_two_exports_to_one_name_do_not_meet(
    exported: Shell, milvus: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_DATA", str(exported.folder.parent / "data"))
    with export_lock(f"{milvus}/{name}", 0.0):
        done = exported("export", "milvus", milvus, "--collection", name, "--wait", "0")
    assert done.code == 75
    assert "another export to" in done.err
    assert export(exported, milvus, name)["new"] == 60
