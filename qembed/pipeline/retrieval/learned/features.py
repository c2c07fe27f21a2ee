"""Features of a query's candidates: what the learned order is a weighted sum of.

Only differences between the candidates of one query count, so that features need no common zero. Scores
appear as they are and in standard deviations over the candidates; those of a search that did not run are 0
for all candidates. No feature knows a document by its name but `popular`, which knows what was used for the
same query.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.query import parse_query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Scores

    Matrix = npt.NDArray[np.float64]

FEATURES = (
    *("order", "rank", "dense", "dense_z", "lexical", "lexical_z"),
    *("words", "pairs", "near", "title", "early"),
    *("fresh", "popular"),
)
"""Names, in the order of the columns. `order`: final score of the stage before, standardised; `rank`: the
negative logarithm of its rank. `dense`, `lexical`: cosine, and BM25 over the best one's, with their
standardised forms. `words`, `title`: share of the query's terms, by idf, in the passage and in the title.
`pairs`: share of the query's neighbouring terms that stand within WINDOW characters of one another, in either
order (Metzler and Croft 2005). `near`: share of the terms in the densest stretch of 3 WINDOW characters.
`early`: how early the first term comes. `fresh`: negative logarithm of the years since the file changed.
`popular`: use of the document for this query, see `popularity`."""
WINDOW = 60
"""Characters within which two terms are near one another: eight words of English."""
SPREAD = 1e-9
_YEAR = 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class CandidateTexts:
    """Texts and times of one query's candidates, in their order. `mtimes`: ns since 1970, None if unknown."""

    ids: Sequence[str]
    titles: Sequence[str]
    texts: Sequence[str]
    mtimes: Sequence[int] | None = None


class WordFeatures(NamedTuple):
    """Features of one passage by its words: `words`, `pairs`, `near`, `title`, `early`."""

    words: float
    pairs: float
    near: float
    title: float
    early: float


def candidate_features(
    scores: Sequence[Scores | None],
    known: CandidateTexts,
    weights: Mapping[str, float],
    popularity: Mapping[str, float],
    now: float,
) -> Matrix:
    """Features of one query's candidates, float64 (n, len(FEATURES)), in their order.

    `scores`: final, dense and lexical ones, float32 (n,), None for a search that did not run. `weights`: of
    the query's terms, see `term_weights`. `popularity`: by document id, 0 for others. `now`: seconds since
    1970.
    """
    import numpy as np

    n = len(known.ids)
    found = np.zeros((n, len(FEATURES)))
    if not n:
        return found
    final, dense, lexical = scores
    columns: dict[str, Matrix] = {
        "rank": -np.log1p(np.arange(n)),
        "popular": np.array([popularity.get(name, 0.0) for name in known.ids]),
    }
    if final is not None:
        columns["order"] = standardised(final)
    for name, values in (("dense", dense), ("lexical", lexical)):
        if values is not None:
            best = float(values.max()) if name == "lexical" else 1.0
            columns[name] = np.asarray(values, np.float64) / best if best > 0 else np.zeros(n)
            columns[f"{name}_z"] = standardised(values)
    by_words = np.array(list(word_features(weights, known)))
    columns.update(zip(WordFeatures._fields, by_words.T, strict=True))
    if known.mtimes is not None:
        columns["fresh"] = np.array([freshness(t, now) for t in known.mtimes])
    for name, column in columns.items():
        found[:, FEATURES.index(name)] = column
    return found


def standardised(scores: Scores) -> Matrix:
    """Scores in standard deviations from their mean, float64 (n,); 0 where all are equal."""
    import numpy as np

    values = scores.astype(np.float64)
    spread = float(values.std())
    return np.zeros(len(values)) if spread < SPREAD else (values - values.mean()) / spread


def term_weights(session: Session, text: str) -> dict[str, float]:
    """Weight of each term of a query, in its order: its idf, or 1 without a word index."""
    index = session.search.lexical
    terms = dict.fromkeys(parse_query(text).terms)
    if index is None:
        return dict.fromkeys(terms, 1.0)
    passages = len(index)
    return {term: idf(index.frequency(term), passages) for term in terms}


def word_features(weights: Mapping[str, float], known: CandidateTexts) -> Iterator[WordFeatures]:
    """Features of passages by their words. `weights`: of the query's terms, in its order.

    A term is looked for as the beginning of a word: to stem all words would take five times as long.
    """
    total = sum(weights.values())
    if not total:
        yield from (WordFeatures(0.0, 0.0, 0.0, 0.0, 0.0) for _ in known.ids)
        return
    terms = list(weights)
    beginnings = _beginnings(terms)
    neighbours = list(itertools.pairwise(terms))
    titled: dict[str, float] = {}
    for text, title in zip(known.texts, known.titles, strict=True):
        if title not in titled:
            titled[title] = sum(weights[t] for t in {t for _, t in _places(beginnings, title)})
        places = _places(beginnings, text)
        yield WordFeatures(
            words=sum(weights[t] for t in {t for _, t in places}) / total,
            pairs=_near_pairs(places, neighbours),
            near=_densest(places, weights) / total,
            title=titled[title] / total,
            early=1 / (1 + places[0][0] / WINDOW) if places else 0.0,
        )


def _beginnings(terms: Sequence[str]) -> dict[str, str]:
    """Beginning of its words by term: a stem ends in i where its word ends in y, and is a part of it else."""
    return {
        term: term[:-1] if term.isascii() and term.endswith("i") and len(term) > 2 else term
        for term in terms
    }


def _places(beginnings: Mapping[str, str], text: str) -> list[tuple[int, str]]:
    """(offset, term) of all terms in a text, in order."""
    lower = text.lower()
    found: list[tuple[int, str]] = []
    # ten searches for a text take a seventh of the time of one regular expression
    for term, stem in beginnings.items():
        plain = stem.isascii()
        at = lower.find(stem)
        while at >= 0:
            if not plain or not at or not lower[at - 1].isalnum():
                found.append((at, term))
            at = lower.find(stem, at + 1)
    return sorted(found)


def _near_pairs(places: Sequence[tuple[int, str]], pairs: Sequence[tuple[str, str]]) -> float:
    """Share of the pairs whose terms stand within WINDOW characters of one another."""
    if not pairs:
        return 0.0
    near: set[tuple[str, str]] = set()
    for i, (at, a) in enumerate(places):
        for later, b in places[i + 1 :]:
            if later - at > WINDOW:
                break
            near.add((a, b))
    return sum(pair in near or pair[::-1] in near for pair in pairs) / len(pairs)


def _densest(places: Sequence[tuple[int, str]], weights: Mapping[str, float]) -> float:
    """Largest weight of distinct terms within 3 WINDOW characters."""
    best = weight = 0.0
    first = 0
    inside: dict[str, int] = {}
    for at, term in places:
        while at - places[first][0] > 3 * WINDOW:
            gone = places[first][1]
            inside[gone] -= 1
            weight -= weights[gone] if not inside[gone] else 0.0
            first += 1
        inside[term] = inside.get(term, 0) + 1
        weight += weights[term] if inside[term] == 1 else 0.0
        best = max(best, weight)
    return best


def freshness(mtime_ns: int, now: float) -> float:
    """Freshness of a file: the negative logarithm of 1 + its age in years of 365 days; not above 0."""
    return -math.log1p(max(0.0, now - abs(mtime_ns) / 1e9) / _YEAR)
