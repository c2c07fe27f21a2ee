from __future__ import annotations

import pytest

from qembed.models import open_model
from qembed.pipeline.retrieval.learned.nearness import (
    OTHER_WORD,
    SAME_WORDS,
    UNKNOWN,
    cosine_at,
    least_share,
)
from tests.feedback.near_equal import DIFFERENT, EQUAL


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Where is my parcel?", "where's my parcel"),
        ("missing invoice", "the invoice is missing"),
        ("how to change my password", "change password"),
        ("size of queue in python", "python queue size"),
        ("round float to int", "how to round a float to an int"),
        ("refund error 404", "error 404 refund"),
        ("return of opened items", "can I return an opened item"),
    ],
)
def test_words_that_say_nothing_endings_and_order_may_differ(a: str, b: str) -> None:
    assert least_share(a, b) == least_share(b, a) == SAME_WORDS


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("permit needed for a deck", "permit required for a deck"),
        ("refund not received", "refund not recieved"),
        ("enable dark mode", "disable dark mode"),  # the vectors tell
    ],
)
def test_one_other_word_wants_vectors_that_are_almost_the_same(a: str, b: str) -> None:
    assert least_share(a, b) == OTHER_WORD


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("check if a file is empty", "check if a file is not empty"),
        ("flight to London", "flight from London"),
        ("convert list to string", "convert string to list"),
        ("files changed less than 2 days ago", "files changed more than 2 days ago"),
        ("error 404", "error 403"),
        ("lines of file1 that are not in file2", "lines of file2 that are not in file1"),
        ("when does it arrive", "where does it arrive"),
        ("turn on notifications", "turn off notifications"),
        ('"cold start" engine', '"start cold" engine'),
        ("python sort", "python -sort"),
        ("lost parcel", "broken kettle"),
        ("red shirt size", "blue shirt price"),
        ("how are you", "who is it"),
        ("find files", "find regular files"),
        ("the", "a"),
        ("", ""),
    ],
)
def test_never_near(a: str, b: str) -> None:
    assert least_share(a, b) is None
    assert least_share(b, a) is None


def test_long_queries_want_the_same_words() -> None:
    a = "find regular files changed today owned by root inside public folder quickly"
    assert least_share(a, a.replace("owned", "held")) is None
    assert least_share(a, a.replace("files", "the files")) == SAME_WORDS


def test_a_share_is_of_the_way_from_chance_to_one() -> None:
    assert cosine_at(0.9, 0.0) == pytest.approx(0.9)
    assert cosine_at(0.9, 0.8) == pytest.approx(0.98)
    assert cosine_at(0.9, None) == pytest.approx(0.9 + 0.1 * UNKNOWN)


@pytest.mark.slow
def test_by_a_real_model_what_asks_for_something_else_is_never_near_equal() -> None:
    """And half of what asks the same is, though some of it has other words."""
    pairs = [*DIFFERENT, *EQUAL]
    vectors = open_model("minilm").encoder().encode([text for pair in pairs for text in pair])
    unrelated = vectors @ vectors.mean(axis=0)
    near = []
    for i, (a, b) in enumerate(pairs):
        share = least_share(a, b)
        wanted = 2.0 if share is None else cosine_at(share, float(unrelated[2 * i]))
        near.append(float(vectors[2 * i] @ vectors[2 * i + 1]) >= wanted)
    assert not any(near[: len(DIFFERENT)])
    assert sum(near[len(DIFFERENT) :]) >= len(EQUAL) / 2
