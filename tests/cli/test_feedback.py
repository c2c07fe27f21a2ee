"""`query --log` and `qembed feedback`: what is logged, by whom it is decided, and what goes again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.propensity.exchange import exchange
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.text_hash import is_hashed
from tests.cli.conftest import Shell


def records(shell: Shell) -> list[LoggedQuery | Event]:
    def torn(line: object, why: object) -> None:
        raise AssertionError(line, why)

    return list(read_records(LogStore(shell.folder / ".qembed"), torn))


def logged(shell: Shell) -> list[LoggedQuery]:
    return [r for r in records(shell) if isinstance(r, LoggedQuery)]


def events(shell: Shell) -> list[Event]:
    return [r for r in records(shell) if isinstance(r, Event)]


def ask(shell: Shell, *args: str, **env: str) -> str:
    """The id of a query that is logged."""
    done = shell("query", "money", "--log", "--format", "json", *args, **env)
    assert done.code == 0, done.err
    name = done.json["queries"][0]["logged_as"]
    assert isinstance(name, str)
    return name


def test_nothing_is_logged_unless_it_is_asked_for(docs: Shell) -> None:
    done = docs("query", "money", "--format", "json")
    assert "logged_as" not in done.json["queries"][0]
    assert done.json["queries"][0]["query_id"] == "1"
    assert not (docs.folder / ".qembed/feedback").exists()
    assert "feedback" not in docs("status").out
    assert docs("status", "--format", "json").json["feedback"]["queries"] == 0


def test_a_logged_query_says_what_was_shown_and_how(docs: Shell) -> None:
    done = docs(
        "query", "money", "--log", "-k", "2", "--mode", "dense", "--format", "json",
        "--where", "suffix = '.md'", "--client", "agent:nightly", "--session", "s7",
    )  # fmt: skip
    (answer,) = done.json["queries"]
    (query,) = logged(docs)
    assert query.query_id == answer["logged_as"] == answer["query_id"]
    assert [line["logged_as"] for line in answer["hits"]] == [query.query_id] * 2
    assert [(h.id, h.rank, h.score) for h in query.shown] == [
        (hit["document"], hit["rank"], hit["score"]) for hit in answer["hits"]
    ]
    assert (query.text, query.client_id, query.client_kind, query.session_id) == (
        "money", "nightly", "agent", "s7",
    )  # fmt: skip
    assert query.generation == 1
    assert query.settings == {
        "recipe": done.json["recipe"], "k": 2, "mode": "dense", "where": ["suffix = '.md'"],
    }  # fmt: skip


def test_neighbours_are_exchanged_in_what_is_logged(docs: Shell) -> None:
    plain = [h["document"] for h in docs("query", "money", "--format", "jsonl").lines]
    moved = 0
    for _ in range(12):
        done = docs("query", "money", "--log", "--explore", "--explain", "--format", "json")
        (answer,) = done.json["queries"]
        query = logged(docs)[-1]
        ranks = answer.get("explored", [])
        assert query.explored == tuple(ranks)
        assert query.settings["explore"] is True
        shown = [h["document"] for h in answer["hits"]]
        assert [h.id for h in query.shown] == shown
        assert [h["rank"] for h in answer["hits"]] == list(range(1, len(shown) + 1))
        assert shown == exchange(plain, ranks)
        assert ("exchanged at random (--no-explore): ranks" in done.err) == bool(ranks)
        moved += bool(ranks)
    assert 0 < moved < 12


def test_nothing_is_exchanged_without_a_log_nor_for_agents(docs: Shell) -> None:
    plain = docs("query", "money", "--format", "jsonl").out
    for _ in range(4):
        done = docs("query", "money", "--explore", "--format", "jsonl")
        assert done.out == plain
        assert "--explore: no effect without --log, nothing is exchanged" in done.err
    done = docs("query", "money", "--explore", "--log", "--client", "agent:x")
    assert "--explore: no effect for an agent" in done.err
    assert (logged(docs)[0].explored, logged(docs)[0].settings.get("explore")) == ((), None)
    done = docs("query", "money", "--explore", "--log", "--format", "trec")
    assert (done.code, done.out) == (2, "")


def test_an_index_may_have_neighbours_exchanged(docs: Shell) -> None:
    done = docs("feedback", "log", "--explore")
    assert done.code == 2
    assert "--explore: with a log alone" in done.err
    assert "neighbours exchanged at random" in docs("feedback", "log", "on", "--explore").out
    assert docs("feedback", "log", "--format", "json").json["explore"] is True
    for args in ([], ["--no-explore"], ["--client", "agent:x"], ["--format", "trec"]):
        assert docs("query", "money", *args).code == 0
    assert [bool(q.settings.get("explore")) for q in logged(docs)] == [True, False, False, False]
    assert docs("feedback", "log", "--no-explore").code == 0
    assert docs("query", "money").code == 0
    assert "explore" not in logged(docs)[-1].settings
    assert docs("feedback", "log", "on", "--explore").code == 0
    assert docs("feedback", "log", "off", "--format", "json").json["explore"] is False


def test_every_hit_has_its_rank(shell: Shell) -> None:
    shell.write("docs/a.md", "".join(f"# Part {i}\n\n{'money back ' * 150}\n\n" for i in range(3)))
    shell.write("docs/b.md", "# Other\n\nA parcel.\n")
    assert shell("index", "docs").code == 0
    hits = shell("query", "money", "--log", "--format", "jsonl").lines
    (query,) = logged(shell)
    assert [(h.id, h.rank) for h in query.shown] == [(h["document"], h["rank"]) for h in hits]
    assert len({h.id for h in query.shown}) < len(query.shown)
    add = ("feedback", "add", query.query_id, "--action", "click")
    assert shell(*add, "--position", str(len(hits))).code == 0
    assert shell(*add, "--object", "a.md").code == 0
    assert [(e.object_id, e.position) for e in events(shell)] == [
        (hits[-1]["document"], len(hits)),
        ("a.md", next(h["rank"] for h in hits if h["document"] == "a.md")),
    ]


def test_the_other_formats_say_the_id_on_stderr(docs: Shell) -> None:
    done = docs("query", "money", "--log")
    (query,) = logged(docs)
    assert f"qembed: logged as {query.query_id} (qembed feedback add " in done.err
    assert docs("query", "money", "--log", "-q").err == ""
    run = docs("query", "money", "--log", "--format", "trec", "-q")
    assert {line.split()[0] for line in run.out.splitlines()} == {logged(docs)[-1].query_id}


def test_queries_on_stdin_keep_their_ids(docs: Shell) -> None:
    done = docs("query", "-", "--log", "--format", "trec", stdin="money\nparcel\n")
    assert {line.split()[0] for line in done.out.splitlines()} == {"1", "2"}
    assert "logged 2 queries" in done.err
    asked = '{"_id": "own", "text": "money", "where": "suffix = \'.md\'"}\n'
    hits = docs("query", "-", "--log", "--format", "jsonl", stdin=asked).lines
    assert {h["query_id"] for h in hits} == {"own"}
    assert {h["logged_as"] for h in hits} == {logged(docs)[-1].query_id}
    assert logged(docs)[-1].settings["where"] == ["suffix = '.md'"]
    assert len(logged(docs)) == 3


def test_who_decides_whether_queries_are_logged(docs: Shell) -> None:
    def grows(*args: str, **env: str) -> bool:
        before = len(logged(docs))
        done = docs("query", "money", *args, **env)
        assert done.code == 0, done.err
        return len(logged(docs)) > before

    assert grows(QEMBED_LOG="1")
    assert not grows("--no-log", QEMBED_LOG="1")
    assert not grows(QEMBED_LOG="0")
    assert docs("feedback", "log", "on").code == 0
    assert grows()
    assert not grows("--no-log")
    assert not grows(QEMBED_LOG="off")
    docs.write(".qembed.toml", "log = false\n")
    assert not grows()
    assert grows(QEMBED_LOG="1")
    assert grows("--log")
    docs.write(".qembed.toml", "log = true\n")
    assert docs("feedback", "log", "off").code == 0
    assert grows()
    (docs.folder / ".qembed.toml").unlink()
    assert not grows()
    refused = docs("query", "money", QEMBED_LOG="perhaps")
    assert (refused.code, refused.out) != (0, "")
    assert "QEMBED_LOG=perhaps: 1, 0 or hashed is wanted" in refused.err
    docs.write(".qembed.toml", 'log = "sometimes"\n')
    assert 'log: true, false or "hashed" is wanted' in docs("query", "money").err


def test_config_shows_what_holds(docs: Shell) -> None:
    def shown() -> tuple[Any, str]:
        rows = docs("config", "--format", "json").json["settings"]
        return next((r["value"], r["from"]) for r in rows if r["name"] == "log")

    assert shown() == (None, "default")
    docs("feedback", "log", "hashed")
    assert shown() == ("hashed", "index")
    docs.write(".qembed.toml", "log = true\n")
    assert shown()[0] is True


def test_hashed_texts_stay_hashed_whatever_turns_the_log_on(docs: Shell) -> None:
    assert docs("feedback", "log", "hashed").code == 0
    ask(docs)
    ask(docs, "--where", "suffix = '.md'", QEMBED_LOG="1")
    one, two = logged(docs)
    assert is_hashed(one.text)
    assert one.text == two.text
    assert all(is_hashed(w) for w in two.settings["where"])
    data = (docs.folder / ".qembed/feedback/log-00000001.jsonl").read_text()
    assert "money" not in data
    assert ".md'" not in data
    gone = docs("feedback", "forget", "--where", "query = 'money'", "--format", "json").json
    assert gone["queries"] == 2
    ask(docs)
    warned = docs("feedback", "forget", "--where", "query glob '*mon*'")
    assert "texts are hashed, and query = '…' alone finds them: 1" in warned.err
    assert len(logged(docs)) == 1


def test_a_log_that_cannot_be_written_is_told_and_changes_no_answer(docs: Shell) -> None:
    docs.write(".qembed/feedback", "somebody's file")
    done = docs("query", "money", "--log", "--format", "json")
    assert done.code == 0
    assert "logged_as" not in done.json["queries"][0]
    assert "warning: not logged: cannot write " in done.err
    assert "part of its path is no folder" in done.err


def test_a_client_without_a_log_is_told(docs: Shell) -> None:
    assert "--client, --session: no effect without --log" in docs("query", "m", "--client", "a").err
    assert docs("query", "money", QEMBED_CLIENT="agent:a").err == ""
    assert docs("query", "money", "--log", "--client", "").code == 2


def test_events_of_a_query(docs: Shell) -> None:
    name = ask(docs, QEMBED_CLIENT="agent:a")
    add = ("feedback", "add", name)
    assert docs(*add, "--action", "click", "--position", "1").out == "logged 1 event\n"
    best = logged(docs)[0].shown[0].id
    assert docs(*add, "--action", "dwell", "--object", best, "--seconds", "4.5").code == 0
    again = ("--action", "thumbs_up", "--object", best, "--event-id", "v1", "--client", "person:p")
    assert docs(*add, *again).out == "logged 1 event\n"
    assert docs(*add, *again).out == "logged 0 events · 1 there already\n"
    click, dwell, vote = events(docs)
    assert (click.object_id, click.position, click.client_kind) == (best, 1, "agent")
    assert (dwell.position, dwell.seconds) == (1, 4.5)
    assert (vote.event_id, vote.client_id, vote.client_kind) == ("v1", "p", "person")
    assert "1 query, 3 events since " in docs("status").out
    assert docs("feedback", "log", "--format", "json").json["events"] == 3


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--action", "click", "--object", "none.md"), "there is no document none.md"),
        (("--action", "click", "--position", "9"), "was shown no hit at position 9"),
        (("--action", "click"), "--object ID, or the --position of the hit, is wanted"),
        (("--action", "dwell", "--position", "1"), "--action dwell wants --seconds"),
        (("--action", "click", "--position", "0"), "--position"),
        (("--action", "x" * 101, "--position", "1"), "--action: longer than 100"),
        (("--position", "1"), "what was done, such as click, is wanted"),
    ],
)
def test_an_event_that_is_not_taken(docs: Shell, args: tuple[str, ...], why: str) -> None:
    done = docs("feedback", "add", ask(docs), *args)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert events(docs) == []


def test_events_of_a_query_that_is_not_there(docs: Shell) -> None:
    done = docs("feedback", "add", "none", "--action", "click", "--position", "1")
    assert (done.code, done.err) == (2, "qembed: query none is not in the log\n")
    assert docs("feedback", "add").code == 2
    assert docs("feedback", "add", "-", "--action", "click").code == 2


def test_lines_of_events_are_taken_but_for_the_bad_ones(docs: Shell) -> None:
    name = ask(docs)
    best = logged(docs)[0].shown[0].id
    lines = [
        {"query_id": name, "action": "open", "position": 1, "event_id": "1"},
        {"query_id": name, "action": "cite", "object": best, "time": logged(docs)[0].time + 1},
        {"query_id": "none", "action": "cite", "object": best},
        {"query_id": name, "action": "cite", "object": best, "time": 12},
        {"query_id": name, "action": "open"},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n\n"
    done = docs("feedback", "add", "-", "--format", "json", stdin=text)
    assert done.code == 4
    assert done.json["events"] == 2
    assert done.json["refused"] == {"unknown query": 1, "clock": 1, "unreadable": 2}
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["-:3", "-:4", "-:5", "-:6"]
    again = docs("feedback", "add", "-", stdin=text)
    assert again.code == 4
    assert again.out == "logged 0 events · 2 there already · 4 refused\n"
    assert len(events(docs)) == 2
    assert docs("feedback", "add", "-", "-q", stdin=b"\xff\n").err == "qembed: -:1: not UTF-8\n"


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


def test_documents_that_left_take_no_events(docs: Shell) -> None:
    name = ask(docs)
    best = logged(docs)[0].shown[0].id
    (docs.folder / "docs" / best).unlink()
    assert docs("index").code == 0
    done = docs("feedback", "add", name, "--action", "click", "--object", best)
    assert (done.code, done.err) == (
        2,
        f"qembed: {best} has left the corpus since it was shown\n",
    )


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
