"""The log under changes of its index, damaged, and what is forgotten of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qembed.feedback.log_store import LogStore
from tests.cli.conftest import Shell
from tests.cli.feedback_log import ask, events, logged, records


@pytest.mark.slow
def test_the_log_survives_whatever_is_done_to_the_index(docs: Shell) -> None:
    docs("feedback", "add", ask(docs), "--action", "click", "--position", "1")
    docs("feedback", "log", "hashed")
    before = records(docs)
    docs.write("docs/new.md", "# New\n\nsomething\n")
    assert docs("index").code == 0
    assert docs("index", "--rebuild").code == 0
    assert docs("index", "--repair").code == 0
    docs("add", "a fact")
    docs("forget", "--where", "path = ''", "--purge")
    assert records(docs) == before
    assert docs("feedback", "log", "--format", "json").json["log"] == "hashed"
    moved = Shell(docs.folder.parent / "moved")
    shutil.copytree(docs.folder, moved.folder)
    assert records(moved) == before
    assert moved("verify", "--no-model").out == "ok\n"
    for path in (docs.folder / ".qembed").iterdir():
        if path.name != "feedback":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert docs("index", "docs").code == 0  # made anew where the log is
    assert records(docs) == before


def test_verify_and_what_mends(docs: Shell) -> None:
    docs("feedback", "add", ask(docs), "--action", "click", "--position", "1")
    path = docs.folder / ".qembed/feedback/log-00000001.jsonl"
    whole = path.read_bytes()
    query, event = whole.splitlines(keepends=True)
    path.write_bytes(
        whole + b'{"v":1,"ki\n' + event + event.replace(b'"query_id":"', b'"query_id":"x')
    )
    done = docs("verify", "--no-model", "--format", "json")
    assert done.code == 2
    assert [f["what"].split(":")[0] for f in done.json["findings"]] == [
        "lines of the log that are no rows and are not read",
        "events of queries that the log does not have",
        "events with the id of another one",
    ]
    assert {f["mend"] for f in done.json["findings"]} == {"qembed feedback forget --unreadable"}
    assert docs("feedback", "forget", "--unreadable").out == (
        "forgot 0 queries, 2 events, 1 line that is no row\n"
    )
    assert docs("verify", "--no-model").code == 0
    assert path.read_bytes() == query + event
    path.write_bytes(whole + b'{"v":9}\n')  # of a later qembed
    assert "1 of version 9" in docs("verify", "--no-model").out
    assert docs("feedback", "forget", "--unreadable").out == "forgot 0 queries, 0 events\n"
    assert path.read_bytes() == whole + b'{"v":9}\n'


def test_what_is_forgotten_is_gone_with_its_events(docs: Shell) -> None:
    for client in ("person:alice", "agent:bot"):
        name = ask(docs, "--client", client)
        docs(
            "feedback", "add", name, "--action", "click", "--position", "1", "--client", "person:x"
        )
    forget = ("feedback", "forget", "--where", "client_id = 'alice'")
    assert docs(*forget, "--dry-run").out == "would forget 1 query, 1 event\n"
    assert len(records(docs)) == 4
    assert docs(*forget).out == "forgot 1 query, 1 event\n"
    assert docs(*forget).out == "forgot 0 queries, 0 events\n"
    assert [q.client_id for q in logged(docs)] == ["bot"]
    assert b"alice" not in b"".join(
        p.read_bytes() for p in (docs.folder / ".qembed/feedback").iterdir()
    )
    both = ("--where", "kind = 'event'", "--where", "time > '2020-01-01' and position = 1")
    assert "rows of the log have no position" in docs("feedback", "forget", *both).err
    assert docs("feedback", "forget", *both[:2], "-q").out == ""
    assert (len(logged(docs)), len(events(docs))) == (1, 0)
    assert docs("feedback", "forget").code == 2
    assert docs("feedback", "forget", "--where", "time <").code == 2


def test_two_that_change_the_log_at_once(docs: Shell) -> None:
    name = ask(docs)
    with LogStore(docs.folder / ".qembed").maintenance(0):
        for args in (
            ("feedback", "add", name, "--action", "click", "--position", "1"),
            ("feedback", "forget", "--where", "kind = 'event'"),
        ):
            done = docs(*args, "--wait", "0")
            assert done.code == 75
            assert "is changing " in done.err
        ask(docs)  # queries do not wait
    assert len(logged(docs)) == 2


def test_no_index_no_log(shell: Shell, tmp_path: Path) -> None:
    for args in (("log",), ("log", "on"), ("forget", "--where", "kind = 'event'"),
                 ("add", "x", "--action", "click", "--position", "1")):  # fmt: skip
        done = shell("feedback", *args)
        assert (done.code, done.out) == (2, "")
        assert "no index at " in done.err
        other = shell("feedback", *args, "--index", str(tmp_path / "none"))
        assert (other.code, other.out) == (2, "")
        assert not (tmp_path / "none").exists()
