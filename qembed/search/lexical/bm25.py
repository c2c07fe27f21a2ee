"""Words to row ids and scores: BM25 over the passages, in a tantivy index that grows with the corpus.

Why tantivy. 100,000 passages of 100 words, two cores, each query in a process of its own:

    engine            build, ms a passage   size    one query           100 passages more
    SQLite FTS5       0.13                  39 MB   160 to 510 ms       cheap
    tantivy           0.08                  28 MB   1 to 6 ms           67 KB written
    bm25s             -                     -       0.6 s to import     all anew

FTS5 looks at every passage that holds any of the words and reads its length from a table; tantivy skips
what cannot be among the best. Its segments are never changed once written, `meta.json` is replaced in one
step, and readers hold on to what they opened, so a reader needs no lock beside a writer.

BM25 has k1 = 1.2 and b = 0.75, which the engine fixes. In nDCG@10, 1.5 and 0.75 would be better by .002 on
SciFact and on CoSQA, 0.9 and 0.4 worse by .004 and .025. Lengths above 40 terms are rounded down by up to
an eighth, as in Lucene, which costs .003 on SciFact. Statistics count dead rows until a compaction.

This room makes terms itself (`lexical_words`), so the engine sees them between spaces and never a query
string: there is no syntax to inject.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.lexical.analyzer import is_lone
from qembed.search.lexical.files import damage, opened
from qembed.search.lexical.query import ParsedQuery, parse_query, script_of
from qembed.search.topk import best_first, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores

FEW_WANTED_ROWS = 10_000
"""Up to so many wanted rows, if few of all, are given to the engine; more are picked from its finds."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a query the corpus has words for; what a fusion may decide by.

    `terms`: distinct terms that say something. `frequency`: term -> passages that hold it.
    `share`: of the terms, found at all. `weight`: the same, each term counted by its idf.
    `script`: the script of most of the query's letters. `passages`: how many there are.
    """

    terms: int
    frequency: Mapping[str, int]
    share: float
    weight: float
    script: str
    passages: int


def idf(frequency: int, passages: int) -> float:
    """BM25's weight of a term, ln(1 + (N - n + 0.5) / (n + 0.5)); never negative."""
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


