"""Texts of queries that are longer than their model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.models import Model

SPECIAL_TOKENS = 16
"""Tokens that a model may add to a text. An ASCII text has no more tokens of its own than characters."""


def truncated_texts(model: Model, texts: Sequence[str]) -> list[str]:
    """Distinct texts that have more tokens than the model reads."""
    limit = model.max_tokens
    fits = limit - SPECIAL_TOKENS
    long = [t for t in dict.fromkeys(texts) if not (t.isascii() and len(t) <= fits)]
    lengths = model.count(long) if long else []
    return [t for t, n in zip(long, lengths, strict=True) if n > limit]
