"""Whole documents that are longer than the model reads: how many, and how much of them is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.pipeline.experiments.truncation import (
    SAMPLED_PASSAGES,
    describe_truncation,
    passage_truncation,
)
from qembed.pipeline.retrieval.session import Session
from tests.cli.conftest import Shell


@pytest.fixture
def beir(shell: Shell) -> Shell:
    """Three documents of 802, 402 and 3 tokens (two of them special) for a model that reads 200."""
    texts = {"a": "alpha " * 800, "b": "beta " * 400, "c": "gamma"}
    lines = [json.dumps({"_id": i, "text": t.strip()}) + "\n" for i, t in texts.items()]
    shell.write("beir/corpus.jsonl", "".join(lines))
    shell.write("beir/queries.jsonl", '{"_id": "q", "text": "gamma"}\n')
    shell.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\tc\t1\n")
    shell.old()
    return shell


def test_index_says_how_many_and_how_much(beir: Shell) -> None:
    done = beir("index", "beir/corpus.jsonl", "--chunker", "none")
    assert "2 truncated to 200 tokens (67% of the text is in no vector)" in done.out
    body = beir("index", "--rebuild", "--format", "json").json
    passages = body["passages"]
    assert (passages["truncated"], passages["tokens"], passages["tokens_cut"]) == (2, 1207, 804)
    again = beir("index", "--format", "json").json["passages"]
    assert (again["truncated"], again["tokens"], again["tokens_cut"]) == (0, 0, 0)


@pytest.mark.slow
def test_eval_says_it_from_a_cached_index_too(beir: Shell) -> None:
    arguments = ["eval", "--beir", "beir", "--chunker", "none", "--report", "r.md"]
    for _ in range(2):
        done = beir(*arguments)
        assert done.code == 0, done.err
        warning = (
            "2 of 3 documents are longer than the 200 tokens that the model reads: 67% of the text"
        )
        assert warning in done.err
        assert warning in (beir.folder / "r.md").read_text()
    found = beir(*arguments, "--format", "json").json["settings"]["truncated_passages"]
    assert found == {"total": 3, "looked_at": 3, "truncated": 2, "tokens": 1207, "tokens_cut": 804}
    cut = beir("eval", "--beir", "beir", "--format", "json")
    assert cut.json["settings"]["truncated_passages"] is None
    assert "in no vector" not in cut.err


@pytest.mark.slow
def test_of_many_documents_some_are_looked_at(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = SAMPLED_PASSAGES + 100
    lines = (json.dumps({"_id": str(i), "text": "w " * 300}) + "\n" for i in range(many))
    shell.write("c.jsonl", "".join(lines))
    assert shell("index", "c.jsonl", "--chunker", "none").code == 0
    for key, value in shell.env().items():
        monkeypatch.setenv(key, value)
    with Session(Path(shell.folder / ".qembed")) as session:
        found = passage_truncation(session)
    assert found is not None
    assert (found["total"], found["looked_at"]) == (many, SAMPLED_PASSAGES)
    (line,) = describe_truncation(found, 200)
    assert line.startswith("500 of 500 documents looked at (of 600) are longer than the 200 tokens")
    fits = {"total": 9, "looked_at": 9, "truncated": 0, "tokens": 9, "tokens_cut": 0}
    assert describe_truncation(fits, 200) == []
    assert describe_truncation(None, 200) == []
    barely = fits | {"truncated": 1, "tokens": 9_000, "tokens_cut": 1}
    assert "under 1% of the text" in describe_truncation(barely, 200)[0]
