"""Text of adjacent passages, the inverse of chunking."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.types import Passage


def join_passages(passages: Sequence[Passage], start: int = 0, line: int = 1) -> str:
    """Join passages of one document to its text from offset `start`, in line `line`. Overlaps are dropped.

    Each passage lies at its own offset and in its own line. Characters that no passage covers are white
    space, which is not stored: they become as many line ends as the lines say, then blanks.
    """
    parts: list[str] = []
    end = start
    for p in sorted(passages, key=lambda p: (p.start, p.end)):
        if p.end <= end:
            continue
        gap = max(0, p.start - end)
        breaks = min(gap, max(0, p.line - line))
        parts.append("\n" * breaks + " " * (gap - breaks) + p.text[max(0, end - p.start) :])
        end, line = p.end, p.end_line
    return "".join(parts)
