"""BM25 of counts against the word index itself, as the oracle."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from qembed.search.lexical.analyzer import characters_of, is_lone, terms_of
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.query import parse_query
from qembed.search.lexical.scores import FieldCounts, occurrences, stored_length
from qembed.search.lexical.writer import LexicalWriter


def corpus() -> list[str]:
    chance = random.Random(5)
    words = [f"w{i}" for i in range(30)] + ["退款", "水", "to", "the"]
    return [
        " ".join(chance.choice(words) for _ in range(chance.choice([1, 5, 30, 45, 200, 700])))
        for _ in range(80)
    ]


def counts_of(passages: list[list[str]], terms: set[str]) -> FieldCounts:
    frequency = {t: sum(t in p for p in passages) for t in terms}
    return FieldCounts(len(passages), sum(map(len, passages)) / len(passages), frequency)


@pytest.mark.parametrize(
    "query", ["w1 w2 w2 w7", "退款 水 w3", "w9", '"w1 w2" w4', '"to the" w5', "水"]
)
@pytest.mark.slow
def test_scores_are_those_of_the_word_index(tmp_path: Path, query: str) -> None:
    texts = corpus()
    with LexicalWriter(tmp_path / "words") as writer:
        writer.add(range(len(texts)), [""] * len(texts), texts)
        writer.commit()
    rows, scores = LexicalIndex.open(tmp_path / "words").search(query, len(texts))
    assert len(rows)
    words = parse_query(query)
    terms, characters = [terms_of(t) for t in texts], [characters_of(t) for t in texts]
    every = {*words.terms, *(t for p in words.phrases for t in p)}
    field = counts_of(terms, every)
    single = counts_of(characters, every)
    times = Counter(words.terms)
    found = []
    for row in rows.tolist():
        score = field.score({t: n for t, n in times.items() if not is_lone(t)}, terms[row])
        score += single.score({t: n for t, n in times.items() if is_lone(t)}, characters[row])
        for phrase in words.phrases:
            if not set(phrase) <= set(words.terms):
                score += field.score_phrase(phrase, terms[row])
        found.append(score)
    np.testing.assert_allclose(found, scores, rtol=2e-6)


def test_lengths_are_stored_in_steps() -> None:
    assert [stored_length(n) for n in (0, 23, 40, 41, 43, 57, 1000)] == [0, 23, 40, 40, 42, 56, 984]


def test_occurrences_of_a_phrase() -> None:
    assert occurrences(["a", "b"], ["a", "b", "a", "a", "b"]) == 2
    assert occurrences(["a", "b"], ["a"]) == 0
