"""A source with marks where it has to be cut."""

from __future__ import annotations

from typing import NamedTuple


class Cut(NamedTuple):
    """A source, and the symbol and first line (1-based) of each passage."""

    text: str
    passages: list[tuple[str, int]]


def unmarked(marked: str) -> Cut:
    """The source without its marks, and what they say."""
    lines: list[str] = []
    passages = []
    for line in marked.splitlines(keepends=True):
        if line.lstrip().startswith("§"):
            passages.append((line.strip()[1:].strip(), len(lines) + 1))
        else:
            lines.append(line)
    return Cut("".join(lines), passages)
