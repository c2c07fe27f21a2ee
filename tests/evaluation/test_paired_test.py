"""Interval of the paired test: against the test itself, and against simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.evaluation.paired_test import PairedTest, randomisation_test
from qembed.evaluation.significance import compare, holm_corrected

Draw: TypeAlias = Callable[[np.random.Generator], np.ndarray]

numbers = st.lists(st.sampled_from([-1.0, -0.5, -0.3, -0.1, 0.0, 0.0, 0.2, 0.7]), min_size=1)


def sparse(n: int, share: float) -> Draw:
    """Draw differences of n queries of which a `share` changed, most of them for the worse."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        changed = rng.choice([-1, -0.5, -0.37, 0.5], n, p=[0.3, 0.2, 0.2, 0.3])
        return np.where(rng.random(n) < share, changed, 0.0)

    return draw


@settings(max_examples=150, deadline=None)
@given(numbers, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@pytest.mark.slow
def test_interval_and_p_never_disagree(d: list[float], level: float) -> None:
    test = PairedTest(d, 1.0, 2_000)
    low, high = test.interval(level)
    assert (low > 0 or high < 0) == (test.p <= 1 - level)
    mean = float(np.mean(d))
    assert -1 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50).map(lambda n: n / 100), min_size=6, max_size=9))
@pytest.mark.slow
def test_it_holds_what_the_test_does_not_reject(d: list[float]) -> None:
    values = np.array(d) + 0.003  # no query without a difference: all patterns are counted
    test = PairedTest(values, 1.0)
    low, high = test.interval(0.9)
    if high - low < 1e-9:
        return
    for inside, outside in ((low + 1e-7, low - 1e-7), (high - 1e-7, high + 1e-7)):
        assert randomisation_test(values - inside) > 0.1
        assert randomisation_test(values - outside) <= 0.1


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng: rng.normal(0.05, 0.3, 40), 0.05),
        (sparse(100, 0.2), 0.2 * (-0.3 - 0.1 - 0.074 + 0.15)),
        (lambda rng: rng.beta(0.5, 0.2, 30) - 0.5, 0.5 / 0.7 - 0.5),
        (lambda rng: rng.exponential(0.2, 60) - 0.1, 0.1),
    ],
)
@pytest.mark.slow
def test_it_covers_the_truth_as_often_as_it_says(draw: Draw, truth: float) -> None:
    rng = np.random.default_rng(12)
    hits = 0
    for _ in range(500):
        low, high = PairedTest(draw(rng), 1.0, 1_000).interval()
        hits += low <= truth <= high
    # two standard errors of 500 draws are .02; few and skewed values cost a point or two
    assert 0.915 <= hits / 500 <= 0.98


def test_intervals_of_very_few_queries_say_that_nothing_is_known() -> None:
    assert PairedTest([0.4], 1.0).interval() == (-1, 1)
    assert PairedTest([0.1, 0.2, 0.3], 1.0).interval() == (-1, 1)
    # equal values of so few queries are no evidence either
    assert PairedTest([0.0], 1.0).interval() == (-1, 1)
    assert PairedTest([0.0] * 5, 1.0).interval() == (-1, 1)
    assert PairedTest([0.0] * 6, 1.0).interval() == (0, 0)
    assert PairedTest([0.0] * 6, 1.0).interval(0.99) == (-1, 1)
    assert PairedTest([0.0] * 5, 1.0).interval(0.9) == (0, 0)
    assert PairedTest([0.1] * 40, 1.0).interval() == pytest.approx((0.1, 0.1))
    counts = compare("NumRet", [3.0, 9.0], [4.0, 5.0])
    assert (counts.low, counts.high) == (-18, 18), "of the sum of two queries"


@pytest.mark.slow
def test_corrected_intervals_leave_out_zero_as_rarely_as_the_correction_says() -> None:
    """Without any difference, 1 in 20 tables of five arms has an interval beside 0; plain ones, 1 in 5."""
    rng = np.random.default_rng(13)
    wrong = plain = 0
    for _ in range(120):
        base = rng.random(20)
        arms = [base + rng.normal(0, 0.1, 20) for _ in range(5)]
        found = holm_corrected([compare("INST", base, arm) for arm in arms])
        plain += any(d.low > 0 or d.high < 0 for d in found)
        wrong += any(d.low_holm > 0 or d.high_holm < 0 for d in found)
        for d in found:
            assert (d.low_holm > 0 or d.high_holm < 0) == d.significant()
            assert d.low_holm <= d.low <= d.high <= d.high_holm
    assert wrong / 120 <= 0.05 + 0.04  # two standard errors
    assert plain / 120 > 0.12


@pytest.mark.slow
def test_corrected_intervals_cover_each_difference_at_least_as_often_as_they_say() -> None:
    rng = np.random.default_rng(14)
    shifts = (0.0, 0.03, 0.1)
    hits = np.zeros(3)
    for _ in range(150):
        base = rng.random(20)
        found = [compare("INST", base, base + rng.normal(s, 0.15, 20)) for s in shifts]
        hits += [
            d.low_holm <= s <= d.high_holm
            for d, s in zip(holm_corrected(found), shifts, strict=True)
        ]
    assert (hits / 150).min() >= 0.91
