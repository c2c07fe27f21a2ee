"""Both searches of a session with ties in the session's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.ties.order import best_hits, whole_ties
from qembed.search.dense.coded import products

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.retrieval.pictures.kind_search import KindSearch
    from qembed.pipeline.retrieval.session import Session
    from qembed.pipeline.retrieval.ties.order import Places
    from qembed.search import Plan
    from qembed.search.dense.planner import Search
    from qembed.search.lexical.query import ParsedQuery
    from qembed.types import Rows, Scores, Vectors


LEXICAL_DEPTH = 1000
"""Lexical hits that are looked up for the scores of dense candidates."""
HITS_BEYOND = 16
"""Hits asked for beyond k, so that a tie at the border rarely needs a second search."""
TOLERANCE = 2e-6
"""By which cosines of equal vectors may differ in a product of matrices in float32."""
ROWS_PER_PRODUCT = 1 << 13
"""Vectors multiplied at a time, in double precision."""


class TiedVectorSearch:
    """Vector search whose ties are in the session's order, in the place of IndexSearch.

    Cosines are computed anew: in a product of matrices those of equal vectors may differ in the last bits,
    by where they stand in it, and so with the number of queries and of passages.
    """

    def __init__(self, session: Session, places: Places, kinds: KindSearch | None) -> None:
        self._session = session
        self._search = session.search if kinds is None else kinds
        self._kinds = kinds
        self._places = places

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """(the k best rows and cosines of each query vector; how they were found)."""
        # a graph is searched the more broadly, the more hits are asked for
        ask = k + (1 if wanted == "graph" else HITS_BEYOND)
        found, plan = self._search.vector_search(vectors, ask, wanted, ef, allowed)

        def deeper(part: list[int], ask: int) -> list[tuple[Rows, Scores]]:
            # a graph leads to some of very many equal passages
            return self._search.vector_search(vectors[part], ask, "exact", ef, allowed)[0]

        whole = whole_ties(found, ask, k, deeper, TOLERANCE)
        return [
            best_hits(rows, self.cosines(vector, rows), k, self._places)
            for vector, (rows, _) in zip(vectors, whole, strict=True)
        ], plan

    def cosines(self, vector: Vectors, rows: Rows) -> Scores:
        """Cosine of a query vector, float32 (dim,), with each of the rows; equal for equal vectors."""
        import numpy as np

        exact = np.empty(len(rows), dtype=np.float32)
        for at in range(0, len(rows), ROWS_PER_PRODUCT):
            part = slice(at, at + ROWS_PER_PRODUCT)
            exact[part] = products(self._session.search.vectors(rows[part]), vector)
        return exact if self._kinds is None else self._kinds.calibrated(vector, rows, exact)


def lexical_search(
    session: Session,
    query: str | ParsedQuery,
    k: int,
    allowed: Allowed | None = None,
    least: int | None = None,
) -> tuple[Rows, Scores] | None:
    """Search by words. Arguments and result as of IndexSearch; where the session orders ties, so are they.

    With `least`, this order holds for so many of the best.
    """
    import numpy as np

    search, places = session.search.lexical_search, session.ties
    if places is None:
        found = search(query, k, allowed, least)
        return None if found is None else (found[0][:k], found[1][:k])
    best = k if least is None else min(k, least)
    # words of short texts give many ties: a search for more costs less than a second one
    ask = max(k, best + 1, LEXICAL_DEPTH)
    found = search(query, ask, allowed, best + 1)
    if found is None:
        return None

    def deeper(_: list[int], more: int) -> Sequence[tuple[Rows, Scores]]:
        hits = search(query, more, allowed, best + 1)
        return [found if hits is None else hits]

    # only a search here gives more than was asked for: whole ties
    is_whole = len(found[0]) > ask
    (whole,) = whole_ties([found], len(found[0]) + 1 if is_whole else ask, best, deeper)
    first = best_hits(*whole, best, places)
    rest = ~np.isin(found[0], first[0])
    rows = np.concatenate([first[0], found[0][rest]])[:k]
    return rows, np.concatenate([first[1], found[1][rest]])[:k]
