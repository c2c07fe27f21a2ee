"""Queries made of a corpus: their kinds, their file, and those that find their passage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import InputError, StorageError
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.corpus_queries import corpus_queries
from qembed.training.adapting.made_queries import (
    MadeQuery,
    read_made_queries,
    without_words,
    write_made_queries,
)
from qembed.training.adapting.round_trip import keep_found
from tests.pipeline.conftest import index

MANY = " ".join(f"wet{i % 90} w{i * 7 % 50}" for i in range(400))
FILES = {
    "refunds.md": "# Refunds of late orders\n\nMoney comes back within five days. It goes to the card.\n\n"
    f"## How to ask for one\n\nWrite to the desk in the hall before noon. {MANY}.\n",
    "locks.md": "# Locked accounts\n\nAn account opens again after an hour. Nobody can open it sooner.\n\n"
    f"## Introduction\n\nThree wrong passwords lock it. {MANY}.\n",
    "rain.md": "# Rain in the harbour\n\nShips wait for the tide. The pilot comes aboard.\n",
    "code.py": "class Basket:\n    def total(self):\n        return sum(price for price in self.prices)\n",
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    index(tmp_path / "idx", folder)
    with Session(tmp_path / "idx") as session:
        yield session


def test_each_kind_is_of_its_passage_which_no_longer_holds_it(session: Session) -> None:
    made = corpus_queries(session, 100, seed=1)
    texts = {q.kind: {p.text for p in made if p.kind == q.kind} for q in made}
    assert texts["title"] >= {"Refunds of late orders", "Locked accounts", "Rain in the harbour"}
    assert "How to ask for one" in texts["heading"]
    assert "Money comes back within five days." in texts["sentence"]
    assert texts["span"]
    assert not any(q.document == "code.py" and q.kind in ("sentence", "span") for q in made)
    assert len({q.text for q in made}) == len({q.id for q in made}) == len(made)
    for q in made:
        assert q.row is not None
        (passage,) = session.snapshot.passages(np.array([q.row]))
        assert passage.document == q.document
        assert q.text not in " ".join(q.positive.split())
    assert made == corpus_queries(session, 100, seed=1)
    assert made != corpus_queries(session, 100, seed=2)
    few = corpus_queries(session, 3)
    assert len({q.kind for q in few}) == 3


def test_a_query_that_finds_another_passage_is_left_out(session: Session) -> None:
    made = corpus_queries(session, 100, seed=1)
    kept = keep_found(session, made, 1, Progress())
    assert "Money comes back within five days." in {q.text for q in kept}
    lost = MadeQuery("x", "how do ships wait for a tide", "locks.md", "text", "asked", made[0].row)
    rows = {q.text: q.row for q in made}
    there = MadeQuery(
        "y", "ships wait for the tide", "rain.md", "text", "asked", rows["Ships wait for the tide."]
    )
    found = keep_found(session, [lost, there], 1, Progress())
    assert there in found
    assert keep_found(session, [lost], 50, Progress()) == [lost]
    with pytest.raises(KeyboardInterrupt):
        keep_found(session, made, 1, Progress(stop=lambda: True))


def test_the_file_comes_back_as_it_was(tmp_path: Path) -> None:
    made = [
        MadeQuery("a", "what is 火星", "d1", "the red planet", "title", 3),
        MadeQuery("b", 'quotes " and\nlines', "d2", "x", "span"),
    ]
    path = tmp_path / "made.jsonl"
    write_made_queries(made, path)
    again = read_made_queries(path)
    assert [(q.id, q.text, q.document, q.positive, q.kind) for q in again] == [
        (q.id, q.text, q.document, q.positive, q.kind) for q in made
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["made.jsonl"]
    with pytest.raises(StorageError, match="cannot be written: no such file or folder"):
        write_made_queries(made, tmp_path / "none" / "made.jsonl")


def test_mistakes_are_told_by_line(tmp_path: Path) -> None:
    good = {"query": "q", "positive": {"id": "d", "text": "t"}}
    lines = [
        json.dumps(good),
        "",
        "{",
        json.dumps({"query": "q"}),
        json.dumps({**good, "query": " "}),
        json.dumps({**good, "positive": "t"}),
        json.dumps({**good, "query_id": "made-1"}),
        "[]",
    ]
    path = tmp_path / "made.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        read_made_queries(path)
    said = [p.removeprefix(f"{path}:").split(":")[0] for p in caught.value.problems]
    assert said == ["3", "4", "5", "6", "7", "8"]
    path.write_text("\n\n")
    with pytest.raises(InputError, match="holds no queries"):
        read_made_queries(path)


@given(st.text(alphabet="ab #\n.", max_size=40), st.text(alphabet="ab .", max_size=8))
def test_what_is_taken_away_is_gone_or_was_never_there(text: str, query: str) -> None:
    left = without_words(text, query)
    words = " ".join(query.split())
    if not words or words not in " ".join(text.split()):
        assert left == text or left == text.strip()
    assert len(left) <= len(text)
