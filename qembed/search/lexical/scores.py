"""BM25 as the word index computes it, of counts that another engine holds.

    idf(term) · (k1 + 1) · tf / (tf + k1 · (1 - b + b · length / average length))

The length of a passage is rounded down to a step as the word index stores it, in one byte: exact up to 40,
then by an eighth at most (Lucene's SmallFloat, without its lowest exponent).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qembed.search.lexical.bm25 import idf

K1, B = 1.2, 0.75
_FREE = 24
"""Lengths that are stored as they are, before those in steps begin."""


def stored_length(terms: int) -> int:
    """Round a length down as the word index stores it."""
    if terms < _FREE:
        return terms
    beyond = terms - _FREE
    shift = max(0, beyond.bit_length() - 4)
    return _FREE + (beyond >> shift << shift)


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """Counts of one field over all passages. `frequency`: passages with each term of a query."""

    passages: int
    average: float
    frequency: Mapping[str, int]

    def score(self, wanted: Mapping[str, int], terms: Sequence[str]) -> float:
        """Score of one passage. `wanted`: times of each term in the query. `terms`: the passage's."""
        if not self.average:
            return 0.0
        found = Counter(terms)
        norm = K1 * (1 - B + B * stored_length(len(terms)) / self.average)
        return sum(
            times * idf(self.frequency[t], self.passages) * (K1 + 1) * found[t] / (found[t] + norm)
            for t, times in wanted.items()
            if found[t]
        )

    def score_phrase(self, phrase: Sequence[str], terms: Sequence[str]) -> float:
        """Score of the terms of a phrase in a row."""
        times = occurrences(phrase, terms)
        if not times or not self.average:
            return 0.0
        norm = K1 * (1 - B + B * stored_length(len(terms)) / self.average)
        weight = sum(idf(self.frequency[t], self.passages) for t in phrase)
        return weight * (K1 + 1) * times / (times + norm)


def occurrences(phrase: Sequence[str], terms: Sequence[str]) -> int:
    """Number of places at which the terms of a phrase stand in a row."""
    n = len(phrase)
    wanted = tuple(phrase)
    return sum(
        1
        for i in range(len(terms) - n + 1)
        if terms[i] == wanted[0] and tuple(terms[i : i + n]) == wanted
    )
