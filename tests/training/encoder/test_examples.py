"""Rows of a training: texts in the model's templates, and a teacher's scores on the right scale."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qembed.errors import InputError
from qembed.models import profile_for
from qembed.training.encoder.examples import make_rows
from qembed.training.mining.lists import Negative, TrainingList

LIST = TrainingList(
    "q", "red planet", "d", "mars", 0.5,
    (Negative("e", "fox", 0.2, 1, "dense"), Negative("f", "dog", 0.1, 2, "bm25")),
)  # fmt: skip
E5 = profile_for("multilingual-e5-small")


class Teacher:
    """A reranker that knows what it thinks of each text, and remembers the pairs it was asked for."""

    truncated: tuple[Any, ...] = ()
    note = None
    meaning = ""
    instructed = False

    def __init__(self, scores: dict[str, float], calibrated: bool, kind: str = "cross") -> None:
        self.scores, self.calibrated, self.kind = scores, calibrated, kind
        self.pairs: list[tuple[str, str]] = []

    def score(self, pairs: Any, track: Any = None, tasks: Any = None) -> Any:
        self.pairs += pairs
        found = [self.scores[text.removeprefix("passage: ")] for _, text in pairs]
        return np.array(found, np.float32)


def test_a_margin_is_one_of_log_odds() -> None:
    teacher = Teacher({"mars": 0.99, "fox": 0.5, "dog": 0.01}, calibrated=True)
    rows = make_rows([LIST], "triplet", E5, teacher)
    odds = math.log(0.99 / 0.01)
    assert [row.label for row in rows] == pytest.approx([odds, 2 * odds], rel=1e-4)
    assert rows[0].texts == ("query: red planet", "passage: mars", "passage: fox")
    assert teacher.pairs == [("red planet", t) for t in ("mars", "fox", "dog")]


def test_other_scores_stay() -> None:
    scores = {"mars": 8.0, "fox": 2.0, "dog": -1.0}
    rows = make_rows([LIST], "triplet", E5, Teacher(scores, calibrated=False))
    assert [row.label for row in rows] == [6.0, 9.0]
    (row,) = make_rows([LIST], "list", E5, Teacher({"mars": 0.5, "fox": 0.25, "dog": 0}, True))
    assert row.label == (0.5, 0.25, 0.0)


def test_late_interaction_reads_what_is_encoded() -> None:
    teacher = Teacher({"mars": 0.9, "fox": 0.5, "dog": 0.1}, calibrated=False, kind="late")
    make_rows([LIST], "list", E5, teacher)
    assert teacher.pairs[0] == ("query: red planet", "passage: mars")


def test_a_list_with_few_negatives_takes_none_from_others() -> None:
    """One query that lost its negatives must not cost all others theirs."""
    short = replace(LIST, query_id="r", negatives=LIST.negatives[1:])
    none = replace(LIST, query_id="s", positive_id="e", negatives=())
    lists = [none, LIST, short]
    rows = make_rows(lists, "list", E5)
    plain = [tuple(t.removeprefix("passage: ") for t in row.texts[1:]) for row in rows]
    # what is relevant for it is not among those that it borrows
    assert plain == [("mars", "dog", "dog"), ("mars", "fox", "dog"), ("mars", "dog", "dog")]
    scores = {"mars": 0.5, "fox": 0.25, "dog": 0.125}
    graded = make_rows(lists, "list", E5, Teacher(scores, False))
    assert [row.label for row in graded] == [(0.5, 0.25, 0.125), (0.5, 0.125, 0.125)]
    triplets = make_rows(lists, "triplet", E5)
    assert [row.texts[2] for row in triplets] == ["passage: fox", "passage: dog", "passage: dog"]
    assert len(make_rows(lists, "pair", E5)) == 1 + 3 + 2
    assert [len(row.texts) for row in make_rows([none], "list", E5)] == [2]


@pytest.mark.parametrize("form", ["list", "triplet", "pair"])
def test_positives_alone_are_refused_where_nothing_else_is_compared(form: Any) -> None:
    with pytest.raises(InputError, match="the labels are all equal: the lists have no negatives"):
        make_rows([replace(LIST, negatives=())], form, E5, in_batch=False)
    assert make_rows([LIST, replace(LIST, query_id="r", negatives=())], form, E5, in_batch=False)


def test_nothing_to_train_on() -> None:
    with pytest.raises(InputError, match="there are no training lists"):
        make_rows([], "list", E5)
    alone = replace(LIST, negatives=())
    with pytest.raises(InputError, match="a teacher has nothing to compare"):
        make_rows([alone], "list", E5, Teacher({}, True))
