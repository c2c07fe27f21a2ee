"""Documents of passages: how deep to search for enough of them, and the score of each.

    best       a document's score is that of its best passage
    mean:K     mean of its K best passages, of all where it has fewer
    decay:D    sum of (score - lowest) with weights 1, D, D², … from its best passage on

Passages that the search did not find count as the lowest score of those found for the query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qembed.pipeline.retrieval.options import parse_document_score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.retrieval.ranking import Candidates
    from qembed.store import Snapshot
    from qembed.types import Rows, Scores

F = TypeVar("F")


def passages_to_ask(depth: int, total: int, documents: int) -> int:
    """Passages to search for `depth` documents, of `total` passages of `documents` documents.

    A document has total / documents passages on average, and the best ones have more among the top.
    """
    return min(total, depth * max(1, -(-2 * total // documents)))


def deepen(
    find: Callable[[int], Sequence[F]],
    rows_of: Callable[[F], int],
    count: Callable[[F], int],
    depth: int,
    total: int,
    documents: int,
) -> Sequence[F]:
    """Search ever deeper until each query has `depth` documents, or all there are.

    `find`: what a search for so many passages finds for each query. `rows_of`, `count`: number of its
    passages, and of their documents. `total`, `documents`: how many there are.
    """
    documents = max(1, documents)
    ask = passages_to_ask(depth, total, documents)
    while True:
        found = find(ask)
        # fewer than asked for: no other passage has the words
        exhausted = all(rows_of(f) < ask for f in found)
        fewest = min((count(f) for f in found), default=depth)
        if fewest >= min(depth, documents) or ask >= total or exhausted:
            return found
        ask = min(total, ask * 4)


def first_of_each(documents: Rows) -> Rows:
    """Positions of each document's first passage, rising, int64. `documents`: of the passages in order."""
    import numpy as np

    if not len(documents):
        return np.zeros(0, dtype=np.int64)
    return np.sort(np.unique(documents, return_index=True)[1])


def group_scores(scores: Scores, starts: Rows, lowest: Scores, sizes: Rows, method: str) -> Scores:
    """Score of each document, float32 (n,).

    `scores`: of passages, float32, each document's in falling order from `starts` on. `lowest`: score of a
    passage that was not found, float32 (n,). `sizes`: number of each document's passages, int64 (n,).
    """
    import numpy as np

    kind, value = parse_document_score(method)
    best = scores[starts]
    if kind == "best":
        return best
    found = np.diff(np.append(starts, len(scores)))
    rank = np.arange(len(scores)) - np.repeat(starts, found)
    # in double precision, so that documents with equal scores stay equal whatever the lowest is
    floor = lowest.astype(np.float64)
    above = scores - np.repeat(floor, found)
    if kind == "mean":
        wanted = np.minimum(int(value), sizes)
        above[rank >= int(value)] = 0.0
        total = np.add.reduceat(above, starts) / wanted
    else:
        total = np.add.reduceat(above * value**rank, starts)
    return np.asarray(floor + total, dtype=np.float32)


def document_scores(
    scores: Scores, documents: Rows, sizes: npt.NDArray[np.int64], method: str
) -> tuple[Rows, Scores]:
    """(positions of each document's best passage, best document first, int64; the documents' scores).

    `scores`: of one query's passages, falling, float32; `documents`: of each passage, int64; `sizes`: number
    of passages of each passage's document. Ties keep the order of the best passages.
    """
    import numpy as np

    if method == "best" or not len(scores):
        at = first_of_each(documents)
        return at, scores[at]
    order = np.argsort(documents, kind="stable")
    starts = np.flatnonzero(np.diff(documents[order], prepend=-1))
    lowest = np.full(len(starts), scores[-1], dtype=np.float32)
    found = group_scores(scores[order], starts, lowest, sizes[order][starts], method)
    at = order[starts]
    best = np.lexsort((at, -found))
    return at[best], found[best]


def best_of_documents(snapshot: Snapshot, found: Candidates, method: str) -> Candidates:
    """The best passage of each document with the document's score, best first."""
    import numpy as np

    documents = snapshot.positions_of(found.rows)
    sizes = np.ones(len(documents), np.int64)
    if method != "best":
        sizes = snapshot.catalog.pointers()[1][documents]
    at, scores = document_scores(found.scores, documents, sizes, method)
    best = found.take(at)
    best.scores = scores
    return best
