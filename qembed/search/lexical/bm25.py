"""BM25 search: words to row ids and scores, in a tantivy index that grows with the corpus.

Tantivy, compared with two others on 100,000 passages of 100 words (two cores, a process a query):

    engine            build, ms a passage   size    one query           100 passages more
    SQLite FTS5       0.13                  39 MB   160 to 510 ms       cheap
    tantivy           0.08                  28 MB   1 to 6 ms           67 KB written
    bm25s             -                     -       0.6 s to import     all anew

FTS5 visits every passage with any of the words and reads its length from a table; tantivy skips passages
that cannot be among the best. Its segments are immutable, `meta.json` is replaced atomically, and readers
keep the files they opened, so a reader needs no lock beside a writer.

The engine fixes k1 = 1.2 and b = 0.75. In nDCG@10, 1.5 and 0.75 would be better by .002 on
SciFact and on CoSQA, 0.9 and 0.4 worse by .004 and .025. Lengths above 40 terms are rounded down by up to
an eighth, as in Lucene, which costs .003 on SciFact. Statistics count dead rows until a compaction.

The analyzer makes the terms, which the engine gets separated by spaces, and queries are built as objects:
there is no query syntax to inject.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.search.lexical.analyzer import is_lone
from qembed.search.lexical.files import engine_errors, open_index
from qembed.search.lexical.query import ParsedQuery, parse_query
from qembed.search.topk import best_first, top

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores

MAX_TERM_SET = 10_000
"""Wanted rows up to which they become a clause of the query, if they are few of all rows."""
HITS_BEYOND = 16
"""Hits asked for beyond k, so that ties at the border and dead rows rarely need a second search."""


class Coverage(NamedTuple):
    """Statistics of a query's terms in the corpus, for weighing words against meaning.

    `terms`: number of distinct terms without stop words. `frequency`: term -> passages with it.
    `share`: share of the terms that occur. `weight`: the same, each term weighted by its idf.
    `passages`: passages in the index.
    """

    terms: int
    frequency: Mapping[str, int]
    share: float
    weight: float
    passages: int


def idf(frequency: int, passages: int) -> float:
    """Weight of a term in BM25, ln(1 + (N - n + 0.5) / (n + 0.5)); never negative."""
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


class _Scope(NamedTuple):
    """Rows of a search: [base, end), of these those in `mask`, bool (end - base,). None: no limit."""

    base: int
    end: int | None
    mask: npt.NDArray[np.bool_] | None

    @property
    def size(self) -> int | None:
        """Number of rows in the mask, None without one."""
        return None if self.mask is None else int(self.mask.sum())

    def rows(self) -> Rows:
        """Row ids of the mask, ascending."""
        import numpy as np

        assert self.mask is not None
        return np.flatnonzero(self.mask) + self.base

    def contains(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of the rows are in scope, bool (n,)."""
        inside = rows >= self.base
        if self.end is not None:
            inside &= rows < self.end
        if self.mask is not None:
            inside[inside] = self.mask[rows[inside] - self.base]
        return inside


class LexicalIndex:
    """Lexical index opened for reading: a snapshot, which no writer changes."""

    def __init__(self, path: Path, index: Any) -> None:
        self.path = path
        self._schema = index.schema
        with engine_errors(path):
            self._searcher = index.searcher()

    @classmethod
    def open(cls, path: Path, sums: bool = False) -> LexicalIndex:
        """Open the index in the folder `path`, in milliseconds.

        Reads the footers of all files, which shows missing and truncated ones; with `sums` also compares
        the checksums, about a millisecond a megabyte. Raises LexicalIndexDamaged.
        """
        return cls(path, open_index(path, sums))

    def __len__(self) -> int:
        """Number of passages, dead ones included."""
        return int(self._searcher.num_docs)

    # ── searching ─────────────────────────────────────────────────────────────────────────────────

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
        """Return the k best rows in [base, upto) and their BM25 scores, best first, ties by the smaller row.

        `live`, `allowed`: bool over the rows from `base` on, None for all. `upto` None: no end. `least`: so
        many rows are enough, if the search for k ended within a tie, which is left out; all rows that tie
        with the last of these come with them, even beyond k. Exact: a masked row never takes the place of
        another. Raises LexicalIndexDamaged.
        """
        import numpy as np

        words = parse_query(query) if isinstance(query, str) else query
        mask = live if allowed is None else allowed if live is None else live & allowed
        scope = _Scope(base, upto if mask is None else base + len(mask), mask)
        size = scope.size
        if not words or k < 1 or not len(self) or size == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        with engine_errors(self.path):
            wanted = self._query(words)
            if mask is not None and size is not None and size <= min(MAX_TERM_SET, len(mask) // 8):
                found = self._hits(self._within(wanted, scope.rows()), size)
                return top(*found, k if least is None else size)
            return self._best(wanted, k, scope, least)

    def _best(self, query: Any, k: int, scope: _Scope, least: int | None) -> tuple[Rows, Scores]:
        """Ask for more and more hits until those in scope are certain, or there are no more."""
        limit = k + HITS_BEYOND
        enough = k if least is None else min(least, k)
        while True:
            rows, scores = self._hits(query, limit)
            certain = scope.contains(rows)
            complete = len(rows) < limit
            if not complete:
                certain &= scores > scores[-1]  # rows that tie with the last may have been left out
            if complete or int(certain.sum()) >= enough:
                return best_first(rows[certain], scores[certain], k if least is None else len(rows))
            limit = min(max(limit * 4, 1000), len(self) + 1)

    def _hits(self, query: Any, limit: int) -> tuple[Rows, Scores]:
        """Return at most `limit` best rows and scores in the engine's order."""
        import numpy as np

        hits = self._searcher.search(query, limit=limit, count=False).hits
        if not hits:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        rows = self._searcher.fast_field_values("row", list(map(itemgetter(1), hits)))
        scores = np.fromiter(map(itemgetter(0), hits), np.float32, len(hits))
        return np.array(rows, dtype=np.int64), scores

    # ── engine queries ────────────────────────────────────────────────────────────────────────────

    def _term(self, term: str) -> Any:
        import tantivy

        # a lone Chinese character is no pair: it is in the field of single characters
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
            # where each term of the phrase is scored by itself, the phrase adds no score
            scored = set(phrase) <= set(words.terms)
            whole = self._phrase(phrase)
            parts.append((Occur.Must, Query.const_score_query(whole, 0.0) if scored else whole))
        parts += [(Occur.MustNot, self._phrase(phrase)) for phrase in words.without]
        return Query.boolean_query(parts)

    def _within(self, query: Any, rows: Rows) -> Any:
        from tantivy import Occur, Query

        some = Query.term_set_query(self._schema, "row", rows.tolist())
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(some, 0.0))]
        )

    # ── statistics ────────────────────────────────────────────────────────────────────────────────

    def rows_with(self, terms: tuple[str, ...]) -> Rows:
        """Return all rows with these terms in sequence, ascending: `-word` and phrases of dense search."""
        import numpy as np

        if not len(self) or not terms:
            return np.zeros(0, np.int64)
        with engine_errors(self.path):
            return np.sort(self._hits(self._phrase(terms), len(self))[0])

    def frequency(self, term: str) -> int:
        """Return the number of passages with a term."""
        with engine_errors(self.path):
            field = "characters" if is_lone(term) else "words"
            return int(self._searcher.doc_freq(field, term))

    def coverage(self, query: str, words: ParsedQuery | None = None) -> Coverage:
        """Return the statistics of a query's terms. `words`: the parsed query, if at hand."""
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
            passages=n,
        )
