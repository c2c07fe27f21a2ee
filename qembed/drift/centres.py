"""Centres of old vectors by k-means, and how many new ones lie outside of what these cover.

Centres fit the vectors that they were made of better than any others. So they are made of one half of the
old documents, and the other half is compared with the new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.drift.permutation import PERMUTATIONS, TestResult, permutation_test, permuted_labels
from qembed.drift.sample import per_document
from qembed.projection import kmeans

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values
    from qembed.drift.sample import Sample
    from qembed.types import Vectors

    Distances = npt.NDArray[np.float32]

MOST_CENTRES = 32
PASSAGES_A_CENTRE = 10
TAIL = 0.75
"""Quantile of the distances from which on a passage counts, by how far it lies beyond."""
OUTSIDE = 0.99
"""Quantile of old distances beyond which a passage is called outside."""


@dataclass(frozen=True, slots=True)
class Centres:
    """Centres of vectors. `vectors`: float32 (k, dim); `radii`: the OUTSIDE quantile of the distances of
    each one's own vectors, float32 (k,); `shares`: of the vectors that are nearest to it, float32 (k,).
    """

    vectors: Vectors
    radii: Distances
    shares: Distances

    def distances(self, vectors: Vectors) -> Distances:
        """Distance of each vector to the nearest centre, float32 (n,)."""
        import numpy as np

        return np.asarray(np.sqrt(kmeans.squared_distances(vectors, self.vectors).min(axis=1)))


def fit_centres(vectors: Vectors, seed: int = 0) -> Centres:
    """Centres by k-means: one for each PASSAGES_A_CENTRE vectors, at most MOST_CENTRES."""
    import numpy as np

    k = max(1, min(MOST_CENTRES, len(vectors) // PASSAGES_A_CENTRE))
    centres = kmeans.fit_centres(vectors, k, seed)
    squares = kmeans.squared_distances(vectors, centres)
    own, apart = squares.argmin(axis=1), np.sqrt(squares.min(axis=1))
    kept = np.unique(own)
    radii = [float(np.quantile(apart[own == c], OUTSIDE)) for c in kept]
    shares = [float((own == c).mean()) for c in kept]
    return Centres(
        centres[kept], np.array(radii, dtype=np.float32), np.array(shares, dtype=np.float32)
    )


@dataclass(frozen=True, slots=True)
class OutsideFound:
    """New passages outside. `share`: beyond the OUTSIDE quantile of old ones that the centres have not seen.

    `distances`: of the new passages to the nearest centre; `limit`: the quantile.
    """

    share: float
    test: TestResult
    distances: Distances
    limit: float


def outside_share(
    old: Sample, new: Sample, permutations: int = PERMUTATIONS, seed: int = 0
) -> OutsideFound:
    """Share of new passages that lie outside of what centres of the old ones cover.

    The test's statistic is the mean of what exceeds the TAIL quantile of the centres' own vectors, new
    against the old half that was held out: it has more values than a count of few passages has.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    seen = np.zeros(old.documents, dtype=bool)
    seen[rng.permutation(old.documents)[: old.documents // 2]] = True
    training = seen[old.document]
    centres = fit_centres(old.vectors[training], seed)
    tail = float(np.quantile(centres.distances(old.vectors[training]), TAIL))
    held, ours = centres.distances(old.vectors[~training]), centres.distances(new.vectors)
    beyond_held = np.zeros(len(old.vectors))
    beyond_held[~training] = np.maximum(held - tail, 0)
    excess = np.concatenate(
        [per_document(old, beyond_held)[~seen], per_document(new, np.maximum(ours - tail, 0))]
    ).astype(np.float32)
    sizes = [per_document(s, np.ones(len(s.vectors))) for s in (old, new)]
    counts = np.concatenate([sizes[0][~seen], sizes[1]]).astype(np.float32)
    total, passages = float(excess.sum()), float(counts.sum())

    def beyond(labels: Labels) -> Values:
        inside, n = labels @ excess, labels @ counts
        return np.asarray(inside / n - (total - inside) / (passages - n), dtype=np.float64)

    labels = permuted_labels(int((~seen).sum()), new.documents, permutations)
    limit = float(np.quantile(held, OUTSIDE))
    share = float((ours > limit).mean())
    return OutsideFound(share, permutation_test(beyond, labels), ours, limit)
