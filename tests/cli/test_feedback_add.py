"""`qembed feedback add`: events of logged queries, from options and from lines."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell
from tests.cli.feedback_log import ask, events, logged


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
