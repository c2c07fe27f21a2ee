from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from qembed.feedback.learning.ranknet import (
    STRENGTHS,
    choose_strength,
    fit_weights,
    pairwise_loss,
)


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_gradient_is_that_of_finite_differences(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    differences, weights, centre = rng.normal(size=(n, k)), rng.normal(size=k), rng.normal(size=k)
    trust = rng.random(n) + 0.01
    args = differences, trust / trust.sum(), centre, 0.3
    error = check_grad(
        lambda w: pairwise_loss(w, *args)[0], lambda w: pairwise_loss(w, *args)[1], weights
    )
    assert error < 1e-5 * max(1.0, float(np.abs(differences).max()) ** 2)


def test_the_loss_of_large_margins_is_finite() -> None:
    loss, gradient = pairwise_loss(
        np.array([1.0]), np.array([[1e4], [-1e4]]), np.array([0.5, 0.5]), np.zeros(1), 0.0
    )
    assert loss == pytest.approx(5e3)
    assert gradient == pytest.approx([5e3])


def planted(seed: int, weights: np.ndarray, n: int = 4000) -> np.ndarray:
    """Differences in the order that a model with these weights prefers, with its own noise."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, len(weights)))
    right = rng.random(n) < 1 / (1 + np.exp(-found @ weights))
    return np.where(right[:, None], found, -found)


def test_planted_weights_are_recovered() -> None:
    weights = np.array([1.0, 0.5, 0.0])
    found = fit_weights(planted(1, weights), np.ones(4000), np.zeros(3), 1e-4)
    assert found == pytest.approx(weights, abs=0.1)


def test_no_weight_is_negative_and_without_evidence_the_order_before_stays() -> None:
    found = fit_weights(planted(2, np.array([1.0, -2.0])), np.ones(4000), np.zeros(2), 1e-4)
    assert found[1] == 0
    centre = np.array([0.5, 0.0])
    away = fit_weights(np.zeros((1, 2)), np.ones(1), centre, 1.0)
    assert away == pytest.approx(centre)
    # a thousand pairs of noise move it less than one pull does
    noise = np.random.default_rng(3).normal(size=(1000, 2))
    assert np.abs(fit_weights(noise, np.ones(1000), centre, 1.0) - centre).max() < 0.3


def test_heavier_pairs_count_more() -> None:
    differences = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = fit_weights(differences, np.array([9.0, 1.0]), np.zeros(2), 0.1)
    assert found[0] > 2 * found[1] > 0


def test_strength_follows_what_was_left_out() -> None:
    folds = [list(range(i, 4000, 4)) for i in range(4)]
    centre = np.zeros(2)
    strong = planted(4, np.array([2.0, 1.0]))
    assert choose_strength(strong, np.ones(4000), centre, folds) == STRENGTHS[0]
    noise = np.random.default_rng(5).normal(size=(40, 2))
    few = [list(range(i, 40, 4)) for i in range(4)]
    assert choose_strength(noise, np.ones(40), centre, few) == STRENGTHS[-1]
    assert choose_strength(noise, np.ones(40), centre, [list(range(40)), []]) == STRENGTHS[-1]
