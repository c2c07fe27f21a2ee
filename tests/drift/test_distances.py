"""Distances of samples: naive computation, and effects that do not depend on the size of samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from qembed.drift.distances import centroid_distance, energy_distance
from qembed.drift.permutation import permuted_labels
from tests.drift.made import corpus, mixed


def test_energy_distance_is_that_of_its_definition() -> None:
    old, new = corpus(mixed(12, 1), 1, passages=2), corpus(mixed(9, 2), 2, passages=3)
    a, b = old.vectors.astype(float), new.vectors.astype(float)
    naive = 2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()
    found = energy_distance(old, new, permuted_labels(12, 9, 20))
    assert found.test.observed == pytest.approx(naive, abs=1e-5)


def test_distance_of_centroids_is_that_of_its_definition() -> None:
    old, new = corpus(mixed(12, 1), 1, passages=2), corpus(mixed(9, 2), 2, passages=3)
    apart = np.linalg.norm(old.vectors.mean(axis=0) - new.vectors.mean(axis=0))
    assert centroid_distance(old, new, permuted_labels(12, 9, 20)).test.observed == pytest.approx(
        float(apart), abs=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("distance", [centroid_distance, energy_distance])
def test_effects_are_near_zero_for_one_distribution_of_any_size(distance) -> None:
    for n, limit in ((40, 0.16), (400, 0.06)):  # chance alone: sqrt(2 / n) is .22 and .07
        effects = [
            distance(
                corpus(mixed(n, i), i), corpus(mixed(n, 50 + i), 50 + i), permuted_labels(n, n, 9)
            ).effect
            for i in range(3)
        ]
        assert np.median(effects) < limit


@pytest.mark.parametrize("distance", [centroid_distance, energy_distance])
@pytest.mark.slow
def test_effects_grow_with_the_change(distance) -> None:
    old = corpus(mixed(200, 1), 1)
    effects = [
        distance(
            old, corpus([*mixed(200 - n, 2), *[77] * n], 2), permuted_labels(200, 200, 99)
        ).effect
        for n in (0, 40, 100, 200)
    ]
    assert effects == sorted(effects)
    assert effects[-1] > 3 * effects[1]
