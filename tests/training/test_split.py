"""Queries divided: what is held out as new shares neither documents nor words with what is trained on."""

from __future__ import annotations

import random

import pytest

from qembed.errors import InputError, UsageError
from qembed.evaluation.tuning import word_set
from qembed.training.split import split_queries
from qembed.types import Qrels, Query

WORDS = [f"word{i}" for i in range(400)]


def made(seed: int, n: int = 120, documents: int = 60) -> tuple[list[Query], Qrels]:
    rng = random.Random(seed)
    queries = [Query(f"q{i}", " ".join(rng.sample(WORDS, 5))) for i in range(n)]
    queries += [Query(f"n{i}", queries[i].text + " again") for i in range(10)]
    qrels = {
        q.id: {f"d{d}": rng.choice([0, 1, 1]) for d in rng.sample(range(documents), 1)}
        for q in queries
    }
    return queries, qrels


@pytest.mark.parametrize("seed", range(6))
def test_nothing_of_the_new_ones_is_seen(seed: int) -> None:
    queries, qrels = made(seed)
    split = split_queries(queries, qrels, 0.2, seed)

    def relevant(q: Query) -> set[str]:
        return {d for d, grade in qrels[q.id].items() if grade > 0}

    trained = set().union(*map(relevant, split.train))
    for q in split.new:
        assert not relevant(q) & trained
        for other in split.train:
            a, b = word_set(q.text), word_set(other.text)
            assert len(a & b) < 0.7 * len(a | b)
    for q in split.seen:
        assert relevant(q) <= trained
    ids = [q.id for part in (split.train, split.new, split.seen) for q in part]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {q.id for q in queries if relevant(q)}
    assert sorted(i for c in split.components for i in c) == list(range(len(split.new)))
    assert 0.1 * len(ids) < len(split.new) < 0.35 * len(ids)
    assert split == split_queries(queries, qrels, 0.2, seed)


def test_too_few() -> None:
    queries, qrels = made(1, 12, 12)
    with pytest.raises(InputError, match="10 are the least, to train on some"):
        split_queries(queries[:6], qrels)
    with pytest.raises(InputError, match="no query has a relevant document"):
        split_queries(queries, {})
    one = {q.id: {"d": 1} for q in queries}
    with pytest.raises(InputError, match="fall into 1 group "):
        split_queries(queries, one)
    with pytest.raises(UsageError, match=r"--held-out 0\.6"):
        split_queries(queries, qrels, 0.6)
