"""Near-equality of two queries: the cosine of their vectors that it takes, by the words in which they differ.

Cosines alone do not tell: models put `check if a file is empty` next to `check if a file is not empty`, and
`flight to London` next to `flight from London`. Words that carry no meaning, the endings of words and their
order may differ; of other words one may stand for another in a short query, if the vectors are almost the
same.
"""

from __future__ import annotations

from collections import Counter

from qembed.search.lexical.analyzer import is_stop, terms_of
from qembed.search.lexical.query import parse_query

MEANING = frozenset(
    """
    above after all any as before below between by down each few for from further more most no nor not off on
    once only or other out over own same than that to too under until up when where who whom whose why with
    without 不 吗 没 谁 哪""".split()  # noqa: SIM905 - a list of words to read
)
"""Words that say little of a passage, and change what a query asks."""
SAME_WORDS = 0.85
OTHER_WORD = 0.96
"""Cosines, in shares of the way from a query's cosine with unrelated passages up to 1."""
MOST_TERMS = 8
"""Telling terms above which one other word changes what is asked, and hardly the vector."""
UNKNOWN = 0.5
"""Cosine with unrelated passages, where it was not measured."""


def cosine_at(share: float, unrelated: float | None) -> float:
    """Cosine at a share of the way from chance to 1.

    `unrelated`: the query's cosine with unrelated passages, None if it is not known.
    """
    chance = UNKNOWN if unrelated is None else unrelated
    return chance + share * (1 - chance)


def least_share(a: str, b: str) -> float | None:
    """SAME_WORDS, OTHER_WORD or None, by the words in which two queries differ."""
    x, y = parse_query(a), parse_query(b)
    if Counter(x.phrases) != Counter(y.phrases) or Counter(x.without) != Counter(y.without):
        return None
    first, second = telling_terms(a), telling_terms(b)
    if not first or not second or _decisive(first) != _decisive(second):
        return None
    missing, more = Counter(first) - Counter(second), Counter(second) - Counter(first)
    if not missing and not more:
        return SAME_WORDS if _same_order(first, second) else None
    short = max(len(first), len(second)) <= MOST_TERMS
    # a word more or less says more: `files`, `regular files`
    return OTHER_WORD if short and missing.total() == more.total() == 1 else None


def telling_terms(text: str) -> list[str]:
    """Terms of a query that say what is asked, in order. The `to` of `how to` says nothing."""
    terms = terms_of(text)
    return [
        term
        for i, term in enumerate(terms)
        if (term in MEANING or not is_stop(term))
        and not (term == "to" and i and terms[i - 1] == "how")
    ]


def _decisive(terms: list[str]) -> list[str]:
    """Return the terms of which none may differ, in order: numbers, codes, and words of MEANING."""
    return [t for t in terms if t in MEANING or any(c.isdigit() for c in t)]


def _same_order(first: list[str], second: list[str]) -> bool:
    """Return whether two orders of the same terms ask the same: any do, unless a term says which is which."""
    if not _decisive(first):
        return True
    return any(first[i:] + first[:i] == second for i in range(len(first)))
