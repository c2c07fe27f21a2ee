"""Tests and intervals against scipy on the same data, and against simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qembed.evaluation import paired_test as t
from qembed.evaluation import significance as s

Draw: TypeAlias = Callable[[np.random.Generator], np.ndarray]


def mean(x: Any, axis: int = -1) -> Any:
    return np.mean(x, axis=axis)


def scipys_p(d: Any, n: float = np.inf, rng: np.random.Generator | None = None) -> float:
    return stats.permutation_test(
        (d,), mean, permutation_type="samples", vectorized=True, n_resamples=n, rng=rng
    ).pvalue


# binary fractions: their sums are exact, so that what ties is not a matter of the last bit
values = st.lists(st.sampled_from([-1.0, -0.5, -0.125, 0.0, 0.0, 0.125, 0.375, 1.0]), min_size=1)


@settings(max_examples=60, deadline=None)
@given(values.filter(lambda v: 2 <= len(v) <= 10))
@pytest.mark.slow
def test_the_randomisation_test_is_scipys_to_the_last_pattern(d: list[float]) -> None:
    assert t.randomisation_test(d) == pytest.approx(scipys_p(np.array(d)), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-1024, 1024).map(lambda n: n / 1024), min_size=2, max_size=11))
def test_it_is_scipys_on_any_numbers(d: list[float]) -> None:
    assert t.randomisation_test(d) == pytest.approx(scipys_p(np.array(d)), abs=1e-12)


@pytest.mark.parametrize(("n", "shift"), [(40, 0.05), (100, 0.03), (300, 0.0), (60, 0.15)])
@pytest.mark.slow
def test_beyond_all_patterns_it_is_within_chance_of_scipys(n: int, shift: float) -> None:
    rng = np.random.default_rng(n)
    d = rng.normal(shift, 0.3, n).round(3)
    ours, theirs = t.randomisation_test(d), scipys_p(d, 20_000, rng)
    # scipy's is twice the smaller tail: four of its standard errors
    tail = theirs / 2
    assert abs(ours - theirs) <= 4 * 2 * np.sqrt(tail * (1 - tail) / 20_000) + 1e-4


def test_zeros_do_not_count_and_nothing_is_certain() -> None:
    assert t.randomisation_test([0.0, 0.0]) == 1
    assert t.randomisation_test([0.3]) == 1
    assert t.randomisation_test([1.0] * 5 + [0.0] * 1000) == pytest.approx(2 / 32)
    assert t.randomisation_test([1.0] * 400) == pytest.approx(1 / (t.MAX_SIGN_PATTERNS + 1))


def test_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    ps = [t.randomisation_test(rng.normal(0, 1, 25), 500) for _ in range(600)]
    assert stats.kstest(ps, "uniform").pvalue > 0.001
    assert np.mean(np.array(ps) <= 0.05) == pytest.approx(0.05, abs=0.025)


@pytest.mark.slow
def test_the_interval_is_scipys() -> None:
    rng = np.random.default_rng(7)
    for data in (rng.beta(0.4, 0.3, 80), rng.exponential(1, 50), rng.normal(0, 1, 200)):
        low, high = s.bootstrap_interval(data, resamples=40_000)
        theirs = stats.bootstrap((data,), mean, n_resamples=40_000, method="BCa", rng=rng)
        width = theirs.confidence_interval.high - theirs.confidence_interval.low
        assert low == pytest.approx(theirs.confidence_interval.low, abs=0.03 * width)
        assert high == pytest.approx(theirs.confidence_interval.high, abs=0.03 * width)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng: rng.normal(0.02, 0.2, 60), 0.02),
        # reciprocal ranks: a few values, most of them at the ends
        (lambda rng: rng.choice([0, 0.2, 0.5, 1], 60, p=[0.3, 0.1, 0.2, 0.4]), 0.52),
        (lambda rng: rng.beta(0.5, 0.2, 60), 0.5 / 0.7),
    ],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(draw: Draw, truth: float) -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(500):
        low, high = s.bootstrap_interval(draw(rng), resamples=600)
        hits += low <= truth <= high
    # 500 draws: two standard errors are .02; small samples cost a bootstrap one or two points
    assert 0.915 <= hits / 500 <= 0.975


def test_intervals_of_what_does_not_vary() -> None:
    assert s.bootstrap_interval([0.4]) == (0.4, 0.4)
    assert s.bootstrap_interval([0.5] * 9) == (0.5, 0.5)
    low, high = s.bootstrap_interval([0.0] * 99 + [1.0])
    assert 0 <= low < 0.01 < high


def holm_by_definition(ps: np.ndarray) -> list[float]:
    """Reject in ascending order while p_(k) <= a / (m - k): the smallest a that still rejects it."""
    order = np.argsort(ps, kind="stable")
    found = np.empty(len(ps))
    for rank, i in enumerate(order):
        found[i] = min(1, max(ps[order[k]] * (len(ps) - k) for k in range(rank + 1)))
    return found.tolist()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm(ps: list[float]) -> None:
    found = s.holm_correction(ps)
    assert found == pytest.approx(holm_by_definition(np.array(ps)))
    assert all(p <= c <= min(1, p * len(ps)) + 1e-12 for p, c in zip(ps, found, strict=True))


def test_holm_by_hand() -> None:
    assert s.holm_correction([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_the_number_of_queries_needed_gives_the_power() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0.1, 0.4, 100_000)
    n = s.required_queries(d)
    assert n == pytest.approx(126, abs=4)  # ((1.960 + .842) / .25)^2
    seen = [t.randomisation_test(rng.normal(0.1, 0.4, n), 400) <= 0.05 for _ in range(300)]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.07)
    assert s.required_queries([0.0, 0.0]) is None
    assert s.required_queries([0.5, 0.5]) == 6
    assert s.required_queries([0.5, 0.51, 0.49], alpha=0.01) == 8


def test_a_comparison() -> None:
    d = s.compare("AP", [0.5, 0.5, 1.0, 0.0], [0.6, 0.4, 1.0, 0.7])
    assert (d.better, d.worse, d.same) == (2, 1, 1)
    assert d.difference == pytest.approx(0.175)
    assert d.low < d.difference < d.high
    assert d.effect == pytest.approx(0.175 / np.std([0.1, -0.1, 0, 0.7], ddof=1))
    assert d == s.compare("AP", [0.5, 0.5, 1.0, 0.0], [0.6, 0.4, 1.0, 0.7])
    assert not d.significant()
    first, second = s.holm_corrected([d, d])
    assert first.p_holm == second.p_holm == min(1, 2 * d.p)
    with pytest.raises(ValueError, match="paired"):
        s.compare("AP", [1.0], [])
