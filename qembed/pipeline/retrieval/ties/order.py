"""Order of equal scores: by the row, as a search has it, or by places that a session gives.

Measures order documents of equal score by id. A search that cuts such documents by their rows would make a
measure depend on how deep it went, and on the order in which documents were indexed. So it goes on until the
tie at its end is over, and takes those of the tie that have the first places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from qembed.store import Snapshot
    from qembed.types import Rows, Scores

    Places: TypeAlias = Callable[[Rows], Rows]
    """Place of each row among rows of equal score, int64 (n,)."""
    Hits: TypeAlias = tuple[Rows, Scores]

GROWTH = 4
"""Factor by which a search whose tie is not over goes deeper."""
MOST_HITS = 4_000_000
"""Hits asked for in one call: limits memory where very many passages are equal."""


def best_first(rows: Rows, scores: Scores, places: Places | None) -> Rows:
    """Positions of the rows by falling score, int64 (n,). `places` None: ties by the smaller row."""
    import numpy as np

    return np.lexsort((rows, -scores) if places is None else (rows, places(rows), -scores))


def id_order(ids: Sequence[str]) -> Rows:
    """Place of each document among documents of equal score, int64 (n,): the larger id goes first.

    This is the order of trec_eval.
    """
    import numpy as np

    found = np.empty(len(ids), dtype=np.int64)
    order = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
    found[np.array(order, dtype=np.int64)] = np.arange(len(ids))
    return found


def order_by_id(snapshot: Snapshot) -> Places:
    """Places of an index's passages by their documents' ids, as `id_order` has them."""
    known: list[Rows] = []

    def places(rows: Rows) -> Rows:
        if not known:
            known.append(id_order(snapshot.catalog.ids()))
        return known[0][snapshot.positions_of(rows)]

    return places


def whole_ties(
    found: Sequence[Hits],
    asked: int,
    k: int,
    deeper: Callable[[list[int], int], Sequence[Hits]],
    tolerance: float = 0.0,
) -> list[Hits]:
    """Hits of each query, at least the k best, with all that may tie with the k-th of them.

    `found`: of a search for `asked` > k hits. `deeper`: the hits of some of the queries, by position, in a
    search for so many. It is called only where the tie at the k-th hit goes on to the end. `tolerance`:
    by which equal scores may differ.
    """
    import numpy as np

    out = list(found)
    left = [i for i, hits in enumerate(out) if _goes_on(hits, asked, k - 1, tolerance)]
    while left:
        asked *= GROWTH
        again = []
        size = max(1, MOST_HITS // asked)
        for at in range(0, len(left), size):
            part = left[at : at + size]
            for i, hits in zip(part, deeper(part, asked), strict=True):
                # the last bits of a score may differ between two searches: its own has the border
                border = np.flatnonzero(hits[0] == found[i][0][k - 1])
                if not len(border):
                    continue
                if _goes_on(hits, asked, int(border[0]), tolerance):
                    again.append(i)
                else:
                    tied = np.abs(hits[1] - hits[1][border[0]]) <= tolerance
                    out[i] = _with_rows(found[i], hits[0][tied], float(found[i][1][k - 1]))
        left = again
    return out


def best_hits(rows: Rows, scores: Scores, k: int, places: Places) -> Hits:
    """The k best hits, those of equal score by their places."""
    order = best_first(rows, scores, places)[:k]
    return rows[order], scores[order]


def _goes_on(hits: Hits, asked: int, at: int, tolerance: float) -> bool:
    """True if passages beyond the hits may tie with the one at a position."""
    rows, scores = hits
    return len(rows) >= asked and bool(scores[-1] >= scores[at] - tolerance)


def _with_rows(hits: Hits, rows: Rows, score: float) -> Hits:
    """Hits, and the rows that are not among them with a score."""
    import numpy as np

    new = rows[~np.isin(rows, hits[0])]
    more = np.full(len(new), score, dtype=hits[1].dtype)
    return np.concatenate([hits[0], new]), np.concatenate([hits[1], more])
