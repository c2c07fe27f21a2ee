"""Mixing two stages' scores of the same candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.types import Scores

LATE_WEIGHT = 0.5
"""Share of late interaction in the final score; the rest is the dense score. See the README's table."""


def mixed(dense: Scores, other: Scores, weight: float) -> Scores:
    """`weight` parts of `other`, the rest `dense`, both standardised over these candidates.

    The result is put back on the dense score's scale, so that it still reads as a cosine: the order is
    that of (1 - weight) * z(dense) + weight * z(other).
    """
    import numpy as np

    if not len(dense):
        return dense
    spread, other_spread = float(dense.std()), float(other.std())
    if other_spread < 1e-9:
        return dense
    scaled = (other - other.mean()) / other_spread * max(spread, 1e-6) + dense.mean()
    return np.asarray((1 - weight) * dense + weight * scaled, dtype=np.float32)
