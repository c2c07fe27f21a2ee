"""Text of adjacent passages, the inverse of chunking."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.types import Passage


def join_passages(passages: Sequence[Passage]) -> str:
    """Join passages of one document to its text. Overlaps are dropped.

    Each passage lies at its own offset; characters that no passage covers become line ends.
    """
    parts: list[str] = []
    end = 0
    for p in sorted(passages, key=lambda p: (p.start, p.end)):
        if p.end <= end:
            continue
        parts.append("\n" * max(0, p.start - end) + p.text[max(0, end - p.start) :])
        end = p.end
    return "".join(parts)
