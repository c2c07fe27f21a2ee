"""`qembed feedback import` and `export`: UBI into the log and out of it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from tests.cli.conftest import Shell

QUERIES = [
    {"query_id": "q1", "user_query": "money", "timestamp": "2025-01-24T07:31:30.699+0000", "client_id": "c"},
    {"query_id": "q2", "user_query": "parcel", "timestamp": "2025-01-24T08:00:00Z",
     "query_response_hit_ids": ["parcels.md", "sold-out.md"]},
    {"query_id": "q2", "user_query": "parcels", "timestamp": "2025-01-24T08:00:01Z"},
]  # fmt: skip


def event(action: str, query_id: str, thing: str, at: str, **position: int) -> dict[str, Any]:
    return {
        "action_name": action, "query_id": query_id, "timestamp": f"2025-01-24T{at}Z", "message": None,
        "application": "shop", "session_id": "s",
        "event_attributes": {"object": {"object_id": thing}, "position": position},
    }  # fmt: skip


EVENTS = [
    event("impression", "q1", "refunds.md", "07:31:31", ordinal=0),
    event("impression", "q1", "parcels.md", "07:31:31", ordinal=1),
    event("click", "q1", "parcels.md", "07:31:40", ordinal=1),
    event("add_to_cart", "q2", "parcels.md", "08:00:20"),
    event("click", "q2", "sold-out.md", "08:00:30"),
    event("click", "unknown", "parcels.md", "08:00:30"),
    event("click", "q2", "parcels.md", "07:00:00"),
    {"action_name": 7},
]


def write(shell: Shell, name: str, rows: list[Any]) -> None:
    shell.write(name, "".join(json.dumps(row) + "\n" for row in rows))


def records(shell: Shell) -> list[LoggedQuery | Event]:
    return list(read_records(LogStore(shell.folder / ".qembed")))


@pytest.fixture
def ubi(docs: Shell) -> Shell:
    write(docs, "queries.jsonl", QUERIES)
    write(docs, "events.jsonl", EVENTS)
    return docs


def test_what_can_be_taken_is_taken_once(ubi: Shell) -> None:
    files = ("events.jsonl", "queries.jsonl")  # in whichever order
    done = ubi("feedback", "import", *files, "--format", "json")
    assert done.code == 4
    assert (done.json["queries"], done.json["events"], done.json["merged"]) == (2, 4, 1)
    assert done.json["refused"] == {
        "left the corpus": 1, "unknown query": 1, "clock": 1, "schema": 1,
    }  # fmt: skip
    assert [line.split(": ")[1] for line in done.err.splitlines()[:4]] == [
        f"events.jsonl:{n}" for n in (5, 6, 7, 8)
    ]
    assert "warning: query ids under which the text changes: 1" in done.err
    before = records(ubi)
    query = before[0]
    assert isinstance(query, LoggedQuery)
    assert [(h.id, h.rank) for h in query.shown] == [("refunds.md", 1), ("parcels.md", 2)]
    assert [e.position for e in before if isinstance(e, Event)] == [1, 2, 2, 1]
    for again in (files, files[:1], files[1:]):
        ubi("feedback", "import", *again)
        assert records(ubi) == before
    assert ubi("feedback", "import", *files).out == (
        "logged 0 events · 6 there already · 1 further row of a query · 4 refused\n"
    )
    assert "2 queries, 4 events since 2025-01-24" in ubi("status").out
    assert ubi("verify", "--no-model").code == 0


@pytest.mark.parametrize("form", ["ubi", "ubi-bulk"])
def test_an_exported_log_is_the_same_elsewhere(ubi: Shell, tmp_path: Path, form: str) -> None:
    ubi("feedback", "import", "queries.jsonl", "events.jsonl")
    name = ubi("query", "money", "--log", "--client", "agent:a", "--format", "json").json
    shown = name["queries"][0]["logged_as"]
    ubi("feedback", "add", shown, "--action", "dwell", "--position", "1", "--seconds", "2.5")
    done = ubi("feedback", "export", "--format", form)
    assert "exported 3 queries, 5 events" in done.err
    assert len(done.out.splitlines()) == (8 if form == "ubi" else 16)
    other = Shell(tmp_path / "other")
    shutil.copytree(ubi.folder, other.folder)
    shutil.rmtree(other.folder / ".qembed/feedback")
    (other.folder / "log.gz").write_bytes(gzip.compress(done.out.encode()))
    # all count from 1 in an export
    assert other("feedback", "import", "log.gz").code == 0
    key = lambda r: (isinstance(r, Event), r.query_id, getattr(r, "event_id", ""))  # noqa: E731
    assert sorted(records(other), key=key) == sorted(records(ubi), key=key)
    assert other("feedback", "export", "--format", form).out.count("\n") == done.out.count("\n")
    assert (
        other("feedback", "import", "-", stdin=done.out).out
        == "logged 0 events · 8 there already\n"
    )


def test_only_some_clients_are_exported(ubi: Shell) -> None:
    ubi("feedback", "import", "queries.jsonl", "--client-kind", "agent")
    ubi("query", "money", "--log", "-q")
    rows = ubi("feedback", "export", "--client-kind", "person", "-q").lines
    assert [r["user_query"] for r in rows] == ["money"]
    assert len(ubi("feedback", "export", "--client-kind", "agent", "-q").lines) == 2


def test_letor(ubi: Shell) -> None:
    ubi("feedback", "import", "queries.jsonl", "events.jsonl")
    done = ubi("feedback", "export", "--format", "letor")
    assert [line.partition(" #")[0] for line in done.out.splitlines()] == [
        "0 qid:1 2:1",
        "1 qid:1 2:0.5",
        "2 qid:2 2:1",
        "0 qid:2 2:0.5",
    ]
    assert "4 documents of 2 queries" in done.err
    assert "mixed" not in done.err
    ubi("feedback", "add", "q1", "--action", "cite", "--position", "1", "--client", "agent:a")
    assert "warning: events of several kinds of clients are mixed: agent and person" in (
        ubi("feedback", "export", "--format", "letor").err
    )


def test_an_event_without_a_position_is_told(ubi: Shell) -> None:
    ubi("feedback", "import", "queries.jsonl")
    ubi("feedback", "add", "q1", "--action", "click", "--object", "parcels.md")
    done = ubi("feedback", "export")
    assert "warning: events without a position, which the schema of UBI refuses: 1" in done.err


def test_a_hashed_index_takes_no_texts(ubi: Shell) -> None:
    ubi("feedback", "log", "hashed")
    ubi("feedback", "import", "queries.jsonl", "events.jsonl")
    data = (ubi.folder / ".qembed/feedback/log-00000001.jsonl").read_text()
    assert '"money"' not in data
    assert "blake2b:" in data
    assert (
        ubi("feedback", "forget", "--where", "query = 'money'").out == "forgot 1 query, 3 events\n"
    )


def test_whoever_says_hashed_is_heard(ubi: Shell) -> None:
    ubi("feedback", "import", "queries.jsonl", QEMBED_LOG="hashed")
    ubi.write(".qembed.toml", 'log = "hashed"\n')
    more = [{"query_id": "q9", "user_query": "money", "timestamp": "2025-01-24T08:00:00Z"}]
    write(ubi, "more.jsonl", more)
    ubi("feedback", "import", "more.jsonl")
    found = [r for r in records(ubi) if isinstance(r, LoggedQuery)]
    assert len(found) == 3
    assert all(q.text.startswith("blake2b:") for q in found)
    assert found[0].text == found[2].text


def test_files_that_are_nothing(ubi: Shell) -> None:
    ubi.write("other.jsonl", '{"a": 1}\n')
    done = ubi("feedback", "import", "other.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "other.jsonl: no rows of UBI there" in done.err
    assert "other.jsonl:1: neither action_name nor user_query" in done.err
    assert "cannot read none.jsonl: no such file" in ubi("feedback", "import", "none.jsonl").err
    ubi.write("broken.gz", gzip.compress(b"{}\n" * 1000)[:-20])
    assert "cannot read broken.gz" in ubi("feedback", "import", "broken.gz").err
    assert ubi("feedback", "import").code == 2
    assert not (ubi.folder / ".qembed/feedback").exists()
