"""k-means: separate groups are found, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.projection import kmeans


def test_groups_are_found_and_each_vector_belongs_to_the_nearest_centre(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    middles = rng.normal(size=(5, 8)) * 4
    truth = np.repeat(np.arange(5), 40)
    vectors = (middles[truth] + rng.normal(size=(200, 8)) * 0.2).astype(np.float32)
    centres = kmeans.fit_centres(vectors, 5)
    own = kmeans.nearest_centres(vectors, centres)
    assert len({(t, o) for t, o in zip(truth.tolist(), own.tolist(), strict=True)}) == 5
    squares = ((vectors[:, None] - centres[None]) ** 2).sum(axis=2)
    assert np.allclose(kmeans.squared_distances(vectors, centres), squares, atol=1e-2)
    monkeypatch.setattr(kmeans, "BLOCK", 7)
    assert (kmeans.nearest_centres(vectors, centres) == own).all()
