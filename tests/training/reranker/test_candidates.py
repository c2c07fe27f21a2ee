"""Values of a reranker's order, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qembed.training.reranker.candidates import (
    PREFERRED,
    Candidate,
    CandidateSet,
    Reranked,
    first_kept,
    preferred_candidates,
    ranked_values,
    search_alone,
)
from qembed.training.reranker.examples import GradedTexts
from qembed.training.reranker.run import worse
from qembed.types import Query

QUERIES = [Query("q", "words"), Query("r", "other words")]
FOUND = {"q": [Candidate(d, d) for d in "abc"], "r": [Candidate(d, d) for d in "xy"]}
JUDGED = CandidateSet(QUERIES, FOUND, {"q": {"c": 1}, "r": {"gone": 1}})


def test_values_are_of_the_order_among_the_candidates() -> None:
    scores = {"q": np.array([0.1, 0.2, 0.9], np.float32), "r": np.array([1, 0], np.float32)}
    assert ranked_values(JUDGED, scores) == {"q": 1.0, "r": 0.0}
    alone = search_alone(JUDGED)
    assert alone.values == {"q": pytest.approx(1 / np.log2(4)), "r": 0.0}
    assert JUDGED.pairs()[-1] == ("other words", "y")


def test_preferences_are_pairs_in_order() -> None:
    examples = [
        GradedTexts("q", "q", ("1", "2"), ("good", "bad"), (1.0, 0.0)),
        GradedTexts("q", "q", ("1", "3"), ("good", "worse"), (1.0, 0.0)),
        GradedTexts("r", "r", ("1", "3"), ("good", "worse"), (1.0, 0.0)),
    ]
    given = preferred_candidates(examples, [Query("q", "q")])
    assert given.measure == PREFERRED
    assert [c.text for c in given.candidates["q"]] == ["good", "bad", "worse"]
    for scores, wanted in (([3, 1, 2], 1.0), ([1, 0, 2], 0.5), ([1, 1, 0], 0.75)):
        found = ranked_values(given, {"q": np.array(scores, np.float32)})
        assert found == {"q": wanted}


def test_preferences_count_by_weight_and_only_those_that_were_given() -> None:
    examples = [
        GradedTexts("q", "q", ("1", "2"), ("a", "b"), (1.0, 0.0), weight=3.0),
        GradedTexts("q", "q", ("2", "3"), ("b", "c"), (1.0, 0.0), weight=1.0),
    ]
    given = preferred_candidates(examples, [Query("q", "q")])
    assert [c.text for c in given.candidates["q"]] == ["a", "b", "c"]
    for scores, wanted in (([3, 1, 2], 0.75), ([1, 2, 0], 0.25), ([2, 2, 3], 0.375)):
        assert ranked_values(given, {"q": np.array(scores, np.float32)}) == {"q": wanted}


def reranked(*scores: Any) -> Reranked:
    return Reranked({}, {f"q{i}": np.array(s, np.float32) for i, s in enumerate(scores)})


def test_what_stays_first() -> None:
    before, after = np.arange(20), np.arange(20)[::-1]
    assert first_kept(reranked(before), reranked(after)) == 0
    assert first_kept(reranked(before, before), reranked(after, before)) == 0.5
    assert first_kept(reranked([1, 2]), reranked([2, 1])) is None


def test_what_is_worse() -> None:
    told = reranked([1, 2], [0, 5])
    fell = {"measure": "nDCG@10", "before": 0.5, "after": 0.4, "gain": -0.1, "p": 0.05}
    rose = {**fell, "after": 0.6, "gain": 0.1}
    assert worse({"new": rose, "kept": {"first": 0.1}}, told) is None
    assert worse({"new": rose, "kept": {**fell, "p": 0.06}}, told) is None
    assert (
        worse({"new": rose, "kept": fell}, told) == "on --keep nDCG@10 fell from 0.5000 to 0.4000"
    )
    assert worse({"new": fell, "kept": rose}, told) == (
        "on new documents nDCG@10 fell from 0.5000 to 0.4000"
    )
    assert worse({"new": rose, "kept": None}, told) is None
    alike = worse({"new": rose, "kept": rose}, reranked([1, 1], [2, 2]))
    assert alike is not None
    assert "all alike" in alike