class LexicalIndex:
    """A lexical index opened for reading. It stays as it was opened, whatever a writer does meanwhile."""

    def __init__(self, path: Path, index: Any) -> None:
        self.path = path
        self._schema = index.schema
        with damage(path):
            self._searcher = index.searcher()

    @classmethod
    def open(cls, path: Path, sums: bool = False) -> LexicalIndex:
        """Opens the index in the folder `path`, in milliseconds.

        Always looks at the ends of all files, which shows any that is missing or cut off; `sums` reads
        and checks all of them, about a millisecond a megabyte. Raises LexicalDamaged.
        """
        return cls(path, opened(path, sums))

    def __len__(self) -> int:
        """How many passages it holds, dead ones included."""
        return int(self._searcher.num_docs)

    # ── searching ────────────────────────────────────────────────────────────────────────────────

    def search(
        self,
        query: str | ParsedQuery,
        k: int,
        *,
        base: int = 0,
        upto: int | None = None,
        least: int | None = None,
        live: npt.NDArray[np.bool_] | None = None,
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> tuple[Rows, Scores]:
        """The k best rows in [base, upto) and their BM25 scores, best first, ties by the smaller row.

        `live`, `allowed`: bool over the rows from `base` on; None leaves all in. `upto` None: no end.
        `least`: if the k-th ties with more than is at hand, the best that do not are enough, if so many.
        Exact: what is masked never takes a place from what is not. Raises LexicalDamaged.
        """
        import numpy as np

        words = parse_query(query) if isinstance(query, str) else query
        mask = live if allowed is None else allowed if live is None else live & allowed
        none = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if not words or k < 1 or not len(self) or (mask is not None and not mask.any()):
            return none
        end = base + len(mask) if mask is not None else upto
        with damage(self.path):
            wanted = self._query(words)
            left = len(self) if mask is None else int(mask.sum())
            if mask is not None and left <= min(FEW_WANTED_ROWS, len(mask) // 8):
                among = self._among(wanted, np.flatnonzero(mask) + base)
                return top(*self._hits(among, left), k)
            ask = k + 16
            while True:
                rows, scores = self._hits(wanted, ask)
                last = float(scores[-1]) if len(rows) == ask else -math.inf
                good = rows >= base
                if end is not None:
                    good &= rows < end
                if mask is not None:
                    good[good] = mask[rows[good] - base]
                sure = good & (scores > last)  # what ties with the last may have been cut off
                enough = int(sure.sum())
                if last == -math.inf or enough >= k or (least is not None and enough >= least):
                    return best_first(rows[sure], scores[sure], k)
                ask = min(max(ask * 4, 1000), len(self) + 1)

    def _hits(self, query: Any, limit: int) -> tuple[Rows, Scores]:
        """At most `limit` best rows and scores as the engine orders them."""
        import numpy as np

        hits = self._searcher.search(query, limit=limit, count=False).hits
        if not hits:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        rows = self._searcher.fast_field_values("row", list(map(itemgetter(1), hits)))
        scores = np.fromiter(map(itemgetter(0), hits), np.float32, len(hits))
        return np.array(rows, dtype=np.int64), scores

    # ── queries of the engine ────────────────────────────────────────────────────────────────────

    def _term(self, term: str) -> Any:
        import tantivy

        # a lone Chinese character is no pair: the field of single characters has it
        field = "characters" if is_lone(term) else "words"
        return tantivy.Query.term_query(self._schema, field, term, "freq")

    def _phrase(self, terms: tuple[str, ...]) -> Any:
        import tantivy

        if len(terms) == 1:
            return self._term(terms[0])
        return tantivy.Query.phrase_query(self._schema, "words", list(terms))

    def _query(self, words: ParsedQuery) -> Any:
        from tantivy import Occur, Query

        parts: list[tuple[Any, Any]] = []
        for term, times in Counter(words.terms).items():
            one = self._term(term)
            parts.append((Occur.Should, Query.boost_query(one, times) if times > 1 else one))
        for phrase in words.phrases:
            # where every word of the phrase is scored, the phrase itself only has to be there
            scored = set(phrase) <= set(words.terms)
            whole = self._phrase(phrase)
            parts.append((Occur.Must, Query.const_score_query(whole, 0.0) if scored else whole))
        parts += [(Occur.MustNot, self._phrase(phrase)) for phrase in words.without]
        return Query.boolean_query(parts)

    def _among(self, query: Any, rows: Rows) -> Any:
        from tantivy import Occur, Query

        some = Query.term_set_query(self._schema, "row", rows.tolist())
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(some, 0.0))]
        )

    # ── facts ────────────────────────────────────────────────────────────────────────────────────

    def holding(self, terms: tuple[str, ...]) -> Rows:
        """All rows that hold these terms in a row, ascending: for `-word` and phrases in dense search."""
        import numpy as np

        if not len(self) or not terms:
            return np.zeros(0, np.int64)
        with damage(self.path):
            return np.sort(self._hits(self._phrase(terms), len(self))[0])

    def frequency(self, term: str) -> int:
        """How many passages hold a term."""
        with damage(self.path):
            field = "characters" if is_lone(term) else "words"
            return int(self._searcher.doc_freq(field, term))

    def coverage(self, query: str, words: ParsedQuery | None = None) -> Coverage:
        """What is known of a query's words before searching. `words`: words_of(query), if at hand."""
        distinct = list(dict.fromkeys((words or parse_query(query)).terms))
        found = {t: self.frequency(t) for t in distinct}
        n = len(self)
        weights = {t: idf(f, n) for t, f in found.items()}
        total = sum(weights.values())
        known = [t for t, f in found.items() if f]
        return Coverage(
            terms=len(distinct),
            frequency=found,
            share=len(known) / len(distinct) if distinct else 0.0,
            weight=sum(weights[t] for t in known) / total if total else 0.0,
            script=script_of(query),
            passages=n,
        )
