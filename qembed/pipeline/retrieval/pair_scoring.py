"""Pairs to scores within a time, and what becomes of candidates that were not reached.

candidates -> slices by rank, across queries -> scores (NaN: not scored) -> order
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.pipeline.retrieval.fusion import mixed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Pair, Scorer, Scores, Tasks

FIRST_SLICE, LARGEST_SLICE = 8, 256
"""Pairs scored before the clock is looked at: at first, and when the pace is known."""


def summarize_rerank(spec: str, reranker: Scorer, scores: Scores) -> RerankSummary:
    """Summary of one rerank. `scores`: of all pairs, NaN for pairs that were not scored."""
    import numpy as np

    return RerankSummary(
        spec=spec,
        kind=reranker.kind,
        meaning=reranker.meaning,
        calibrated=reranker.calibrated,
        pairs=len(scores),
        scored=int(np.isfinite(scores).sum()),
        truncated=list(reranker.truncated),
        note=reranker.note,
    )


def score_pairs(
    reranker: Scorer,
    pairs: Sequence[Pair],
    ranks: Sequence[int],
    budget: float | None = None,
    track: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    tasks: Tasks = None,
) -> Scores:
    """float32 (len(pairs),), NaN for pairs that the budget (seconds of scoring) did not reach.

    tasks: each pair's instruction, for a reranker that reads one.
    ranks: each pair's place among its query's candidates. With a budget the best candidate of every
    query goes first, then every second one, and so on, in slices that the pace so far lets expect to fit;
    the first slice is always scored.
    """
    import numpy as np

    reranker.truncated.clear()
    # a reranker that reads none scores equal pairs once, whatever their tasks
    told = tasks if reranker.instructed else None
    if budget is None:
        return reranker.score(pairs, track, told)
    out = np.full(len(pairs), np.nan, dtype=np.float32)
    order = np.argsort(np.asarray(ranks), kind="stable")
    began = clock()
    done, size = 0, FIRST_SLICE
    while done < len(order) and size >= 1:
        part = order[done : done + size]
        at = part.tolist()
        some = None if told is None else [told[i] for i in at]
        out[part] = reranker.score([pairs[i] for i in at], track, some)
        done += len(part)
        spent = clock() - began
        # half of what is left at a time: pairs differ in length, and a slice cannot be broken off
        left = budget - spent
        fits = int(left / 2 / (spent / done)) if spent > 0 else LARGEST_SLICE
        size = 0 if left <= 0 else min(max(fits, 1 if left > spent / done else 0), LARGEST_SLICE)
    return out


def ordered(
    first: Scores, rerank: Scores, share: float = 1.0
) -> tuple[Scores, npt.NDArray[np.int64]]:
    """One query's final scores and its candidates' positions, best first.

    first: the stage before, in its order. share: below 1, `rerank` is mixed with `first` by so much, both
    standardised over what was scored. What was not scored follows in the order it came, with scores below
    all the others: they only keep the order.
    """
    import numpy as np

    done = np.isfinite(rerank)
    final = np.empty(len(rerank), dtype=np.float32)
    final[done] = rerank[done] if share == 1 else mixed(first[done], rerank[done], share)
    floor = min(float(final[done].min(initial=0)), 0.0) - 2
    final[~done] = floor + 1 / (1 + np.flatnonzero(~done))
    # ties keep the order they came in
    return final, np.argsort(-final, kind="stable")
