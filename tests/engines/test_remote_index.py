"""A collection on a real Milvus server in the place of the index it was made of: the same hits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qembed.engines.address import TOKEN, parse_server
from qembed.engines.milvus.collection import MilvusCollection
from qembed.engines.milvus.connection import MilvusConnection
from qembed.engines.milvus.state import read_state, write_state
from tests.cli.conftest import Shell
from tests.engines.conftest import records, write_records

pytestmark = pytest.mark.slow

QUERIES = [
    ("late refund",),
    ("where is my parcel", "--mode", "dense", "-k", "30"),
    ("getUserName guests", "--mode", "lexical"),
    ("退款", "--mode", "hybrid", "--fusion", "rrf"),
    ("款",),
    ('"locked account" hour -refunds',),
    ('"after an hour" -"working days" parcel', "--mode", "hybrid"),
    ("refund", "--by", "document", "-k", "5", "--document-score", "mean:3"),
    ("invoices", "--where", "topic = 't3' and year > 2003", "--where", "exists price"),
    ("invoices -refunds", "--where", "tags in ('red', 'tag 3') or path glob '*docs*'"),
    ("refund", "--rerank", "py:tests.encoders:shouting", "--candidates", "20"),
    ("refund", "--diversity", ".4", "--min-score", ".05"),
    ("parcel", "--context", "1", "--mode", "dense"),
    ("absent words only", "--where", "mtime > 2000"),
]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory, milvus: str) -> Shell:
    """An index with equal passages, and its copy on the server."""
    folder = tmp_path_factory.mktemp("remote") / "work"
    folder.mkdir()
    shell = Shell(folder)
    docs = [*records(), *({"_id": f"same{i}", "text": "the very same words"} for i in range(30))]
    write_records(shell, docs)
    shell.write(
        "docs/a.md", "# Refunds\n\nMoney comes back.\n\n# Parcels\n\nWhere the parcel is.\n"
    )
    assert shell("index", "docs.jsonl", "docs").code == 0
    write_records(shell, [d for d in docs if d["_id"] not in ("d7", "d8", "d21")])
    # dead rows count in the statistics of a local word index until it is made anew
    assert shell("index", "--rebuild").code == 0
    done = shell("export", "milvus", milvus, "--collection", "help", "--vector-index", "flat")
    assert done.code == 0, done.err
    return shell


def address(milvus: str, name: str = "help") -> tuple[str, str]:
    return "--index", f"milvus+{milvus}/{name}"


def close(mine: Any, theirs: Any) -> bool:
    """Compare hits; scores may differ in their last digits."""
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(close(v, theirs[k]) for k, v in mine.items())
    if isinstance(mine, list):
        return len(mine) == len(theirs) and all(map(close, mine, theirs))
    if isinstance(mine, float):
        return bool(mine == pytest.approx(theirs, abs=1e-5))
    return bool(mine == theirs)


@pytest.mark.parametrize("args", QUERIES, ids=lambda a: " ".join(a))
def test_hits_are_those_of_the_local_index(
    remote: Shell, milvus: str, args: tuple[str, ...]
) -> None:
    mine = remote("query", *args, "--format", "jsonl")
    theirs = remote("query", *args, "--format", "jsonl", *address(milvus))
    assert (mine.code, theirs.code) == (0, 0), theirs.err
    assert mine.lines or "absent" in args[0]
    assert close(mine.lines, theirs.lines)
    assert mine.err == theirs.err


def test_text_has_the_same_snippets(remote: Shell, milvus: str) -> None:
    asked = ("query", "when are refunds in my account")
    assert remote(*asked).out == remote(*asked, *address(milvus)).out != ""


def test_equal_passages_come_in_the_order_of_their_rows(remote: Shell, milvus: str) -> None:
    """Thirty equal passages, of which three are asked for: which ones the server finds is its affair."""
    asked = ("query", "the very same words", "-k", "3", "--mode", "dense", "--format", "paths")
    assert remote(*asked, *address(milvus)).out == remote(*asked).out


def test_evaluation(remote: Shell, milvus: str) -> None:
    queries = [{"_id": f"q{i}", "text": f"refund case {i}"} for i in range(8)]
    remote.write("q.jsonl", "".join(json.dumps(q) + "\n" for q in queries))
    lines = "".join(f"q{i}\td{6 * i}\t1\n" for i in range(8))
    remote.write("qrels.tsv", "query-id\tcorpus-id\tscore\n" + lines)
    asked = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--latency", "0")
    mine, theirs = (remote(*asked, "--format", "json", *more) for more in ((), address(milvus)))
    assert (mine.code, theirs.code) == (0, 0), theirs.err
    assert mine.json["measures"] == theirs.json["measures"]
    assert close(mine.json["per_query"], theirs.json["per_query"])


def test_feedback_is_kept_on_this_machine(remote: Shell, milvus: str) -> None:
    asked = remote("query", "refund", "--log", "--format", "json", *address(milvus))
    assert asked.code == 0, asked.err
    first = asked.json["queries"][0]
    never = remote("feedback", "never", "refund", first["hits"][0]["document"], *address(milvus))
    assert never.code == 0, never.err
    again = remote("query", "refund", "--format", "json", *address(milvus)).json["queries"][0]
    assert first["hits"][0]["document"] not in [h["document"] for h in again["hits"]]
    local = remote("query", "refund", "--format", "json").json["queries"][0]
    assert local["hits"][0]["document"] == first["hits"][0]["document"]


def test_similar_documents(remote: Shell, milvus: str) -> None:
    asked = ("similar", "d3", "--format", "paths")
    mine, theirs = (remote(*asked, *more) for more in ((), address(milvus)))
    assert (mine.code, theirs.code) == (0, 0), theirs.err
    assert mine.out == theirs.out != ""


def test_several_indexes_are_searched_as_one(remote: Shell, milvus: str) -> None:
    done = remote("query", "refund", "--index", ".qembed", *address(milvus), "--format", "json")
    assert done.code == 0, done.err
    assert len(done.json["queries"][0]["hits"]) == 10


def test_mistakes_are_named(remote: Shell, milvus: str) -> None:
    def said(*args: str, **env: str) -> str:
        done = remote(*args, **env)
        assert done.code == 2, done
        return done.err

    where = ("query", "refund", *address(milvus), "--where")
    assert "no document has a field toppic; did you mean topic?" in said(*where, "toppic = 't1'")
    assert "no document has 't77'" in remote(*where, "topic = 't77'").err
    assert "cannot compare" in said(*where, "year > 'x'")
    assert "qembed export milvus" in said("query", "x", *address(milvus, "nothing"))
    assert "cannot connect" in said("query", "x", "--index", "milvus+http://127.0.0.1:9/help")
    assert "no address of a collection" in said("query", "x", "--index", "milvus+http://host")
    secret = said("query", "x", "--index", "milvus+http://me:pass-4711@host/help")
    assert TOKEN in secret
    assert "pass-4711" not in secret
    for command in (("status",), ("verify",), ("index",), ("add", "a fact")):
        assert "on a server" in said(*command, *address(milvus))
    assert "py:tests.encoders:shouting" in said(
        "query", "x", "--model", "py:tests.encoders:shouting", *address(milvus)
    )


def test_the_variable_names_a_remote_index(remote: Shell, milvus: str) -> None:
    done = remote("query", "parcel", "--format", "paths", QEMBED_INDEX=address(milvus)[1])
    assert done.code == 0, done.err
    assert done.out == remote("query", "parcel", "--format", "paths").out


def test_an_unfinished_export_is_told(remote: Shell, milvus: str) -> None:
    assert remote("export", "milvus", milvus, "--collection", "half").code == 0
    with MilvusConnection(parse_server(milvus)) as server:
        name = str(server.client.describe_collection("half")["collection_name"])
        state = read_state(server, name)
        assert state is not None
        write_state(server, name, {**state, "complete": False})
        found = remote("query", "refund", *address(milvus, "half"))
        assert found.code == 0
        assert "an export to this index goes on, or was stopped" in found.err
        write_state(server, name, {**state, "complete": True})
        row = MilvusCollection(server, "half").stamps().rows[:1]
        MilvusCollection(server, "half").delete(row)
        assert remote("query", "refund", *address(milvus, "half")).code == 0


def test_a_query_of_a_local_index_imports_no_client(remote: Shell) -> None:
    from tests.cli.imports import imported

    found = imported(remote, "query", "refund", "--format", "paths")
    assert not found & {"pymilvus", "grpc", "pandas"}


def test_from_python_the_present_export_answers(remote: Shell, milvus: str) -> None:
    import qembed

    write_records(remote, [{"_id": "one", "text": "alpha beta"}], "small.jsonl")
    small = ("--index", "small")
    assert remote("index", "small.jsonl", *small).code == 0
    target = ("export", "milvus", milvus, "--collection", "small", *small)
    assert remote(*target).code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_DATA", str(remote.folder.parent / "data"))
        with qembed.open(address(milvus, "small")[1]) as index:
            assert [h.document for h in index.query("alpha")] == ["one"]
            more = [{"_id": "one", "text": "gamma"}, {"_id": "two", "text": "alpha"}]
            write_records(remote, more, "small.jsonl")
            assert remote("index", *small).code == 0
            assert remote(*target).code == 0
            assert [h.document for h in index.query("alpha", k=1)] == ["two"]
            assert remote("index", "--rebuild", *small).code == 0
            assert remote(*target).code == 0
            assert [h.document for h in index.query("alpha", k=1)] == ["two"]
