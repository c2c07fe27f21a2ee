"""Principal axes against the singular value decomposition of all vectors."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.projection.principal_axes import principal_axes


def test_axes_of_batches_are_those_of_the_decomposition() -> None:
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(500, 12)) * np.linspace(3, 0.1, 12) + 2).astype(np.float32)
    found = principal_axes(np.array_split(vectors, 7), 4)
    mean = vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    assert np.allclose(found.mean, mean, atol=1e-5)
    assert np.allclose(np.abs((found.axes * axes[:4]).sum(axis=1)), 1, atol=1e-4)
    assert (np.take_along_axis(found.axes, np.abs(found.axes).argmax(axis=1)[:, None], 1) > 0).all()
    assert np.allclose(found.project(vectors), (vectors - mean) @ found.axes.T, atol=1e-4)


def test_no_vectors_have_no_axes_and_few_dimensions_few() -> None:
    with pytest.raises(ValueError, match="no vectors"):
        principal_axes([], 2)
    assert principal_axes([np.ones((1, 3), dtype=np.float32)], 9).axes.shape == (3, 3)
