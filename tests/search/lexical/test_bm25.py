"""The lexical index against BM25 written out, and what must hold for any corpus and any query."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.search.lexical.analyzer import terms_of
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.query import parse_query
from qembed.search.lexical.writer import LexicalWriter
from tests.search.lexical.indexes import WORDS, build


def bm25(texts: list[str], query: str) -> dict[int, float]:
    """Robertson's formula, k1 = 1.2, b = .75, a word counted as often as the query has it."""
    documents = [terms_of(t) for t in texts]
    n = len(documents)
    average = sum(map(len, documents)) / max(n, 1)
    scores: dict[int, float] = {}
    for term in parse_query(query).terms:
        having = [d for d in range(n) if term in documents[d]]
        weight = math.log(1 + (n - len(having) + 0.5) / (len(having) + 0.5))
        for d in having:
            tf = Counter(documents[d])[term]
            norm = 1.2 * (1 - 0.75 + 0.75 * len(documents[d]) / average)
            scores[d] = scores.get(d, 0.0) + weight * tf * 2.2 / (tf + norm)
    return scores


# up to 40 terms a length is exact; beyond, the engine rounds it
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=25)
QUERY = st.lists(st.sampled_from([*WORDS, "nowhere", "users"]), max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(
    texts=TEXTS,
    query=QUERY,
    cuts=st.lists(st.integers(0, 25), max_size=3),
    base=st.sampled_from([0, 7, 2**33]),
    dead=st.floats(0, 1),
    filtered=st.booleans(),
    k=st.integers(1, 12),
    least=st.integers(1, 12),
    seed=st.integers(0, 99),
)
@pytest.mark.slow
def test_the_ranking_is_bm25_of_what_lives(
    texts: list[str],
    query: str,
    cuts: list[int],
    base: int,
    dead: float,
    filtered: bool,
    k: int,
    least: int,
    seed: int,
) -> None:
    least = min(least, k)
    rng = np.random.default_rng(seed)
    live = rng.random(len(texts)) >= dead
    allowed = rng.random(len(texts)) < 0.4 if filtered else None
    mask = live if allowed is None else live & allowed
    # tantivy may touch a lock file in its folder a moment after the writer has ended
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index = build(Path(folder) / "i", texts, cuts, base)
        rows, scores = index.search(query, k, base=base, live=live, allowed=allowed)
        everything = index.search(query, k, base=base, upto=base + len(texts))
        some, _ = index.search(query, k, base=base, live=live, allowed=allowed, least=least)
        n = len(texts)
        whole, falling = index.search(query, n, base=base, live=live, allowed=allowed)
    assert some.tolist() == whole[: len(some)].tolist()
    assert len(some) >= min(least, len(rows))
    if len(some) < len(whole):
        assert falling[len(some)] < falling[least - 1], "the rest of a tie is missing"
    assert rows.dtype == np.int64
    assert scores.dtype == np.float32
    for found, found_scores, wanted in (
        (rows, scores, mask),
        (*everything, np.ones(len(texts), bool)),
    ):
        oracle = {d: s for d, s in bm25(texts, query).items() if wanted[d]}
        got = (found - base).tolist()
        assert len(got) == len(set(got)) == min(k, len(oracle))
        best = sorted(oracle.values(), reverse=True)[:k]
        np.testing.assert_allclose(found_scores, best, rtol=1e-4)
        np.testing.assert_allclose([oracle[d] for d in got], best, rtol=1e-4)
        ties = list(zip((-found_scores).tolist(), got, strict=True))
        assert ties == sorted(ties)


HOSTILE = st.text(max_size=40) | st.text(
    '"-+*:^~()[]{}\\/& \t\n退apieAND OR NOTtitle:row', max_size=40
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    texts = [
        "apple pie and more",
        "the red apple tree",
        "refund 退款政策 E-1042",
        "AND OR NOT title row",
    ]
    return build(tmp_path_factory.mktemp("lexical") / "i", texts * 3)


@settings(max_examples=500, deadline=None)
@given(query=HOSTILE)
@pytest.mark.slow
def test_no_text_fails_or_finds_the_dead(small: LexicalIndex, query: str) -> None:
    live = np.array([True, False] * 6)
    rows, scores = small.search(query, 20, live=live)
    assert not (rows % 2).any()
    assert np.isfinite(scores).all()
    if not parse_query(query):
        assert not len(rows)
    coverage = small.coverage(query)
    assert 0 <= coverage.weight <= 1
    assert 0 <= coverage.share <= 1


@pytest.mark.parametrize(
    "query", ["row:[0 TO 9]", "row:0", "words:apple* OR *", "apple^100 ~2", "*", "title:*", "ro?"]
)
def test_the_syntax_of_the_engine_is_plain_text(small: LexicalIndex, query: str) -> None:
    found = set(small.search(query, 99)[0].tolist())
    wanted = set(parse_query(query).terms)
    texts = [
        "apple pie and more",
        "the red apple tree",
        "refund 退款政策 E-1042",
        "AND OR NOT title row",
    ] * 3
    assert found == {i for i, t in enumerate(texts) if wanted & set(terms_of(t))}


def test_phrases_and_exclusions(tmp_path: Path) -> None:
    texts = [
        "red apple pie",
        "apple red pie",
        "pie of apple",
        "退款政策",
        "政策退款",
        "税务局",
        "to be or not",
    ]
    index = build(tmp_path / "i", texts)

    def found(query: str) -> set[int]:
        return set(index.search(query, 10)[0].tolist())

    assert found("apple") == {0, 1, 2}
    assert found('"apple pie"') == {0}
    assert found('"red apple" pie') == {0}
    assert found("apple -red") == {2}
    assert found('apple -"red pie"') == {0, 2}
    assert found('"退款政策"') == {3}
    assert found("税") == {5}  # one character finds what holds it
    assert found("局") == {5}
    assert found('"to be or not"') == {6}
    assert found("to be or not") == set()
    assert index.rows_with(("appl", "pie")).tolist() == [0]
    assert index.rows_with(("税",)).tolist() == [5]


def test_titles_count_as_words_and_are_not_counted_twice(tmp_path: Path) -> None:
    with LexicalWriter(tmp_path / "i") as writer:
        writer.add([0, 1], ["Refunds", "# Refunds"], ["by card", "# Refunds by card"])
        writer.commit()
    rows, scores = LexicalIndex.open(tmp_path / "i").search("refund", 5)
    assert rows.tolist() == [0, 1]
    assert scores[0] == scores[1]


def test_coverage_says_what_the_corpus_knows(tmp_path: Path) -> None:
    index = build(tmp_path / "i", ["apple pie"] * 9 + ["kumquat"])
    coverage = index.coverage("the apple of zzyzx, kumquat")
    assert coverage.frequency == {"appl": 9, "zzyzx": 0, "kumquat": 1}
    assert coverage.share == pytest.approx(2 / 3)
    idf = {n: math.log(1 + (10 - n + 0.5) / (n + 0.5)) for n in (0, 1, 9)}
    assert coverage.weight == pytest.approx((idf[9] + idf[1]) / sum(idf.values()))
    assert (coverage.terms, coverage.passages) == (3, 10)
    assert index.coverage("the").terms == 0


def test_of_many_that_tie_at_the_end_none_or_all_come(tmp_path: Path) -> None:
    texts = [*["black coffee beans"] * 30, *["black tea"] * 3000]
    index = build(tmp_path / "i", texts, [])
    assert len(index.search("black coffee", 1000)[0]) == 1000
    rows, scores = index.search("black coffee", 1000, least=20)
    assert rows.tolist() == list(range(30))
    assert len(set(scores.tolist())) == 1
    assert len(index.search("black coffee", 1000, least=31)[0]) == 3030
