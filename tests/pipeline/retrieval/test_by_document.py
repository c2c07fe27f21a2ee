"""Scores of documents from their passages, against the definition written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.retrieval.by_document import document_scores, passages_to_ask
from qembed.pipeline.retrieval.options import QueryOptions, check_options, parse_document_score

passages = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([-0.2, 0.0, 0.1, 0.3, 0.35, 0.6, 0.9])),
    max_size=20,
)
methods = st.sampled_from(
    ["best", "mean:1", "mean:2", "mean:3", "decay:0.5", "decay:.25", "decay:1"]
)


def written_out(scores: list[float], lowest: float, size: int, method: str) -> float:
    ordered = sorted(scores, reverse=True) + [lowest] * (size - len(scores))
    kind, value = parse_document_score(method)
    if kind == "best":
        return ordered[0]
    if kind == "mean":
        part = ordered[: int(value)]
        return sum(part) / len(part)
    return lowest + sum((s - lowest) * value**i for i, s in enumerate(ordered))


@settings(max_examples=300, deadline=None)
@given(passages, methods, st.integers(0, 3))
@pytest.mark.slow
def test_document_scores_are_those_of_the_definition(
    found: list[tuple[int, float]], method: str, more: int
) -> None:
    """`more`: passages of each document that the search did not find."""
    found = sorted(found, key=lambda p: -p[1])
    scores = np.array([s for _, s in found], np.float32)
    documents = np.array([d for d, _ in found], np.int64)
    own = {d: [s for e, s in found if e == d] for d, _ in found}
    sizes = np.array([len(own[d]) + more for d, _ in found], np.int64)
    at, got = document_scores(scores, documents, sizes, method)
    assert len(set(documents[at].tolist())) == len(at) == len(own)
    for position, score in zip(at.tolist(), got.tolist(), strict=True):
        d = int(documents[position])
        assert position == documents.tolist().index(d), "not its best passage"
        wanted = written_out(own[d], found[-1][1], len(own[d]) + more, method)
        assert score == pytest.approx(wanted, abs=1e-6)
    assert got.tolist() == sorted(got.tolist(), reverse=True)


@settings(max_examples=50, deadline=None)
@given(passages)
def test_the_mean_of_one_orders_like_the_best(found: list[tuple[int, float]]) -> None:
    found = sorted(found, key=lambda p: -p[1])
    scores = np.array([s for _, s in found], np.float32)
    documents = np.array([d for d, _ in found], np.int64)
    sizes = np.full(len(found), 20, np.int64)
    best = document_scores(scores, documents, sizes, "best")
    mean = document_scores(scores, documents, sizes, "mean:1")
    assert best[0].tolist() == mean[0].tolist()
    np.testing.assert_allclose(best[1], mean[1], atol=1e-6)


@pytest.mark.parametrize("method", ["mean:2", "decay:.5"])
@settings(max_examples=100, deadline=None)
@given(st.floats(0.125, 1, width=32), st.floats(-1, 0, width=32))
@pytest.mark.slow
def test_a_document_of_one_passage_keeps_its_score(method: str, score: float, low: float) -> None:
    scores = np.array([score, low], np.float32)
    got = document_scores(scores, np.arange(2), np.ones(2, np.int64), method)[1]
    assert got.tolist() == scores.tolist()


@pytest.mark.parametrize(
    "text", ["", "mean", "mean:0", "mean:-1", "mean:1.5", "decay:0", "decay:2", "max"]
)
def test_other_scores_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--document-score"):
        check_options(QueryOptions(document_score=text))


def test_as_many_passages_are_asked_for_as_documents_have() -> None:
    assert passages_to_ask(10, 1000, 1000) == 20
    assert passages_to_ask(10, 1000, 100) == 200
    assert passages_to_ask(10, 30, 10) == 30
