"""Order of equal scores: by the row, as a search has it, or by places that a session gives.

Measures order documents of equal score by id. A search that cuts such documents by their rows would make a
measure depend on how deep it went, and on the order in which documents were indexed. So it goes on until the
tie at its end is over, and takes those of the tie that have the first places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from qembed.search.topk import distinct

if TYPE_CHECKING:
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


def whole_ties(
    found: Sequence[Hits],
    asked: int,
    k: int,
    deeper: Callable[[list[int], int], Sequence[Hits]],
    places: Places,
) -> list[Hits]:
    """The k best hits of each query, best first, those of equal score by their places.

    `found`: of a search for `asked` > k hits. `deeper`: the hits of some of the queries, by position, in a
    search for so many. It is called only where the tie at the k-th hit goes on to the end.
    """
    import numpy as np

    out = list(found)
    left = [i for i, hits in enumerate(out) if _goes_on(hits, asked, k - 1)]
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
                if _goes_on(hits, asked, int(border[0])):
                    again.append(i)
                else:
                    tied = hits[0][hits[1] == hits[1][border[0]]]
                    out[i] = _with_tied(found[i], tied, k)
        left = again
    ordered = []
    for rows, scores in out:
        order = best_first(rows, scores, places)[:k]
        ordered.append((rows[order], scores[order]))
    return ordered


def _goes_on(hits: Hits, asked: int, at: int) -> bool:
    """True if passages beyond the hits may tie with the one at a position."""
    rows, scores = hits
    return len(rows) >= asked and bool(scores[-1] == scores[at])


def _with_tied(hits: Hits, tied: Rows, k: int) -> Hits:
    """Hits above the k-th one's score, and all that tie with it."""
    import numpy as np

    rows, scores = hits
    above = scores > scores[k - 1]
    more = distinct([rows[scores == scores[k - 1]], tied[~np.isin(tied, rows[above])]])
    border = np.full(len(more), scores[k - 1], dtype=scores.dtype)
    return np.concatenate([rows[above], more]), np.concatenate([scores[above], border])
