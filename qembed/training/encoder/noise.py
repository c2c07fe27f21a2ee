"""Deletion noise: texts with most of their words taken away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qembed.evaluation.tuning import UNSPACED

if TYPE_CHECKING:
    import numpy as np

DELETED = 0.6
"""Share of the words that go; the best one for TSDAE by its authors (Wang, Reimers and Gurevych 2021)."""
# scripts without spaces between words lose characters
_WORD = re.compile(f"[{UNSPACED}]\\s*|[^\\s{UNSPACED}]+\\s*")


def delete_words(text: str, rng: np.random.Generator, share: float = DELETED) -> str:
    """The text with each word gone with probability `share`; one is left at least, in the text's order."""
    words = _WORD.findall(text)
    if len(words) < 2:
        return text
    kept = rng.random(len(words)) >= share
    if not kept.any():
        kept[rng.integers(len(words))] = True
    return "".join(word for word, keep in zip(words, kept, strict=True) if keep).strip()
