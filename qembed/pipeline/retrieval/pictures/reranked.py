"""Pictures among reranked texts: a reranker reads texts, so pictures keep the ranks that they had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.retrieval.reranking.job import RerankedGroup
    from qembed.store import Snapshot
    from qembed.types import Rows, Scores


def are_pictures(snapshot: Snapshot, rows: Rows) -> npt.NDArray[np.bool_]:
    """Test of each row for being a picture's, bool (n,)."""
    import numpy as np

    if snapshot.pictures is None:
        return np.zeros(len(rows), dtype=bool)
    return snapshot.pictures[rows - snapshot.manifest.base]


def in_place(
    order: Rows, scores: Scores, fixed: npt.NDArray[np.bool_] | Sequence[bool]
) -> tuple[Rows, Scores]:
    """(positions, best first, in which the fixed ones keep their ranks; scores by position).

    `order`: positions by the reranker, int64 (n,). A fixed one gets the score of the text before it, or of
    the first text, so that scores fall with the ranks.
    """
    import numpy as np

    still = np.asarray(fixed, dtype=bool)
    if not still.any():
        return order, scores
    texts = order[~still[order]]
    found = np.arange(len(order))
    found[~still] = texts
    scores = scores.copy()
    last = float(scores[texts[0]]) if len(texts) else 0.0
    for position in found.tolist():
        if still[position]:
            scores[position] = last
        last = float(scores[position])
    return found, scores


def keep_pictures(snapshot: Snapshot, rows: Rows, reranked: RerankedGroup) -> tuple[Rows, Scores]:
    """(order, final scores) of a reranked group, in which pictures keep their ranks. `rows`: before it."""
    return in_place(reranked.order, reranked.final, are_pictures(snapshot, rows))
