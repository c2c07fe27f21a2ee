"""Silhouettes against their definition, and the number of groups that they find."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.projection.kmeans import squared_distances
from qembed.projection.silhouette import clearest_number, mean_silhouette


def planted(groups: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(groups, 5)) * 4
    return np.asarray(np.repeat(centres, size, 0) + rng.normal(size=(groups * size, 5)), np.float32)


def test_the_mean_is_that_of_the_definition() -> None:
    vectors = planted(3, 7)
    own = np.array([0] * 7 + [1] * 6 + [2] * 7 + [3])
    distances = np.sqrt(squared_distances(vectors, vectors))
    each = []
    for i in range(len(own)):
        same = [j for j in range(len(own)) if own[j] == own[i] and j != i]
        if not same:
            each.append(0.0)
            continue
        a = np.mean([np.linalg.norm(vectors[i] - vectors[j]) for j in same])
        b = min(
            np.mean([np.linalg.norm(vectors[i] - vectors[j]) for j in np.flatnonzero(own == g)])
            for g in set(own.tolist()) - {own[i]}
        )
        each.append((b - a) / max(a, b))
    assert mean_silhouette(distances, own) == pytest.approx(np.mean(each), abs=1e-4)


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_planted_groups_are_counted(groups: int) -> None:
    number, value = clearest_number(planted(groups, 15), 20, 0)
    assert number == groups
    assert value > 0.5


def test_few_and_equal_vectors() -> None:
    assert clearest_number(planted(1, 5), 20, 0) == (1, 0.0)
    assert clearest_number(np.ones((30, 5), dtype=np.float32), 20, 0) == (1, 0.0)
