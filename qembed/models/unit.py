"""What every encoder's vectors pass through last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import EncodingError

if TYPE_CHECKING:
    from qembed.types import Vectors


def unit(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    """float32 (n, dim) with rows of length 1. `texts` is what they came from, for the message.

    Raises EncodingError for NaN, infinity or a row of zeros.
    """
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    good = np.isfinite(lengths) & (lengths > 0)
    if not good.all():
        text = texts[int(np.argmin(good[:, 0])) % len(texts)]
        raise EncodingError(f"the model gave NaN, infinity or nothing for the text {text[:80]!r}")
    return np.asarray(vectors / lengths, dtype=np.float32)
