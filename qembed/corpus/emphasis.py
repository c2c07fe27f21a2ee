"""Emphasis of Markdown: which `*`, `_` and `~~` are a pair around words, and which stand for themselves.

The algorithm of CommonMark for runs of delimiters. https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Marks:
    """Run of one mark. `length`: as it was written, of which `left` have not found their like."""

    mark: str
    length: int
    left: int
    opens: bool
    closes: bool

    @classmethod
    def of(cls, match: re.Match[str]) -> Marks:
        """Run of marks at a match in a text."""
        text, (start, end) = match.string, match.span()
        before = text[start - 1 : start] or " "
        after = text[end : end + 1] or " "
        opens = _leans(after, before)
        closes = _leans(before, after)
        if text[start] == "_":  # within a word it is a letter
            opens, closes = (
                opens and (not closes or _is_punctuation(before)),
                closes and (not opens or _is_punctuation(after)),
            )
        length = end - start
        return cls(text[start], length, length, opens, closes)

    def __str__(self) -> str:
        return self.mark * self.left


def drop_pairs(runs: Sequence[Marks]) -> None:
    """Take from runs, in their order, the marks that are pairs."""
    openers: list[Marks] = []
    for run in runs:
        while run.closes and run.left:
            at = _opener(openers, run)
            if at is None:
                break
            opener = openers[at]
            pair = 2 if min(opener.left, run.left) >= 2 else 1
            opener.left -= pair
            run.left -= pair
            del openers[at + bool(opener.left) :]
        if run.opens and run.left:
            openers.append(run)


def _opener(openers: Sequence[Marks], run: Marks) -> int | None:
    """Position of the last run that one closes."""
    for at in range(len(openers) - 1, -1, -1):
        other = openers[at]
        if other.mark != run.mark:
            continue
        inner = other.closes or run.opens
        if inner and (other.length + run.length) % 3 == 0 and (other.length % 3 or run.length % 3):
            continue
        return at
    return None


def _leans(to: str, other: str) -> bool:
    """True for marks that belong to what is on one side of them."""
    return not to.isspace() and (
        not _is_punctuation(to) or other.isspace() or _is_punctuation(other)
    )


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
