"""Folds: a division of queries for cross-validation. Components stay whole."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.source_file import counted

MIN_QUERIES = 20
"""Fewest queries that are divided: with fewer, no gain of a usual size is beyond chance."""
SEED = 20_261_129


def make_folds(
    components: Sequence[Sequence[int]], k: int = 5, seed: int = SEED
) -> list[list[int]]:
    """Divide components into k folds of about equal size; each fold is a rising list of its queries.

    The largest component goes first, each to the smallest fold; the seed orders components of equal size.
    Raises UsageError for fewer than two folds, InputError for fewer than MIN_QUERIES queries or fewer
    components than folds.
    """
    import numpy as np

    n = sum(map(len, components))
    if k < 2:
        raise UsageError(f"--folds {k}: at least 2")
    if n < MIN_QUERIES:
        raise InputError(
            f"{n} judged queries can be used, {MIN_QUERIES} is the least: with fewer no gain can be told "
            "from chance (judge more: qembed eval pool)"
        )
    if len(components) < k:
        raise InputError(
            f"the {n} queries fall into {counted(len(components), 'group')} by common relevant documents "
            f"or words, which makes no {k} folds (judge queries about other documents, or fewer --folds)"
        )
    order = np.random.default_rng(seed).permutation(len(components)).tolist()
    order.sort(key=lambda c: -len(components[c]))
    folds: list[list[int]] = [[] for _ in range(k)]
    for c in order:
        min(folds, key=len).extend(components[c])
    return [sorted(fold) for fold in folds]


def random_folds(n: int, k: int = 5, seed: int = SEED) -> list[list[int]]:
    """Divide n queries into k folds at random, without regard to components."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(n)
    return [sorted(part.tolist()) for part in np.array_split(order, k)]
