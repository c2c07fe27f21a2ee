"""A sequence to windows that fit a model: stretches of whole units that overlap, with exact places."""

from __future__ import annotations

from collections.abc import Callable

from qembed.corpus.chunking.token_counts import counter
from qembed.sequences.alphabet import Alphabet
from qembed.types import Document, Passage

LETTERS_OF_TOKEN = 16
"""Letters that a token stands for at most: a model of language has one token for a word of any length."""


class SequenceChunker:
    """Splits sequences into passages of at most `max_tokens` tokens, special ones included.

    `overlap`: tokens that neighbours share, about. `tokenizer`, `count`: as of Chunker. A unit longer than a
    window is a passage of its own; a window has at most LETTERS_OF_TOKEN units for each of `max_tokens`.
    What it has in common with Chunker has the same names.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        *,
        max_tokens: int,
        overlap: int,
        tokenizer: object | None = None,
        count: Callable[[str], int],
    ) -> None:
        self.alphabet = alphabet
        self.max_tokens = max_tokens
        self._overlap = overlap
        self._count = counter(tokenizer) if tokenizer is not None else count

    def kind_of(self, name: str) -> str:
        """Chunking method: "sequence", whatever the name."""
        return "sequence"

    def lacks(self, name: str) -> str:
        """Missing library that would cut it better: none."""
        return ""

    def fit_title(self, title: str) -> str:
        """The part of a title that is encoded: none."""
        return ""

    def fit_label(self, title: str, label: str) -> str:
        """The part of a label that is encoded: none."""
        return ""

    def split(self, document: Document) -> list[Passage]:
        """The document's passages: windows of whole units, in order, that cover all of them."""
        text = document.text
        starts, ends = self.alphabet.bounds(text)
        total, at = len(starts), 0
        found: list[Passage] = []

        def fits(end: int) -> bool:
            part = text[starts[at] : ends[end - 1]]
            return self._count(self.alphabet.written(part)) <= self.max_tokens

        while at < total:
            most = min(total, at + LETTERS_OF_TOKEN * self.max_tokens)
            end = _longest(at, most, self.max_tokens, fits)
            start, stop = starts[at], ends[end - 1]
            found.append(Passage(document.id, len(found), start, stop, text[start:stop], 1, 1))
            if end == total:
                break
            at = max(at + 1, end - (end - at) * self._overlap // self.max_tokens)
        return found


def _longest(at: int, total: int, step: int, fits: Callable[[int], bool]) -> int:
    """Largest end of a window from `at` on that fits, at least `at` + 1. `fits`: falls once from True."""
    low = at + 1
    high = min(total, at + step)
    while fits(high):
        if high == total:
            return total
        low, step = high, 2 * step
        high = min(total, at + step)
    while high - low > 1:  # low fits, or is the first unit alone; high does not
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
