"""Fit of a learned order's weights to pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.evaluation.tuning.components import connected_components
from qembed.feedback.learning.ranknet import CENTRE, choose_strength, fit_weights
from qembed.models.rerankers.late_interaction import one_blas_thread
from qembed.pipeline.feedback.learning.pairs import Pairs
from qembed.pipeline.retrieval.learned.features import FEATURES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

FOLDS = 5
ORDER = FEATURES.index("order")


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of the features, float64 (len(FEATURES),), and the strength of the pull to the order before."""

    weights: Values
    strength: float

    def named(self) -> dict[str, float]:
        """Weights by feature."""
        return {n: round(w, 6) for n, w in zip(FEATURES, self.weights.tolist(), strict=True)}


def query_components(
    texts: Mapping[str, str], documents: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Groups of queries that share a document that was preferred, or almost all words."""
    names = list(texts)
    found = connected_components([texts[n] for n in names], [documents.get(n, ()) for n in names])
    return [[names[i] for i in members] for members in found]


def fold_of(components: Sequence[Sequence[str]], folds: int, seed: int) -> dict[str, int]:
    """Fold of each group; components stay whole, the largest goes first to the smallest fold."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(components)).tolist()
    order.sort(key=lambda c: -len(components[c]))
    sizes = [0] * folds
    found: dict[str, int] = {}
    for c in order:
        fold = sizes.index(min(sizes))
        sizes[fold] += len(components[c])
        found.update(dict.fromkeys(components[c], fold))
    return found


def fit_pairs(pairs: Pairs, folds: Mapping[str, int]) -> Fitted | None:
    """Fit weights; None without pairs. `folds`: of the groups, for choosing the strength."""
    import numpy as np

    if not len(pairs.trust):
        return None
    trust = pairs.trust / pairs.trust.sum()
    scale = np.sqrt(trust @ pairs.differences**2 / 2)
    scale[scale < 1e-9] = 1.0
    scaled = pairs.differences / scale
    centre = np.zeros(len(FEATURES))
    centre[ORDER] = CENTRE
    parts: dict[int, list[int]] = {}
    for i, group in enumerate(pairs.groups):
        parts.setdefault(folds.get(group, 0), []).append(i)
    import scipy.optimize  # noqa: F401 - brings a BLAS of its own, which must be there to be limited

    # of matrices this small, several threads wait for one another most of the time
    with one_blas_thread():
        strength = choose_strength(scaled, trust, centre, list(parts.values()))
        return Fitted(fit_weights(scaled, trust, centre, strength) / scale, strength)
