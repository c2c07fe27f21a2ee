"""Principal axes: the directions in which vectors vary most, found in one pass over batches of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.types import Vectors


@dataclass(frozen=True, slots=True)
class PrincipalAxes:
    """Axes of vectors. `mean`: float32 (dim,); `axes`: of length 1, by falling variance, float32 (k, dim)."""

    mean: Vectors
    axes: Vectors

    def project(self, vectors: Vectors) -> Vectors:
        """Coordinates of vectors along the axes, float32 (n, k)."""
        import numpy as np

        return np.asarray((vectors - self.mean) @ self.axes.T, dtype=np.float32)


def principal_axes(batches: Iterable[Vectors], k: int) -> PrincipalAxes:
    """Find the first `k` axes of vectors, float32 (n, dim) each, of at least one; at most `dim` axes.

    Only sums are kept, float64 (dim, dim). The largest component of an axis is positive, so that the result
    does not depend on the library.
    """
    import numpy as np

    n, total, products = 0, None, None
    for batch in batches:
        exact = batch.astype(np.float64)
        n += len(batch)
        if total is None or products is None:
            total, products = exact.sum(axis=0), exact.T @ exact
        else:
            total += exact.sum(axis=0)
            products += exact.T @ exact
    if total is None or products is None or not n:
        raise ValueError("no vectors")
    mean = total / n
    _, found = np.linalg.eigh(products / n - np.outer(mean, mean))
    axes = found[:, ::-1].T[:k]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = axes * np.where(largest < 0, -1.0, 1.0)
    return PrincipalAxes(mean.astype(np.float32), np.ascontiguousarray(axes, dtype=np.float32))
