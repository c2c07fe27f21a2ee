"""What is asked of vectors that others made (a user's code, an endpoint), and tokens guessed from words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError

if TYPE_CHECKING:
    from qembed.types import Vectors

# a Chinese, Japanese, Thai, … letter is about a token; other words are one, and so is every mark
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"


@cache
def _token() -> re.Pattern[str]:
    return re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s]")


def count_words(texts: Sequence[str]) -> list[int]:
    """Words and marks of each text and two more: a stand-in for tokens where there is no tokenizer."""
    return [len(_token().findall(t)) + 2 for t in texts]


def unit_rows(given: Any, texts: Sequence[str], name: str) -> Vectors:
    """float32 (len(texts), width) with rows of length 1, from an array of any float type.

    Raises EncodingError for an array of another shape and, naming the text, for NaN, infinity and rows
    of zeros only, which have no direction to compare.
    """
    import numpy as np

    vectors = np.asarray(given, dtype=np.float64)  # squares of float32 may overflow
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise EncodingError(
            f"{name} gave an array of shape {vectors.shape} for {len(texts)} texts, one row a text is "
            "wanted"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    good = np.isfinite(lengths) & (lengths > 0)
    if not good.all():
        text = texts[int(np.argmin(good[:, 0]))]
        raise EncodingError(f"{name} gave NaN, infinity or zeros only for the text {text[:80]!r}")
    return np.asarray(vectors / lengths, dtype=np.float32)
