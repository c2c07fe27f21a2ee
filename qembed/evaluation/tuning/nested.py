"""Nested cross-validation: what is chosen on some queries is judged on others.

For each fold, the whole choice is made anew on the queries outside it, and what it chose is compared with
the reference on the queries inside. The mean of the gains of all folds is that of the procedure on queries
that it has not seen, however many settings it tries. Their spread is not: see `selection_test`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Positions = npt.NDArray[np.int64]

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class HeldOut(Generic[A]):
    """Held-out gains, float64 (n,), NaN for queries in no fold. `chosen`: the arm of each fold."""

    gains: Values
    chosen: list[A]


def held_out_gains(
    folds: Sequence[Sequence[int]],
    choose: Callable[[Positions], A],
    scores: Callable[[A], Values],
    reference: A,
) -> HeldOut[A]:
    """Gain of each query under the arm that was chosen without its fold.

    `choose`: an arm from the queries at the given positions, int64, rising. `scores`: values of an arm for
    all queries, float64 (n,).
    """
    import numpy as np

    base = scores(reference)
    gains = np.full(len(base), np.nan)
    chosen = []
    inside = np.array(sorted(i for fold in folds for i in fold), dtype=np.int64)
    for fold in folds:
        out = np.array(sorted(fold), dtype=np.int64)
        arm = choose(np.setdiff1d(inside, out, assume_unique=True))
        chosen.append(arm)
        gains[out] = scores(arm)[out] - base[out]
    return HeldOut(gains, chosen)


def queries_with_seen_documents(
    folds: Sequence[Sequence[int]], documents: Sequence[Iterable[str]]
) -> Positions:
    """Positions of the queries with a relevant document that a query of another fold has, int64, rising.

    Queries in no fold are left out.
    """
    import numpy as np

    fold_of = {i: n for n, fold in enumerate(folds) for i in fold}
    owners: dict[str, set[int]] = {}
    for i, relevant in enumerate(documents):
        for document in relevant if i in fold_of else ():
            owners.setdefault(document, set()).add(fold_of[i])
    return np.array(
        [
            i
            for i, relevant in enumerate(documents)
            if i in fold_of and any(owners[document] - {fold_of[i]} for document in relevant)
        ],
        dtype=np.int64,
    )


def simplest_of_the_best(values: Sequence[Values], cost: Sequence[float]) -> int:
    """Position of the simplest arm that is within one standard error of the best mean.

    `values`: of each arm over the same queries, float64 (n,). `cost`: of each arm, the lower the simpler;
    among equal ones the better mean, then the earlier one, goes first. The standard error is that of the
    paired difference to the best arm (Breiman et al. 1984, the rule of one standard error).
    """
    import numpy as np

    means = [float(v.mean()) for v in values]
    best = max(range(len(values)), key=lambda i: (means[i], -i))
    for i in sorted(range(len(values)), key=lambda i: (cost[i], -means[i], i)):
        lost = values[best] - values[i]
        error = float(lost.std(ddof=1)) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
        if means[best] - means[i] <= error + 1e-12:
            return i
    raise AssertionError("the best arm is within one standard error of itself")
