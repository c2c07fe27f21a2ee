"""Distance of two samples of vectors: of their centroids, and energy distance (Székely and Rizzo 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import TestResult, permutation_test
from qembed.drift.sample import per_document

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values
    from qembed.drift.sample import Sample
    from qembed.types import Vectors

BLOCK = 128
"""Documents whose passages' distances to all others are in memory at a time."""


class DistanceFound(NamedTuple):
    """Distance of two samples. `effect`: 0 for one distribution, whatever the size of the samples."""

    effect: float
    test: TestResult


def centroid_distance(old: Sample, new: Sample, labels: Labels) -> DistanceFound:
    """Distance of the centroids. `effect`: as a share of a passage's distance from its own centroid.

    The effect is without what chance adds: samples of n and m documents have centroids that lie apart by
    a variance of (1/n + 1/m).
    """
    import numpy as np

    sums = np.concatenate([per_document(s, s.vectors) for s in (old, new)]).astype(np.float32)
    ones = [per_document(s, np.ones(len(s.vectors))) for s in (old, new)]
    counts = np.concatenate(ones).astype(np.float32)
    total, passages = sums.sum(axis=0), float(counts.sum())

    def distances(labels: Labels) -> Values:
        n = labels @ counts
        ours = labels @ sums
        apart = ours / n[:, None] - (total - ours) / (passages - n)[:, None]
        return np.asarray(np.linalg.norm(apart, axis=1), dtype=np.float64)

    test = permutation_test(distances, labels)
    spread = noise = 0.0
    for s in (old, new):
        apart = s.vectors - s.vectors.mean(axis=0)
        spread += float((apart**2).sum()) / passages
        by_document = per_document(s, apart)
        noise += float((by_document**2).sum()) / len(s.vectors) ** 2
    excess = max(0.0, test.observed**2 - noise)
    return DistanceFound(float(np.sqrt(excess / max(spread, 1e-12))), test)


def energy_distance(old: Sample, new: Sample, labels: Labels) -> DistanceFound:
    """Energy distance of the passages' vectors. `effect`: the coefficient of inhomogeneity, from 0 to 1.

    The effect is by pairs of passages of different documents alone, which makes it unbiased.
    """
    import numpy as np

    vectors = np.concatenate([old.vectors, new.vectors])
    document = np.concatenate([old.document, new.document + old.documents])
    apart = _summed_distances(vectors, document)
    counts = np.bincount(document).astype(np.float64)
    passages = float(counts.sum())
    effect = _inhomogeneity(apart, counts, old.documents)
    # a constant for each pair of passages changes no energy, and sums stay small in float32
    apart -= float(apart.mean()) * np.outer(counts, counts)
    around = apart.astype(np.float32)
    del apart
    rows, total = around.sum(axis=1, dtype=np.float64), float(around.sum(dtype=np.float64))

    def energies(labels: Labels) -> Values:
        n = labels @ counts
        within = np.einsum("bi,bi->b", labels @ around, labels, dtype=np.float64)
        across = labels @ rows - within
        other = total - 2 * across - within
        m = passages - n
        return np.asarray(2 * across / (n * m) - within / n**2 - other / m**2, dtype=np.float64)

    return DistanceFound(effect, permutation_test(energies, labels))


def _inhomogeneity(
    apart: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], old: int
) -> float:
    """Energy distance over twice the mean distance across, by pairs of passages of different documents."""
    import numpy as np

    across = float(apart[:old, old:].sum()) / float(counts[:old].sum() * counts[old:].sum())
    means = []
    for part in (slice(0, old), slice(old, None)):
        block, c = apart[part, part], counts[part]
        pairs = float(c.sum() ** 2 - (c**2).sum())
        means.append(float(block.sum() - np.trace(block)) / pairs if pairs else 0.0)
    return max(0.0, (2 * across - sum(means)) / (2 * across)) if across > 1e-9 else 0.0


def _summed_distances(vectors: Vectors, document: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sums of the distances between the passages of two documents, float64 (documents, documents)."""
    import numpy as np

    n = int(document[-1]) + 1
    starts = np.searchsorted(document, np.arange(n))
    found = np.zeros((n, n))
    for first in range(0, n, BLOCK):
        a, b = starts[first], starts[first + BLOCK] if first + BLOCK < n else len(vectors)
        cosines = vectors[a:b] @ vectors.T
        apart = np.sqrt(np.maximum(2 - 2 * cosines, 0))
        by_column = np.add.reduceat(apart, starts, axis=1)
        inner = starts[first : first + BLOCK] - a
        found[first : first + BLOCK] = np.add.reduceat(by_column, inner, axis=0)
    return found
