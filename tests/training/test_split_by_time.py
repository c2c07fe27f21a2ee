"""Queries that cannot be judged on: trained on, unless they are connected with one that is held out."""

from __future__ import annotations

import pytest

from qembed.errors import InputError
from qembed.training.split import split_queries
from qembed.types import Query

WORDS = [
    "tea",
    "salt",
    "moss",
    "iron",
    "clay",
    "wool",
    "corn",
    "rust",
    "silk",
    "lime",
    "peat",
    "zinc",
]
QUERIES = [Query(w, f"{w} {w}ish {w}like") for w in WORDS]
QRELS = {w: {f"document of {w}": 1} for w in WORDS}


def test_only_judging_queries_are_held_out() -> None:
    later = set(WORDS[:6])
    found = split_queries(QUERIES, QRELS, 0.4, 0, later)
    held = {q.id for q in found.new}
    assert held <= later
    assert len(held) == 5
    assert {q.id for q in found.train} == set(WORDS) - held
    assert sorted(i for c in found.components for i in c) == list(range(5))


def test_what_is_connected_with_a_held_out_query_is_nowhere() -> None:
    again = [Query(f"{w} again", f"{w} {w}ish {w}like") for w in WORDS]
    qrels = {**QRELS, **{q.id: {f"other of {q.id}": 1} for q in again}}
    later = {q.id for q in again}
    found = split_queries([*QUERIES, *again], qrels, 0.45, 1, later)
    held = {q.id for q in found.new}
    assert held <= later
    trained = {q.id for q in found.train}
    assert not any(name.removesuffix(" again") in trained for name in held)
    assert all(len(c) == 1 for c in found.components)


def test_too_few_that_can_judge() -> None:
    with pytest.raises(InputError, match="only 3 groups of queries that share documents or words"):
        split_queries(QUERIES, QRELS, 0.4, 0, set(WORDS[:3]))
