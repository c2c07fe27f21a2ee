from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.pipeline.retrieval.learned.features import (
    FEATURES,
    WINDOW,
    CandidateTexts,
    WordFeatures,
    candidate_features,
    freshness,
    standardised,
    word_features,
)
from qembed.search.lexical.query import parse_query

WEIGHTS = {"parcel": 2.0, "therapi": 1.0, "late": 1.0}


def known(*texts: str, titles: tuple[str, ...] = ()) -> CandidateTexts:
    return CandidateTexts(
        [f"d{i}" for i in range(len(texts))], titles or tuple("" for _ in texts), texts
    )


def of(text: str, title: str = "") -> WordFeatures:
    (found,) = word_features(WEIGHTS, known(text, titles=(title,)))
    return found


def test_terms_are_found_as_beginnings_of_words() -> None:
    assert of("Parcels and THERAPY, too late").words == 1.0
    assert of("a bigparcel").words == 0.0
    assert of("", "The late parcel").title == pytest.approx(0.75)
    chinese = dict.fromkeys(parse_query("包裹在哪里").terms, 1.0)
    (found,) = word_features(chinese, known("我的包裹在哪里？"))
    assert found.words == 1.0


def test_neighbours_count_where_they_are_near_in_either_order() -> None:
    far = "x" * WINDOW
    assert of("parcel therapy late").pairs == 1.0
    assert of("late therapy parcel").pairs == 1.0
    assert of(f"parcel therapy {far} late").pairs == 0.5
    assert of(f"parcel {far} therapy {far} late").pairs == 0.0
    assert of("parcel").pairs == 0.0


def test_the_densest_stretch_is_that_of_going_through_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        words = rng.choice(["parcel", "therapy", "late", "o" * 30, "so"], size=30)
        text = " ".join(words)
        (found,) = word_features(WEIGHTS, known(text))
        at = [(i, t) for t, stem in (("parcel", "parcel"), ("therapi", "therapy"), ("late", "late"))
              for i in range(len(text)) if text.startswith(stem, i)]  # fmt: skip
        best = max(
            (
                sum(WEIGHTS[t] for t in {t for j, t in at if 0 <= j - i <= 3 * WINDOW})
                for i, _ in at
            ),
            default=0.0,
        )
        assert found.near == pytest.approx(best / 4)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5), st.text(max_size=20))
def test_features_of_any_text_are_shares(texts: list[str], query: str) -> None:
    weights = dict.fromkeys(parse_query(query).terms, 1.0)
    for found in word_features(weights, known(*texts)):
        assert all(0 <= value <= 1 for value in found)


def test_columns_of_searches_that_did_not_run_and_of_unknown_times_are_zero() -> None:
    final = np.array([0.9, 0.5, 0.4], dtype=np.float32)
    texts = known("a", "b", "c")
    found = candidate_features((final, final, None), texts, WEIGHTS, {"d1": 0.5}, 1e9)
    by_name = dict(zip(FEATURES, found.T.tolist(), strict=True))
    assert by_name["lexical"] == by_name["lexical_z"] == by_name["fresh"] == [0.0] * 3
    assert by_name["popular"] == [0.0, 0.5, 0.0]
    assert by_name["dense"] == pytest.approx([0.9, 0.5, 0.4])
    assert by_name["order"] == pytest.approx(standardised(final).tolist())
    assert by_name["rank"] == pytest.approx([0.0, -math.log(2), -math.log(3)])
    none = candidate_features((final[:0], None, None), known(), WEIGHTS, {}, 0.0)
    assert none.shape == (0, len(FEATURES))


def test_scores_without_spread_and_without_words() -> None:
    flat = np.ones(2, dtype=np.float32)
    zero = np.zeros(2, dtype=np.float32)
    found = candidate_features((flat, flat, zero), known("a", "b"), {}, {}, 0.0)
    assert np.isfinite(found).all()
    assert found[:, FEATURES.index("order")].tolist() == [0.0, 0.0]
    assert found[:, FEATURES.index("lexical")].tolist() == [0.0, 0.0]


def test_freshness_falls_with_age_and_is_0_for_what_is_new() -> None:
    now = 2e9
    year = 365 * 86_400
    assert freshness(int((now + 5) * 1e9), now) == 0.0
    assert freshness(int((now - year) * 1e9), now) == pytest.approx(-math.log(2))
    assert freshness(-int((now - year) * 1e9), now) == pytest.approx(-math.log(2))
