"""Queries from a language model behind the chat protocol: a real server, and one that fails half-way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import ModelUnavailable
from qembed.pipeline.progress import Progress
from qembed.training.adapting.made_queries import read_made_queries
from qembed.training.adapting.run import AdaptJob, adapt_encoder
from tests.pipeline.conftest import index
from tests.stub import Server, says, serving, status

TEXTS = {f"d{i}": f"fox{i} jumps over wall{i} and hides from dog{i}" for i in range(6)}


def chat(text: Any) -> Any:
    return says({"choices": [{"message": {"role": "assistant", "content": text}}]})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "0")
    lines = (json.dumps({"_id": k, "text": v}) + "\n" for k, v in TEXTS.items())
    (tmp_path / "c.jsonl").write_text("".join(lines))
    index(tmp_path / "idx", tmp_path / "c.jsonl")
    return tmp_path


def ask(root: Path, server: Server, warnings: list[str], most: int = 6) -> Any:
    job = AdaptJob(
        root / "idx",
        None,
        generate=f"{server.base}#writer",
        write_made=root / "made.jsonl",
        most=most,
        best=1,
    )
    return adapt_encoder(job, Progress(), warnings.append)


def test_queries_are_asked_for_and_those_kept_that_find_their_passage(root: Path) -> None:
    warnings: list[str] = []
    with serving() as server:
        server.tricks = [
            chat(f'1. where does fox{i} hide\n2. "wall{i} jump"\nHere they are:\nnothing of it')
            for i in range(6)
        ]
        body = ask(root, server, warnings)
        bodies = server.bodies
    assert body["verdict"] is None
    shown = [b["messages"][-1]["content"] for b in bodies]
    assert sorted(next(t for t in TEXTS.values() if t in s) for s in shown) == sorted(
        TEXTS.values()
    )
    made = read_made_queries(root / "made.jsonl")
    assert {q.kind for q in made} == {"asked"}
    # the server answers in an order of its own: only what was asked for the right passage is found
    for q in made:
        number = q.document[1:]
        assert q.positive == TEXTS[q.document]
        assert number in q.text
    assert body["settings"]["found"] == len(made)
    assert body["settings"]["made"] > len(made)


def test_a_passage_without_an_answer_is_counted(root: Path) -> None:
    warnings: list[str] = []
    with serving() as server:
        every = "\n".join(f"where does fox{i} hide" for i in range(6))
        server.tricks = [chat(every), chat(""), says("<html>"), *[chat("dog0 and wall0")] * 3]
        ask(root, server, warnings)
    assert warnings == ["4 passages for which the language model gave no query"]


def test_what_was_made_before_the_model_failed_is_kept(root: Path) -> None:
    warnings: list[str] = []
    with serving() as server:
        server.tricks = [chat("where does fox1 hide"), *[status(500)] * 3]
        with pytest.raises(ModelUnavailable, match="failed once"):
            ask(root, server, warnings)
        assert len(server.bodies) == 4
    assert [q.text for q in read_made_queries(root / "made.jsonl")] == ["where does fox1 hide"]
    made = root / "made.jsonl"
    assert warnings == [f"{made} holds what was made so far, number of queries: 1"]


def test_a_model_that_never_answers_ends_it_at_once(root: Path) -> None:
    with serving() as server:
        server.tricks = [status(401)] * 6
        with pytest.raises(ModelUnavailable, match="a key is wanted"):
            ask(root, server, [])
        assert len(server.bodies) == 1
    assert not (root / "made.jsonl").exists()
