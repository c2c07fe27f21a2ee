"""Centres of old vectors, and the share of new ones outside of them."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.drift.centres import fit_centres, outside_share
from tests.drift.made import corpus, mixed


def test_centres_find_separate_groups() -> None:
    vectors = corpus([1] * 60 + [2] * 60 + [3] * 60, 1, spread=0.1).vectors
    centres = fit_centres(vectors)
    nearest = ((vectors[:, None] - centres.vectors[None]) ** 2).sum(axis=2)
    assert np.allclose(centres.distances(vectors), np.sqrt(nearest.min(axis=1)), atol=1e-3)
    groups = nearest.argmin(axis=1).reshape(3, 60)
    assert not set(groups[0]) & set(groups[1]) | set(groups[1]) & set(groups[2])
    assert float(centres.shares.sum()) == pytest.approx(1)


def test_copies_of_one_vector_have_one_centre() -> None:
    vectors = np.repeat(corpus([1]).vectors, 50, axis=0)
    centres = fit_centres(vectors)
    assert len(centres.vectors) == 1
    assert float(centres.radii[0]) == pytest.approx(0, abs=1e-3)


def test_old_subjects_stay_within_and_new_ones_lie_outside() -> None:
    old = corpus(mixed(300, 1), 1)
    same = outside_share(old, corpus(mixed(300, 2), 2), 199)
    other = outside_share(old, corpus([*mixed(240, 2), *range(200, 260)], 2), 199)
    assert same.share < 0.06
    assert same.test.p > 0.05
    assert other.share > same.share
    assert other.test.p <= 0.01
    assert (other.distances > other.limit).mean() == pytest.approx(other.share)
