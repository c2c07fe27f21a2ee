"""Encoding in which one bad text does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import EncodingError, TextsRefused
from qembed.protocols import Encoder

if TYPE_CHECKING:
    from qembed.types import Vectors

PROBE = "dimension"
"""Text that every model encodes: if this one fails too, the fault is the model's."""


def encode_each(encoder: Encoder, texts: Sequence[str], dim: int) -> tuple[Vectors, dict[int, str]]:
    """Vectors of the texts, float32 (len(texts), dim), and the reasons of those that have none, by position.

    Rows of texts without a vector are zero. They are found by bisection, where the encoder does not name
    them. Raises EncodingError if no text, and the probe neither, can be encoded; ModelUnavailable.
    """
    import numpy as np

    vectors = np.zeros((len(texts), dim), dtype=np.float32)
    reasons: dict[int, str] = {}
    first_error: EncodingError | None = None
    parts = [range(len(texts))]
    while parts:
        part = parts.pop()
        try:
            vectors[part.start : part.stop] = _checked(encoder, texts[part.start : part.stop], dim)
        except TextsRefused as e:
            first_error = first_error or e
            vectors[part.start : part.stop] = e.vectors
            reasons.update({part.start + i: reason for i, reason in e.reasons.items()})
        except EncodingError as e:
            first_error = first_error or e
            if len(part) == 1:
                reasons[part.start] = str(e)
                continue
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    if first_error is not None and len(reasons) == len(texts):
        try:
            _checked(encoder, [PROBE], dim)
        except EncodingError:
            raise first_error from None
    return vectors, reasons


def _checked(encoder: Encoder, texts: Sequence[str], dim: int) -> Vectors:
    """Vectors of the texts. Raises EncodingError for another shape, NaN and infinity."""
    import numpy as np

    vectors = np.asarray(encoder.encode(texts), dtype=np.float32)
    if vectors.shape != (len(texts), dim):
        raise EncodingError(
            f"the model gave vectors of shape {vectors.shape}, not ({len(texts)}, {dim}), "
            "texts and dimensions of this index"
        )
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        text = texts[int(np.argmax(bad))]
        raise EncodingError(f"the model gave NaN or infinity for the text {text[:80]!r}")
    return vectors
