"""Normalisation, truncation and validation of vectors. Imports numpy inside functions only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

SHORTEST = 1e-6
"""Length below which a truncated vector of length 1 has no direction left."""


def normalize(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Rows scaled to length 1, float32 (n, dim). Zero rows stay zero."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def truncate(vectors: Vectors, dim: int) -> Vectors:
    """Unit rows cut to their first `dim` numbers and scaled to length 1 again, float32 (n, dim).

    Raises EncodingError for rows that are zero in their first `dim` dimensions.
    """
    import numpy as np

    cut = vectors[:, :dim]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    if len(cut) and float(lengths.min()) < SHORTEST:
        raise EncodingError(f"a stored vector is zero in its first {dim} dimensions")
    return np.ascontiguousarray(cut / lengths, dtype=np.float32)


def normalize_encoded(
    vectors: npt.NDArray[np.floating[Any]],
    texts: Sequence[str],
    source: str = "the model",
    noun: str = "text",
) -> Vectors:
    """Rows of an encoder's output scaled to length 1, float32 (n, dim). Row i belongs to `texts[i]`.

    `noun`: for what the texts stand in messages. Computed in the precision of `vectors`. Raises
    EncodingError naming `source` and the text for rows that are zero or hold NaN or infinity.
    """
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    good = np.isfinite(lengths) & (lengths > 0)
    if not good.all():
        text = texts[int(np.argmin(good[:, 0]))]
        raise EncodingError(
            f"{source} gave NaN, infinity or zeros only for the {noun} {text[:80]!r}"
        )
    return np.asarray(vectors / lengths, dtype=np.float32)


def validate(given: Any, texts: Sequence[str], source: str, noun: str = "text") -> Vectors:
    """Rows of third-party output scaled to length 1, float32 (len(texts), dim), from any float type.

    `noun`: for what the texts stand in messages. Raises EncodingError naming `source` for an array of
    another shape, and naming the text for rows that are zero or hold NaN or infinity.
    """
    import numpy as np

    try:
        vectors = np.asarray(given, dtype=np.float64)  # squares of float32 may overflow
    except (TypeError, ValueError) as e:  # None among the numbers, rows of several lengths
        raise EncodingError(f"{source} gave no array of numbers: {e}") from None
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise EncodingError(
            f"{source} gave an array of shape {vectors.shape} for {len(texts)} "
            f"{noun}{'' if len(texts) == 1 else 's'}, one row a {noun} is wanted"
        )
    return normalize_encoded(vectors, texts, source, noun)
