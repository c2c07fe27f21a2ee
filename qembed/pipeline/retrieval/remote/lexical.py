"""Words of a remote index: the server finds candidates by BM25, their scores are computed here.

A server's statistics may be those of a part of the collection; here all passages count, as in the word index
of a local one, whose scores these are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.engines.milvus.collection import LOOKUP
from qembed.engines.milvus.term_counts import TermCounts
from qembed.engines.milvus.terms import encode_character, encode_term, split_words
from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot
from qembed.search.lexical.analyzer import is_lone
from qembed.search.lexical.bm25 import Coverage, LexicalIndex
from qembed.search.lexical.query import ParsedQuery, parse_query
from qembed.search.lexical.scores import FieldCounts, occurrences
from qembed.search.topk import best_first

if TYPE_CHECKING:
    from qembed.types import Rows, Scores

CANDIDATES = 1000
"""Candidates of the server's own order that are scored here, at least."""


class PassageWords(NamedTuple):
    """Encoded terms and single characters of a passage."""

    terms: Sequence[str]
    characters: Sequence[str]

    def count(self, phrase: tuple[str, ...]) -> int:
        """Occurrences of a phrase of unencoded terms."""
        if len(phrase) == 1 and is_lone(phrase[0]):
            return self.characters.count(encode_character(phrase[0]))
        return occurrences([encode_term(t) for t in phrase], self.terms)


class RemoteLexicalIndex(LexicalIndex):
    """Word search of a remote index, by the calls that a local one takes."""

    def __init__(self, snapshot: RemoteSnapshot) -> None:
        self._snapshot = snapshot
        self._collection = snapshot.collection
        self._frequencies: dict[str, int] = {}
        self._term_counts = TermCounts(snapshot.server, snapshot.collection.name)
        terms, characters = snapshot.state["words"] or (0, 0)
        self._totals = {"words": terms, "characters": characters}

    def __len__(self) -> int:
        return self._snapshot.passages_total

    def frequency(self, term: str) -> int:
        """Number of passages with a term."""
        return self.frequencies([term])[term]

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """Number of passages with each of the terms; one call for those that are not known yet."""
        new = {_encode(t): t for t in terms if t not in self._frequencies}
        if new:
            found = self._term_counts.read(new)
            self._frequencies.update((t, found[encoded]) for encoded, t in new.items())
        return {t: self._frequencies[t] for t in terms}

    def coverage(self, query: str, words: ParsedQuery | None = None) -> Coverage:
        """Statistics of a query's terms, read in one call."""
        parsed = words or parse_query(query)
        self.frequencies(parsed.terms)
        return super().coverage(query, parsed)

    def rows_with(self, terms: tuple[str, ...]) -> Rows:
        """All rows with these terms in sequence, ascending."""
        import numpy as np

        found = [
            int(e["row"])
            for some in self._collection.scan(["row", "words"], _all(map(_has, terms)), LOOKUP)
            for e in some
            if PassageWords(*split_words(e["words"])).count(terms)
        ]
        return np.array(sorted(found), dtype=np.int64)

    def find(self, query: str | ParsedQuery, k: int, where: str) -> tuple[Rows, Scores]:
        """The k best rows that pass `where`, and their BM25 scores, best first, ties by the smaller row."""
        import numpy as np

        words = parse_query(query) if isinstance(query, str) else query
        if not words or k < 1:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        needed = [t for phrase in words.phrases for t in phrase]
        excluded = [f"(not {_has(p[0])})" for p in words.without if len(p) == 1]
        within = _all([*([where] if where else []), *map(_has, dict.fromkeys(needed)), *excluded])
        asked = " ".join(map(_encode, dict.fromkeys([*words.terms, *needed])))
        ask = max(k, CANDIDATES)
        rows = np.array(self._collection.by_words(asked, ask, within), dtype=np.int64)
        scores = self._scores(words, rows)
        kept = scores >= 0
        return best_first(rows[kept], scores[kept], k)

    def _scores(self, words: ParsedQuery, rows: Rows) -> Scores:
        """BM25 scores of the rows, float32 (n,); -1 for rows that do not satisfy the operators."""
        import numpy as np

        score = self._scorer(words)
        found = self._collection.lookup(rows, ["words"])
        values = [
            score(PassageWords(*split_words(found[r]["words"]))) if r in found else -1.0
            for r in rows.tolist()
        ]
        return np.array(values, dtype=np.float32)

    def _scorer(self, words: ParsedQuery) -> Callable[[PassageWords], float]:
        plain = {t: n for t, n in Counter(words.terms).items() if not is_lone(t)}
        lone = {t: n for t, n in Counter(words.terms).items() if is_lone(t)}
        every = [*words.terms, *(t for phrase in words.phrases for t in phrase)]
        counts = self._counts("words", [t for t in every if not is_lone(t)])
        characters = self._counts("characters", [t for t in every if is_lone(t)])
        wanted = {encode_term(t): n for t, n in plain.items()}
        wanted_lone = {encode_character(t): n for t, n in lone.items()}
        # where each term of a phrase is scored by itself, the phrase adds no score
        scored = [p for p in words.phrases if len(p) > 1 and not set(p) <= set(words.terms)]

        def score(passage: PassageWords) -> float:
            if any(not passage.count(p) for p in words.phrases):
                return -1.0
            if any(passage.count(p) for p in words.without):
                return -1.0
            total = counts.score(wanted, passage.terms)
            total += characters.score(wanted_lone, passage.characters)
            for phrase in scored:
                total += counts.score_phrase([encode_term(t) for t in phrase], passage.terms)
            return total

        return score

    def _counts(self, field: str, terms: Sequence[str]) -> FieldCounts:
        encode = encode_term if field == "words" else encode_character
        frequency = {encode(t): n for t, n in self.frequencies(terms).items()}
        passages = len(self)
        return FieldCounts(passages, self._totals[field] / max(passages, 1), frequency)


def _encode(term: str) -> str:
    return encode_character(term) if is_lone(term) else encode_term(term)


def _has(term: str) -> str:
    """Filter for the passages with a term. Encoded terms have letters and digits only."""
    return f'text_match(words, "{_encode(term)}")'


def _all(tests: Iterable[str]) -> str:
    return " and ".join(f"({t})" for t in tests)
