"""Permutation tests: p by hand, against scipy, and documents as units."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qembed.drift.distances import centroid_distance
from qembed.drift.permutation import holm, permutation_test, permuted_labels
from tests.drift.made import corpus, mixed


def test_labels_keep_the_number_of_new_ones_and_begin_with_the_observed() -> None:
    labels = permuted_labels(5, 3, permutations=50)
    assert labels.shape == (51, 8)
    assert labels[0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert set(labels.sum(axis=1).tolist()) == {3}
    assert len({tuple(row) for row in labels.tolist()}) > 20


def test_p_counts_the_permutations_at_least_as_extreme_and_the_observed_one() -> None:
    labels = permuted_labels(3, 2, permutations=99)
    values = np.array([0.0, 0.0, 0.0, 5.0, 5.0])
    found = permutation_test(lambda lab: (lab @ values).astype(np.float64), labels)
    as_extreme = sum(row[3] == 1 and row[4] == 1 for row in labels[1:])
    assert found.observed == 10
    assert found.p == (as_extreme + 1) / 100


def test_p_is_that_of_scipy_but_for_the_draws() -> None:
    rng = np.random.default_rng(5)
    old, new = rng.normal(size=40), rng.normal(0.4, size=30)
    both = np.concatenate([old, new])

    def means(labels: np.ndarray) -> np.ndarray:
        inside = labels @ both
        return inside / 30 - (both.sum() - inside) / 40

    ours = permutation_test(means, permuted_labels(40, 30, 4999)).p
    theirs = stats.permutation_test(
        (new, old),
        lambda a, b: a.mean() - b.mean(),
        alternative="greater",
        n_resamples=4999,
        rng=np.random.default_rng(1),
    ).pvalue
    assert ours == pytest.approx(theirs, abs=0.015)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": 0.03, "c": 0.06, "b": 0.06}
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
    assert holm({}) == {}


@pytest.mark.slow
def test_documents_of_alike_passages_are_no_evidence() -> None:
    """Passages by themselves would alarm in most of these comparisons of one distribution with itself."""
    by_document = by_passage = 0
    for seed in range(20):
        old = corpus(mixed(30, 2 * seed), 2 * seed, passages=6)
        new = corpus(mixed(30, 2 * seed + 1), 2 * seed + 1, passages=6)
        labels = permuted_labels(30, 30, 99, seed)
        by_document += centroid_distance(old, new, labels).test.p <= 0.05
        vectors = np.concatenate([old.vectors, new.vectors])

        def apart(lab: np.ndarray, vectors: np.ndarray = vectors) -> np.ndarray:
            inside, n = lab @ vectors, lab.sum(axis=1, keepdims=True)
            rest = (vectors.sum(axis=0) - inside) / (len(vectors) - n)
            return np.linalg.norm(inside / n - rest, axis=1)

        by_passage += permutation_test(apart, permuted_labels(180, 180, 99, seed)).p <= 0.05
    assert by_document <= 4
    assert by_passage >= 12
