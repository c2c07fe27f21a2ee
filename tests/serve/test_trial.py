"""`serve --ab`: two settings in the answers that are logged, and in those alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import LoggedQuery
from tests.cli.conftest import Shell
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow
B = ("--mode", "lexical")


@pytest.fixture
def trial(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server that compares the index's own way with the words alone."""
    monkeypatch.setenv("QEMBED_CACHE", docs.env()["QEMBED_CACHE"])
    server = Running(docs, "--ab", "A=mode=dense,B=mode=lexical")
    yield server
    server.end()


def documents(shell: Shell, *args: str) -> list[str]:
    done = shell("query", "money locks", "--format", "jsonl", *args)
    assert done.code == 0, done.err
    return [line["document"] for line in done.lines]


def logged(running: Running) -> list[LoggedQuery]:
    return [r for r in read_records(LogStore(running.index)) if isinstance(r, LoggedQuery)]


def test_logged_answers_have_hits_of_both(trial: Running) -> None:
    docs = trial.shell
    sides = {
        "A": documents(docs, "--mode", "dense", "--no-server"),
        "B": documents(docs, *B, "--no-server"),
    }
    firsts = set()
    for n in range(8):
        done = docs(
            "query", "money locks", "--log", "--client", f"c{n}", "--format", "json", "--explain"
        )
        (answer,) = done.json["queries"]
        shown = [h["document"] for h in answer["hits"]]
        assert len(shown) == len(set(shown))
        said = answer["interleaved"]
        assert (said["a"], said["b"]) == ("mode=dense", "mode=lexical")
        assert f"share this answer: {said['teams']}" in done.err
        # each picks its best hit that is left
        for i, (document, team) in enumerate(zip(shown, said["teams"], strict=True)):
            assert document == next(d for d in sides[team] if d not in shown[:i])
        firsts.add(said["teams"][0])
        row = logged(trial)[-1]
        assert row.settings["interleaved"] == said
        assert "mode" not in row.settings
        assert [h.id for h in row.shown] == shown
    assert firsts == {"A", "B"}
    again = [documents(docs, "--log", "--client", "c1") for _ in range(3)]
    assert again[0] == again[1] == again[2]
    with trial.line() as line:
        found = line.ask({"do": "status"})["experiment"]
    assert found == {"a": "mode=dense", "b": "mode=lexical", "queries": 11}
    status = docs("serve", "--status").out
    assert "experiment  A mode=dense against B mode=lexical, 11 queries so far" in status


def test_what_takes_no_part(trial: Running) -> None:
    docs = trial.shell
    before = trial.requests
    plain = documents(docs, "--no-server")
    assert documents(docs) == plain  # not logged
    assert documents(docs, *B, "--log") == documents(docs, *B, "--no-server")
    docs("query", "money locks", "--log", "--format", "trec")
    for args in (("--min-score", "0"), ("--context", "1"), ("--search", "exact"), ("--untuned",)):
        assert docs("query", "money locks", "--log", *args).code == 0
    assert trial.requests == before + 7
    assert not any("interleaved" in q.settings for q in logged(trial))
    assert docs("feedback", "log", "on").code == 0  # of the index: noticed without another start
    assert documents(docs, "--no-log") == plain
    documents(docs)
    assert "interleaved" in logged(trial)[-1].settings


def test_clicks_become_wins_of_the_one_that_picked_the_hit(trial: Running) -> None:
    docs = trial.shell
    for n in range(4):
        done = docs("query", "money locks", "--log", "--client", f"c{n}", "--format", "json")
        (answer,) = done.json["queries"]
        hit = answer["interleaved"]["teams"].index("B") + 1
        args = ["--action", "click", "--position", str(hit)]
        assert docs("feedback", "add", answer["logged_as"], *args).code == 0
    (found,) = docs("feedback", "report", "--format", "json").json["experiments"]
    assert found["names"] == {"a": "mode=dense", "b": "mode=lexical"}
    assert (found["a"], found["b"], found["ties"]) == (0, 4, 0)


def test_queries_on_stdin_and_filters(trial: Running) -> None:
    lines = [
        {"_id": "x", "text": "money"},
        {"_id": "y", "text": "locks", "where": "suffix = '.md'"},
    ]
    stdin = "".join(json.dumps(line) + "\n" for line in lines)
    done = trial.shell("query", "-", "--log", "-k", "2", "--format", "json", stdin=stdin)
    assert [q["query_id"] for q in done.json["queries"]] == ["x", "y"]
    for q in done.json["queries"]:
        assert len(q["interleaved"]["teams"]) == len(q["hits"]) <= 2
    assert all(h["path"].endswith(".md") for h in done.json["queries"][1]["hits"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ("--ab", "A=,B=speed=9"),
            "--ab B: 'speed=9' is no option of a setting (NAME=VALUE of: mode",
        ),
        (("--ab", "A=,B=rerank=none-such"), "none-such"),
        (("--ab", "A=,B=mode=dense", "--status"), "not with --status"),
    ],
)
def test_refusals(docs: Shell, args: tuple[str, ...], message: str) -> None:
    done = docs.process("serve", *args)
    assert done.code == 2
    assert message in done.err
