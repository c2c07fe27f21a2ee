"""Connected components of queries: query - relevant document - near-duplicate query.

A setting that was chosen on a query has seen its relevant documents and its wording. Queries of one
component must therefore lie in one fold: otherwise a part of what is measured as gain is memory.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

SIMILARITY = 0.7
"""Least Jaccard similarity of the word sets of near-duplicate queries."""
_WORD = re.compile(r"\w+")
UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Myanmar, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
"""Characters of scripts without spaces between words, as ranges of a regular expression."""
_UNSPACED = re.compile(f"[{UNSPACED}]")


class DisjointSets:
    """Union-find over 0 … n-1, with path halving and union by size."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))
        self._size = [1] * n

    def find(self, i: int) -> int:
        """Representative of i's set."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Unite the sets of i and j."""
        a, b = self.find(i), self.find(j)
        if a == b:
            return
        if self._size[a] < self._size[b]:
            a, b = b, a
        self._parent[b] = a
        self._size[a] += self._size[b]

    def sets(self) -> list[list[int]]:
        """All sets, their members rising, in the order of their smallest members."""
        found: dict[int, list[int]] = {}
        for i in range(len(self._parent)):
            found.setdefault(self.find(i), []).append(i)
        return list(found.values())


def word_set(text: str) -> frozenset[str]:
    """Distinct words of a text, case and accents of compatibility forms folded.

    Of a text with a script that has no spaces between words: its trigrams of characters, or the whole
    where it is shorter. A text without any word is its own only word.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(folded)
    if not words:
        return frozenset([folded.strip()])
    if not _UNSPACED.search(folded):
        return frozenset(words)
    solid = "".join(words)
    return frozenset(solid[i : i + 3] for i in range(max(1, len(solid) - 2)))


def near_duplicates(
    sets: Sequence[frozenset[str]], similarity: float = SIMILARITY
) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of sets whose Jaccard similarity is at least `similarity`; sorted.

    Two such sets share an item among the rarest n - ceil(similarity * n) + 1 of each (Chaudhuri, Ganti and
    Kaushik 2006): only sets that an inverted index of these finds together are compared.
    """
    counts = Counter(item for items in sets for item in items)
    index: dict[str, list[int]] = defaultdict(list)
    found = []
    for j, items in enumerate(sets):
        rarest_first = sorted(items, key=lambda item: (counts[item], item))
        # the ceiling must not be taken of a product that is a hair too large
        keep = len(items) - math.ceil(similarity * len(items) - 1e-9) + 1
        seen: set[int] = set()
        for item in rarest_first[: max(1, min(keep, len(items)))]:
            seen.update(index[item])
            index[item].append(j)
        for i in seen:
            other = sets[i]
            common = len(items & other)
            if common >= similarity * (len(items) + len(other) - common) - 1e-9:
                found.append((i, j))
    return sorted(found)


def connected_components(
    texts: Sequence[str], documents: Sequence[Iterable[str]], similarity: float = SIMILARITY
) -> list[list[int]]:
    """Components of queries, each a rising list of positions, in the order of their first queries.

    `texts`: of the queries. `documents`: the relevant documents of each.
    """
    union = DisjointSets(len(texts))
    first: dict[str, int] = {}
    for i, relevant in enumerate(documents):
        for document in relevant:
            union.join(first.setdefault(document, i), i)
    for i, j in near_duplicates([word_set(text) for text in texts], similarity):
        union.join(i, j)
    return union.sets()
