"""Score helpers shared by the rerankers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import EncodingError

if TYPE_CHECKING:
    from qembed.protocols import Pair
    from qembed.types import Scores

PROBABILITY = "probabilities: 0 to 1, comparable between queries"
"""Meaning of calibrated scores."""


def sigmoid(logits: Scores) -> Scores:
    """1 / (1 + exp(-logit)), float32."""
    import numpy as np

    # tanh saturates where exp overflows; in float64, where .5 * (1 + tanh) keeps float32's digits
    return np.asarray(0.5 * (1 + np.tanh(logits.astype(np.float64) / 2)), dtype=np.float32)


def finite(scores: Scores, pairs: Sequence[Pair], name: str) -> Scores:
    """Check scores and return them. Raises EncodingError naming the first pair with NaN or infinity."""
    import numpy as np

    bad = ~np.isfinite(scores)
    if bad.any():
        query, passage = pairs[int(np.argmax(bad))]
        raise EncodingError(
            f"{name} gave NaN or infinity for the query {query[:80]!r} with the passage {passage[:80]!r}"
        )
    return scores
