"""Reranking of several queries' candidates at once: candidates -> pairs -> scores -> order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import EncodingError
from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.pipeline.retrieval.fusion import interpolate_zscores, least_scores, log_odds

if TYPE_CHECKING:
    from qembed.pipeline.progress import Progress
    from qembed.protocols import Pair, Scorer, Tasks, Track
    from qembed.types import Rows, Scores

FIRST_SLICE, LARGEST_SLICE = 8, 256
"""Pairs per slice: of the first one, and at most."""


@dataclass(frozen=True, slots=True)
class CandidateGroup:
    """Candidates of one query, in the order of the stage before.

    `pairs`: for each candidate the (query, text) pairs to score; its best one counts. `tasks`: instruction
    of each candidate. `prior`: scores of the stage before, float32 (n,). `share`: weight of the reranker's
    scores in the final ones, the rest is the prior's.
    """

    pairs: Sequence[Sequence[Pair]]
    tasks: Sequence[str | None]
    prior: Scores
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class RerankedGroup:
    """A group's new order: positions of its candidates, best first, int64 (n,).

    `final`, `scores`: the final scores and the reranker's own, float32 (n,), by position; the reranker's is
    NaN for candidates that the budget did not reach and for those it refused. `pairs`: each candidate's pair
    of the best score, int64 (n,).
    """

    order: Rows
    final: Scores
    scores: Scores
    pairs: Rows

    def best(self, min_score: float | None, k: int | None) -> list[int]:
        """Positions, best first, down to `min_score` and to `k`; None sets no limit."""
        kept: list[int] = self.order.tolist()
        if min_score is not None:
            scores = least_scores(self.final, self.scores)
            kept = [i for i in kept if scores[i] >= min_score]
        return kept if k is None else kept[:k]


class RerankJob:
    """Groups of candidates whose pairs are scored in one call. `pairs`, `tasks`: of all groups."""

    def __init__(self, groups: Sequence[CandidateGroup]) -> None:
        self._groups = groups
        self.pairs: list[Pair] = []
        self.tasks: list[str | None] = []
        self._ranks: list[int] = []
        for group in groups:
            for rank, (pairs, task) in enumerate(zip(group.pairs, group.tasks, strict=True)):
                self.pairs += pairs
                self.tasks += [task] * len(pairs)
                self._ranks += [rank] * len(pairs)

    def run(
        self,
        spec: str,
        reranker: Scorer,
        budget: float | None = None,
        progress: Progress | None = None,
    ) -> tuple[list[RerankedGroup], RerankSummary]:
        """(the reordered groups, a summary for the user).

        `spec`: the reranker's, for the summary. `budget`: seconds of scoring, None without a limit.
        `progress`: scoring is a phase of it.
        """
        import numpy as np

        track = None
        if progress is not None:
            progress.phase("rerank", "pairs", len(self.pairs))
            track = progress.advance
        refused: list[str] = []
        scores = score_pairs(
            reranker, self.pairs, self._ranks, budget, track, tasks=self.tasks, refused=refused
        )
        found, at = [], 0
        for group in self._groups:
            best = np.full(len(group.pairs), np.nan, dtype=np.float32)
            which = np.zeros(len(group.pairs), dtype=np.int64)
            for i, pairs in enumerate(group.pairs):
                # fmax prefers numbers to NaN, which stands for pairs that were not scored
                own = scores[at : at + len(pairs)]
                best[i] = np.fmax.reduce(own, initial=np.nan)
                which[i] = np.argmax(np.nan_to_num(own, nan=-np.inf)) if len(own) else 0
                at += len(pairs)
            mixed = reranker.calibrated and group.share < 1
            weighed = log_odds(best) if mixed else best
            final, order = rerank_order(group.prior, weighed, group.share)
            found.append(RerankedGroup(order, final, best, which))
        summary = RerankSummary(
            spec=spec,
            kind=reranker.kind,
            meaning=reranker.meaning,
            calibrated=reranker.calibrated,
            pairs=len(scores),
            scored=int(np.isfinite(scores).sum()),
            refused=refused,
            truncated=list(reranker.truncated),
            note=reranker.note,
            instructed=reranker.instructed,
        )
        return found, summary


def score_pairs(
    reranker: Scorer,
    pairs: Sequence[Pair],
    ranks: Sequence[int],
    budget: float | None = None,
    track: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    tasks: Tasks = None,
    refused: list[str] | None = None,
) -> Scores:
    """Scores of the pairs, float32 (len(pairs),), NaN for pairs not scored: no time left, or refused.

    `ranks`: each pair's rank among its query's candidates. With a budget, in seconds, pairs are scored by
    rank across queries, in slices that fit at the pace so far; the first slice is always scored. `tasks`:
    each pair's instruction, for a reranker that reads one. `refused`: receives the reason of each refused
    pair. Empties `reranker.truncated` first. Raises EncodingError if all pairs are refused.
    """
    import numpy as np

    reasons = [] if refused is None else refused
    reranker.truncated.clear()
    # without tasks, equal pairs are scored once
    instructions = tasks if reranker.instructed else None
    if budget is None:
        return score_each(reranker, pairs, track, instructions, reasons)
    out = np.full(len(pairs), np.nan, dtype=np.float32)
    order = np.argsort(np.asarray(ranks), kind="stable")
    began = clock()
    done, size = 0, FIRST_SLICE
    while done < len(order) and size >= 1:
        part = order[done : done + size]
        at = part.tolist()
        some = None if instructions is None else [instructions[i] for i in at]
        out[part] = score_each(reranker, [pairs[i] for i in at], track, some, reasons)
        done += len(part)
        spent = clock() - began
        # half of the time left: pairs differ in length, and a slice cannot be interrupted
        left = budget - spent
        fits = int(left / 2 / (spent / done)) if spent > 0 else LARGEST_SLICE
        size = 0 if left <= 0 else min(max(fits, 1 if left > spent / done else 0), LARGEST_SLICE)
    return out


def score_each(
    reranker: Scorer, pairs: Sequence[Pair], track: Track | None, tasks: Tasks, reasons: list[str]
) -> Scores:
    """Scores of the pairs, NaN for those that the reranker refuses, which are found by bisection.

    Their reasons are added to `reasons`, in the pairs' order. Raises EncodingError if it refuses all pairs.
    """
    import numpy as np

    out = np.full(len(pairs), np.nan, dtype=np.float32)
    found: list[str] = []
    first_error: EncodingError | None = None
    parts = [range(len(pairs))]
    while parts:
        part = parts.pop()
        here = slice(part.start, part.stop)
        try:
            some = None if tasks is None else tasks[here]
            out[here] = reranker.score(pairs[here], track, some)
        except EncodingError as e:
            first_error = first_error or e
            if len(part) == 1:
                found.append(str(e))
                continue
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    if first_error is not None and len(found) == len(pairs):
        raise first_error
    reasons += found
    return out


def rerank_order(prior: Scores, scores: Scores, share: float = 1.0) -> tuple[Scores, Rows]:
    """(one query's final scores, float32 (n,); its candidates' positions, best first, int64 (n,)).

    `prior`: scores of the stage before, in its order. `scores`: the reranker's, NaN where not scored.
    `share`: below 1, the weight of `scores` beside `prior`, both standardised over the scored candidates.
    The others follow in their order, with scores below all scored ones that only keep the order. Ties keep
    the order of the stage before.
    """
    import numpy as np

    done = np.isfinite(scores)
    final = np.empty(len(scores), dtype=np.float32)
    final[done] = (
        scores[done] if share == 1 else interpolate_zscores(prior[done], scores[done], share)
    )
    floor = min(float(final[done].min(initial=0)), 0.0) - 2
    final[~done] = floor + 1 / (1 + np.flatnonzero(~done))
    return final, np.argsort(-final, kind="stable")
