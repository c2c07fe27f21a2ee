"""Batches of texts of similar length, which need little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

TOKENS = 8192
"""Tokens in a batch, padding included: about 32 texts of 256."""
TEXTS = 128


def by_length(
    lengths: Sequence[int], tokens: int = TOKENS, texts: int = TEXTS
) -> Iterator[list[int]]:
    """Positions of texts in batches of at most `tokens` padded tokens and `texts` texts, longest first.

    Longest first, so that a batch that does not fit into memory fails at the start. A text longer than a
    whole batch is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    at = 0
    while at < len(order):
        longest = max(lengths[order[at]], 1)
        size = min(max(tokens // longest, 1), texts)
        yield order[at : at + size]
        at += size
