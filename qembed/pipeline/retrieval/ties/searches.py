"""Both searches of a session with ties in the session's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.ties.order import whole_ties

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.retrieval.index_search import IndexSearch
    from qembed.pipeline.retrieval.pictures.kind_search import KindSearch
    from qembed.pipeline.retrieval.session import Session
    from qembed.pipeline.retrieval.ties.order import Places
    from qembed.search import Plan
    from qembed.search.dense.planner import Search
    from qembed.search.lexical.query import ParsedQuery
    from qembed.types import Rows, Scores, Vectors


class TiedVectorSearch:
    """Vector search whose ties are ordered by `places`, in the place of IndexSearch."""

    def __init__(self, search: IndexSearch | KindSearch, places: Places) -> None:
        self._search = search
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
        found, plan = self._search.vector_search(vectors, k + 1, wanted, ef, allowed)

        def deeper(part: list[int], ask: int) -> list[tuple[Rows, Scores]]:
            # a graph leads to some of very many equal passages
            return self._search.vector_search(vectors[part], ask, "exact", ef, allowed)[0]

        return whole_ties(found, k + 1, k, deeper, self._places), plan

    def cosines(self, vector: Vectors, rows: Rows) -> Scores:
        """Cosine of a query vector, float32 (dim,), with each of the rows, in their order."""
        return self._search.cosines(vector, rows)


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
        return search(query, k, allowed, least)
    best = k if least is None else min(k, least)
    ask = max(k, best + 1)
    found = search(query, ask, allowed, None if least is None else best + 1)
    if found is None:
        return None

    def deeper(_: list[int], more: int) -> Sequence[tuple[Rows, Scores]]:
        hits = search(query, more, allowed)
        return [found if hits is None else hits]

    (first,) = whole_ties([found], ask, best, deeper, places)
    rest = ~np.isin(found[0], first[0])
    rows = np.concatenate([first[0], found[0][rest]])[:k]
    return rows, np.concatenate([first[1], found[1][rest]])[:k]
