"""`qembed feedback agent --judge`: a language model's votes, over real HTTP in the chat protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qembed.errors import ModelUnavailable
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event
from qembed.pipeline.feedback.judge import parse_verdicts
from tests.cli.conftest import Shell
from tests.stub import Trick, hang, says, serving, status

TRACE = {
    "trace": "run-1",
    "client": "helper",
    "outcome": "success",
    "steps": [
        {"search": "money", "hits": ["parcels.md", "refunds.md", "gone.md"]},
        {"read": "refunds.md"},
        {"search": "lock order", "hits": ["deep/locks.txt"]},
    ],
}


def chat(text: Any) -> Trick:
    return says({"choices": [{"message": {"role": "assistant", "content": text}}]})


def given(shell: Shell) -> tuple[str, ...]:
    shell.write("t.jsonl", json.dumps(TRACE) + "\n")
    return ("feedback", "agent", "t.jsonl")


def events(shell: Shell) -> list[Event]:
    store = LogStore(shell.folder / ".qembed")
    return [r for r in read_records(store) if isinstance(r, Event)]


def test_votes_are_logged_and_kept_apart(docs: Shell) -> None:
    args = given(docs)
    with serving() as server:
        server.tricks = [chat("1 no\n2: yes"), chat('```json\n{"1": true}\n```')]
        done = docs(*args, "--judge", f"{server.base}#wise")
        assert done.code == 0, done.err
        first, _ = server.bodies
        again = docs(*args, "--judge", f"{server.base}#wise")
        assert len(server.bodies) == 2  # it is not asked twice
        assert "0 votes of the judge" in again.err
        spec = f"{server.base}#wise"
    assert "3 votes of the judge" in done.err
    asked = first["messages"][1]["content"]
    assert asked.startswith("Query: money\n\n[1] ")
    assert "[2] # Refunds\n\nMoney comes back within five days." in asked
    assert "[3]" not in asked  # the index has no such document
    votes = [e for e in events(docs) if e.source == "judge"]
    assert [(e.action, e.object_id, e.client_kind) for e in votes] == [
        ("thumbs_down", "parcels.md", "agent"),
        ("thumbs_up", "refunds.md", "agent"),
        ("thumbs_up", "deep/locks.txt", "agent"),
    ]
    assert {e.attributes["judge"] for e in votes} == {spec}
    body = docs("feedback", "pairs", "--out", "p.jsonl", "--format", "json").json
    assert set(body["kinds"]) == {"agent", "judge"}
    lines = [json.loads(line) for line in (docs.folder / "p.jsonl").read_text().splitlines()]
    (vote,) = [line for line in lines if line.get("source") == "judge"]
    assert (vote["chosen_id"], vote["rejected_id"], vote["weight"]) == (
        "refunds.md", "parcels.md", 0.3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trick", "message"),
    [
        (chat("I like all of them."), "no verdict on 'money', but 'I like all of them.'"),
        (chat("7 yes"), "no verdict on 'money', but '7 yes'"),
        (chat(""), "gave an empty answer"),
        (says({"nothing": 1}), "did not answer in the form of OpenAI's chat protocol"),
        (status(500), "failed once: status 500"),
        (hang, "failed once: no answer within 0.5 s"),
    ],
)
@pytest.mark.slow
def test_a_judge_that_fails_is_exit_2_and_nothing_is_logged(
    docs: Shell, trick: Trick, message: str
) -> None:
    args = given(docs)
    with serving() as server:
        server.always = trick
        done = docs(
            *args, "--judge", f"{server.base}#wise", QEMBED_REMOTE_RETRIES="0",
            QEMBED_REMOTE_TIMEOUT="0.5",
        )  # fmt: skip
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (docs.folder / ".qembed/feedback").exists()


def test_an_address_that_is_none(docs: Shell) -> None:
    done = docs(*given(docs), "--judge", "nowhere")
    assert done.code == 2
    assert "http(s)://host:port/v1#model is wanted" in done.err


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        ("1 yes\n2 no", {1: True, 2: False}),
        ("- [2] Yes, it does.\n", {2: True}),
        ("Here they are:\n1. NO\n\n3) yes", {1: False, 3: True}),
        ('{"1": "no", "2": "yes"}', {1: False, 2: True}),
        ("1 yes\n1 yes", {1: True}),
    ],
)
def test_verdicts(answer: str, verdicts: dict[int, bool]) -> None:
    assert parse_verdicts(answer, 3, "q") == verdicts


@pytest.mark.parametrize(
    "answer", ["yes", "1 maybe", "4 yes", "0 no", "1 yes\n1 no", "[1, 2]", "{}"]
)
def test_what_is_no_verdict(answer: str) -> None:
    with pytest.raises(ModelUnavailable, match="the judge gave no verdict on 'q'"):
        parse_verdicts(answer, 3, "q")
