"""Test whether clicks follow the documents, or position alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from qembed.feedback.propensity.click_log import ClickLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DRAWS = 499
ANSWERS = 20_000
"""Answers that are looked at, drawn at random from more."""
FEWEST = 30
"""Answers that can be compared with one of the same query, fewest for a test."""

TELLING = 200
"""Such answers from which on a test that sees nothing says that clicks follow position alone: with fewer it
would miss much of what there is."""

Verdict = Literal["documents", "position", "unknown"]


@dataclass(frozen=True, slots=True)
class ClickTest:
    """Result. `verdict`: what clicks follow: documents, position alone, or unknown for too few repeats.

    `p`: of the hypothesis that they follow position alone; None without a test. `answers`: clicked answers to
    queries that others clicked on too.
    """

    verdict: Verdict
    p: float | None
    answers: int

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return {"verdict": self.verdict, "p": self.p, "answers": self.answers}


def click_test(log: ClickLog, alpha: float = 0.05, seed: int = 0, draws: int = DRAWS) -> ClickTest:
    """Permutation test: which ranks are clicked does not depend on which documents stand there.

    Under this hypothesis the patterns of clicks can be exchanged among answers with as many hits and as many
    clicks, whatever model of position the users follow: the test is exact. The statistic is the sum over
    documents of (clicks - expected)² / expected, where expected is the mean of the patterns; it grows if the
    same document is clicked again and again. Answers to a query that nobody else clicked on have no say.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(log.clicks.any(axis=1))
    if len(rows) > ANSWERS:
        rows = np.sort(rng.choice(rows, ANSWERS, replace=False))
    repeated = np.bincount(log.groups[rows], minlength=1)[log.groups[rows]] > 1
    rows = rows[repeated]
    strata = _strata(log, rows)
    movable = np.bincount(strata, minlength=1)[strata] > 1 if len(rows) else np.zeros(0, np.bool_)
    if int(movable.sum()) < FEWEST:
        return ClickTest("unknown", None, int(movable.sum()))
    rows = rows[movable]
    strata = strata[movable]
    clicks = log.clicks[rows].astype(np.float64)
    shown = log.documents[rows] >= 0
    codes, code = np.unique(log.documents[rows][shown], return_inverse=True)
    order = np.argsort(strata, kind="stable")
    bounds = np.flatnonzero(np.diff(strata[order], prepend=-1, append=strata.max() + 1))
    means = np.empty_like(clicks)
    for start, end in pairwise(bounds.tolist()):
        means[order[start:end]] = clicks[order[start:end]].mean(axis=0)
    expected = np.bincount(code, weights=means[shown], minlength=len(codes))
    able = expected > 0

    def statistic(pattern: npt.NDArray[np.float64]) -> float:
        found = np.bincount(code, weights=pattern[shown], minlength=len(codes))
        return float((((found - expected) ** 2)[able] / expected[able]).sum())

    observed = statistic(clicks)
    moved = np.empty(len(rows), dtype=np.int64)
    as_large = 0
    for _ in range(draws):
        shuffled = order[np.lexsort((rng.random(len(rows)), strata[order]))]
        moved[order] = shuffled
        as_large += statistic(clicks[moved]) >= observed - 1e-9
    p = (1 + as_large) / (1 + draws)
    if p <= alpha:
        return ClickTest("documents", p, len(rows))
    return ClickTest("position" if len(rows) >= TELLING else "unknown", p, len(rows))


def _strata(log: ClickLog, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Code of the ranks shown and the number of clicks, int64 (len(rows),)."""
    import numpy as np

    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    keys = np.column_stack([log.documents[rows] >= 0, log.clicks[rows].sum(axis=1)])
    _, found = np.unique(keys.astype(np.int64), axis=0, return_inverse=True)
    return np.asarray(found, dtype=np.int64).reshape(-1)
