"""Tokens of a text, estimated, and texts cut to so many.

A model's own tokenizer is not known here. Counted are 3.5 ASCII characters a token and any other character as
one: more than most tokenizers make of prose, about what they make of code, and of Chinese.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ASCII_PER_TOKEN = 3.5
_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n?")
ELLIPSIS = "…"


def estimate_tokens(text: str) -> int:
    """Number of tokens of a text, estimated."""
    others = len(text) - len(text.encode("ascii", "ignore"))
    return -int(-(len(text) - others) // ASCII_PER_TOKEN) + others


class Part(NamedTuple):
    """Part of a text: `text[start:end]`."""

    start: int
    end: int


def cut_from(text: str, start: int, tokens: int) -> Part:
    """Part from `start` of at most so many tokens, at least a character: to a line's end, or a word's."""
    if estimate_tokens(text[start:]) <= tokens:
        return Part(start, len(text))
    low, high = start + 1, len(text)
    while low < high:  # the longest part that fits
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if estimate_tokens(text[start:middle]) <= tokens else (low, middle - 1)
        )
    half = start + (low - start) // 2
    for mark in ("\n", " "):
        at = text.rfind(mark, half, low)
        if at >= half and at > start:
            return Part(start, at + 1)
    return Part(start, low)


def cut_around(text: str, span: Part, tokens: int) -> Part:
    """Part of at most so many tokens that has `span`, or its beginning, with about as much on both sides."""
    if estimate_tokens(text) <= tokens:
        return Part(0, len(text))
    spare = tokens - estimate_tokens(text[span.start : span.end])
    if spare <= 0:
        return cut_from(text[: span.end], span.start, tokens)
    before = cut_to(text, span.start, spare // 2)
    return cut_from(text, before, tokens)


def cut_to(text: str, end: int, tokens: int) -> int:
    """Start of a part that ends at `end` and has at most so many tokens: a line's beginning, or a word's."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        if estimate_tokens(text[middle:end]) <= tokens:
            high = middle
        else:
            low = middle + 1
    if low == 0:
        return 0
    for mark in ("\n", " "):
        at = text.find(mark, low, end)
        if at >= 0:
            return at + 1
    return end


def shown_part(text: str, part: Part) -> str:
    """Part of a text with marks where something was cut off, without empty lines at its ends."""
    shown = _GAP.sub("\n\n", text[part.start : part.end]).strip("\n").rstrip()
    before = f"{ELLIPSIS} " if text[: part.start].strip() else ""
    after = f" {ELLIPSIS}" if text[part.end :].strip() else ""
    return f"{before}{shown}{after}"
