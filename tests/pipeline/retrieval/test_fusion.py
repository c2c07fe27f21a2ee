"""The formulas against themselves written out, and the rules that a weight must keep."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.retrieval.fusion import (
    DEFAULT_FUSION,
    SPREAD,
    FusionParameters,
    FusionSignals,
    check_parameters,
    interpolate_scores,
    is_code,
    lexical_weight,
    reciprocal_rank_fusion,
)
from qembed.pipeline.retrieval.options import QueryOptions, check_options
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.types import Query

scores = st.floats(0.0, 50.0, width=32)


def test_the_weight_is_the_product_it_is_said_to_be() -> None:
    got = lexical_weight(FusionSignals(best=10, tenth=4, most=50, code=0.5))
    assert got.b == pytest.approx(2.0 * (1 - 4 / 10) * (10 / 50 / 0.3) * (1 - 0.5 * (1 - 0.35)))


@given(best=st.floats(0.1, 50), tenth=scores, more=st.floats(1, 5), code=st.floats(0, 1))
def test_a_weight_is_never_negative_and_never_more_than_trust(
    best: float, tenth: float, more: float, code: float
) -> None:
    s = FusionSignals(best, min(tenth, best), best * more, code)
    assert 0 <= lexical_weight(s).b <= DEFAULT_FUSION.trust


def test_words_that_all_hold_say_nothing() -> None:
    assert lexical_weight(FusionSignals(5, 5, 20)).b == 0


def test_without_words_the_meaning_decides() -> None:
    assert lexical_weight(FusionSignals(0, 0, 0)).b == 0


def test_a_script_the_model_cannot_read_is_left_to_words() -> None:
    assert lexical_weight(FusionSignals(5, 5, 20, readable=0.0)).b == DEFAULT_FUSION.unread


@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), scores), min_size=2, max_size=30),
    st.floats(0, 4),
)
@pytest.mark.slow
def test_weighted_orders_by_the_sum_written_out(pairs: list[tuple[float, float]], b: float) -> None:
    dense = np.array([d for d, _ in pairs], np.float32)
    lexical = np.array([s for _, s in pairs], np.float32)
    got = interpolate_scores(dense, lexical, None, b)
    assert (
        got.tobytes() == interpolate_scores(dense, lexical, np.ones(len(pairs), bool), b).tobytes()
    )
    low = min(d for d, _ in pairs)
    spread = max(max(d for d, _ in pairs) - low, SPREAD)
    top = max(s for _, s in pairs) or 1.0
    wanted = [low + spread * ((d - low) / spread + b * s / top) / (1 + b) for d, s in pairs]
    assert got == pytest.approx(wanted, abs=1e-5)
    assert got.max() <= low + spread + 1e-5


def test_what_is_deeper_than_the_pool_does_not_move_the_rest() -> None:
    dense = np.array([0.9, 0.7, 0.5, -0.3], np.float32)
    lexical = np.array([0, 8, 4, 0], np.float32)
    pool = np.array([True, True, True, False])
    short = interpolate_scores(dense[:3], lexical[:3], pool[:3], 1.0)
    assert np.allclose(interpolate_scores(dense, lexical, pool, 1.0)[:3], short)


def test_reciprocal_ranks() -> None:
    got = reciprocal_rank_fusion(np.array([2, 0]), np.array([2, 1]), 3)
    assert got.tolist() == pytest.approx([1 / 62, 1 / 62, 2 / 61])


def test_code_is_told_from_prose() -> None:
    assert is_code("def f(x):\n    return {k: v for k, v in x.items() if v != 0}\n")
    assert is_code("for (int i = 0; i < n; i++) { sum += a[i]; }")
    assert not is_code("Refunds (see below) arrive within five days; ask us if yours did not.")
    assert not is_code("")


# ── parameters ───────────────────────────────────────────────────────────────────────────────────

LOOK = FusionSignals(best=10, tenth=4, most=50, code=0.5)


@given(factor=st.floats(0, 10))
def test_trust_scales_the_weight_and_nothing_else(factor: float) -> None:
    parameters = DEFAULT_FUSION._replace(trust=factor * DEFAULT_FUSION.trust)
    assert lexical_weight(LOOK, parameters).b == pytest.approx(factor * lexical_weight(LOOK).b)
    unread = LOOK._replace(readable=0.0)
    assert lexical_weight(unread, parameters) == lexical_weight(unread)


@pytest.mark.parametrize("name", FusionParameters._fields)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf])
def test_constants_that_are_no_weights_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        check_parameters(DEFAULT_FUSION._replace(**{name: value}))


def test_a_constant_may_be_nought_unless_it_divides() -> None:
    check_parameters(FusionParameters(*[0.0] * 7)._replace(covered=0.3, doubt=0.5))
    with pytest.raises(UsageError, match="doubt"):
        check_parameters(DEFAULT_FUSION._replace(doubt=0.0))
    with pytest.raises(UsageError, match="covered"):
        check_parameters(DEFAULT_FUSION._replace(covered=0.0))
    with pytest.raises(UsageError, match="covered"):
        check_options(QueryOptions(fusion_parameters=DEFAULT_FUSION._replace(covered=0.0)))


@given(st.builds(FusionParameters, *[st.floats(0.1, 9)] * len(FusionParameters._fields)))
def test_a_request_keeps_its_constants(parameters: FusionParameters) -> None:
    request = QueryRequest([Query("1", "x")], QueryOptions(fusion_parameters=parameters))
    assert QueryRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


# ── confidence ───────────────────────────────────────────────────────────────────────────────────

SURE = LOOK._replace(confidence=1.0)


def test_with_a_background_the_weight_is_the_product_it_is_said_to_be() -> None:
    got = lexical_weight(SURE._replace(confidence=1.3))
    assert got.b == pytest.approx(
        2.0 * math.sqrt(1 - 4 / 10) * (0.55 / 1.3) ** 2 * (1 - 0.5 * (1 - 0.35))
    )
    assert "confidence 1.30" in got.why
    assert "cover" not in got.why


@given(low=st.floats(0, 5), more=st.floats(0, 5), tenth=st.floats(0, 10))
def test_the_surer_the_meaning_the_less_words_count(low: float, more: float, tenth: float) -> None:
    doubtful = SURE._replace(confidence=low, tenth=tenth)
    sure = doubtful._replace(confidence=low + more)
    assert 0 <= lexical_weight(sure).b <= lexical_weight(doubtful).b
    assert lexical_weight(doubtful).b <= lexical_weight(doubtful._replace(tenth=0.0)).b
    assert math.isfinite(lexical_weight(doubtful).b)


def test_confidence_may_be_ignored() -> None:
    parameters = DEFAULT_FUSION._replace(decay=0.0)
    weights = {lexical_weight(SURE._replace(confidence=c), parameters).b for c in (0.0, 0.7, 3.0)}
    assert len(weights) == 1


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([None, 0.4, 1.0, 2.5]))
def test_letters_that_the_model_cannot_read_move_the_weight_to_words(
    a: float, b: float, confidence: float | None
) -> None:
    few, many = sorted((a, b), reverse=True)
    signals = LOOK._replace(confidence=confidence)
    assert (
        lexical_weight(signals).b - 1e-9
        <= lexical_weight(signals._replace(readable=few)).b
        <= lexical_weight(signals._replace(readable=many)).b + 1e-9
        <= DEFAULT_FUSION.unread + 1e-9
    )


def test_without_words_no_confidence_brings_them_back() -> None:
    assert lexical_weight(FusionSignals(0, 0, 0, readable=0.0, confidence=0.0)).b == 0
