"""Chunks of semantic-text-splitter with their places in the text.

Its own `chunk_indices` is not asked where it is not needed, and not where it fails: of Markdown with an
overlap (0.33.1) it ends in a Rust panic if a chunk repeats the whole of the one before and the blanks in
front of it. A panic is no Exception of Python and writes to stderr, so such chunks are known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space as the splitter trims it; Python's own `strip` takes four separators more."""
LETTERS = 8
"""Characters for each token of capacity, beyond which a text is not counted as a whole: it will not fit."""


def text_chunks(
    splitter: TextSplitter, text: str, capacity: int, tokens: Callable[[str], int]
) -> list[tuple[int, str]]:
    """(start, chunk) of a text. One that fits is a chunk, and the splitter is not asked."""
    whole = text.strip(BLANKS)
    if len(whole) <= LETTERS * capacity and tokens(whole) <= capacity:
        return [(text.index(whole), whole)] if whole else []
    return splitter.chunk_indices(text)


def markdown_chunks(
    splitter: MarkdownSplitter, text: str, otherwise: Callable[[], list[tuple[int, str]]]
) -> list[tuple[int, str]]:
    """(start, chunk) of Markdown, cut with an overlap. `otherwise`: of a text that it would fail to place.

    A chunk that the next one repeats as a whole is left out.
    """
    chunks = splitter.chunks(text)
    if (found := placed(text, chunks)) is None:
        if any(_repeats(chunk, before) for before, chunk in pairwise(chunks)):
            return otherwise()
        found = splitter.chunk_indices(text)
    later = [start for start, _ in found[1:]] + [len(text)]
    return [
        (start, chunk) for (start, chunk), after in zip(found, later, strict=False) if start < after
    ]


def placed(text: str, chunks: list[str]) -> list[tuple[int, str]] | None:
    """(start, chunk) of each, if only one place is possible: further than the one before, and no gap.

    None for a text that repeats itself.
    """
    found: list[tuple[int, str]] = []
    end = 0
    for chunk in chunks:
        # between two chunks there is white space at most
        rest = text[end:].lstrip(BLANKS)
        latest = len(text) - len(rest)
        earliest = max(0, end + 1 - len(chunk))
        start = text.find(chunk, earliest, latest + len(chunk))
        if start < 0 or text.find(chunk, start + 1, latest + len(chunk)) >= 0:
            return None
        if found and start < found[-1][0]:
            return None
        found.append((start, chunk))
        end = start + len(chunk)
    return found


def _repeats(chunk: str, before: str) -> bool:
    """True if a chunk may begin before the one that it follows."""
    inside = chunk.lstrip(BLANKS)
    return inside != chunk and inside.startswith(before.strip(BLANKS))
