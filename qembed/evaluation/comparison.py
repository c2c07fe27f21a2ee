"""Several arms over the same queries: one table, the differences to a reference, a recommendation.

An arm is a way to retrieve (an instruction, a dimension, somebody else's run). What is recommended
follows from the first measure alone, by these rules:

1. An arm that is better than the reference beyond chance (after Holm's correction over all arms): the
   best of these.
2. Else, where arms are ordered by cost: the cheapest that loses no more than MARGIN, with 95 %
   confidence.
3. Else the reference stays. What is worse beyond chance is named; if nothing is, so is the number of
   queries that would be needed to tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.evaluation.measures import Report
from qembed.evaluation.significance import ALPHA, Difference, compare, corrected

RECOMMEND_MARGIN = 0.01
"""A loss in the measure that a cheaper arm may have: about what users cannot see."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What came of one way to retrieve. `axes`: what was varied, name to value."""

    axes: Mapping[str, Any]
    report: Report
    ms_per_query: float | None = None

    @property
    def name(self) -> str:
        """The values of its axes."""
        return " · ".join(str(value) for value in self.axes.values())


def compare_variants(
    arms: Sequence[Variant], reference: int, measure: str
) -> list[Difference | None]:
    """Each arm's difference to the reference in one measure, corrected together; None for itself.

    An arm may lack queries (a run made elsewhere): they count 0, as everywhere.
    """
    base = arms[reference].report.per_query
    found = [
        compare(
            measure,
            [values[measure] for values in base.values()],
            [arm.report.per_query[query][measure] for query in base],
        )
        for i, arm in enumerate(arms)
        if i != reference
    ]
    others = iter(corrected(found))
    return [None if i == reference else next(others) for i in range(len(arms))]


def variants_json(
    ablation: str, arms: Sequence[Variant], reference: int, measure: str
) -> list[dict[str, Any]]:
    """For `report_json`'s `ablations`."""
    return [
        {
            "ablation": ablation,
            "arm": arm.name,
            **arm.axes,
            "reference": i == reference,
            "measures": dict(arm.report.measures),
            "per_query": {q: values[measure] for q, values in arm.report.per_query.items()},
            "ms_per_query": None if arm.ms_per_query is None else round(arm.ms_per_query, 3),
            "difference": None if d is None else d.to_json(),
        }
        for i, (arm, d) in enumerate(
            zip(arms, compare_variants(arms, reference, measure), strict=True)
        )
    ]


def recommend(
    ablation: str,
    arms: Sequence[Variant],
    reference: int,
    measure: str,
    *,
    by_cost: bool = False,
    alpha: float = ALPHA,
) -> str:
    """The recommendation in a sentence. `by_cost`: arms are ordered, the cheapest first."""
    found = compare_variants(arms, reference, measure)
    pairs = [(arm, d) for arm, d in zip(arms, found, strict=True) if d is not None]
    name = arms[reference].name
    if not pairs:
        return f"{ablation}: there is only {name}, so there is nothing to choose."
    better = [(a, d) for a, d in pairs if d.difference > 0 and d.significant(alpha)]
    if better:
        arm, d = max(better, key=lambda pair: pair[1].difference)
        return f"{ablation}: use {arm.name} instead of {name}: {_said(d)}."
    if by_cost:
        at = list(arms).index
        cheap = [(a, d) for a, d in pairs if d.low >= -RECOMMEND_MARGIN and at(a) < reference]
        if cheap:
            arm, d = min(cheap, key=lambda pair: at(pair[0]))
            return (
                f"{ablation}: {arm.name} does as well as {name} and costs less: {_said(d)}, a loss of "
                f"more than {RECOMMEND_MARGIN:g} is unlikely."
            )
    worse = [(a, d) for a, d in pairs if d.difference < 0 and d.significant(alpha)]
    if worse:
        arm, d = min(worse, key=lambda pair: pair[1].difference)
        rest = "nothing else is better beyond chance" if len(pairs) > 1 else "it is better"
        return f"{ablation}: keep {name}, {rest}; with {arm.name} {_said(d)}."
    arm, d = max(pairs, key=lambda pair: abs(pair[1].difference))
    if math.isclose(d.difference, 0, abs_tol=1e-9):
        return f"{ablation}: keep {name}; {measure} is the same with all of them."
    queries = len(arms[reference].report.per_query)
    many = "" if d.needed is None else f" (about {d.needed:,} would be needed for this one)"
    return (
        f"{ablation}: keep {name}; over {queries:,} queries no difference can be told from chance{many}, "
        f"the largest is {arm.name}: {_said(d)}."
    )


def _said(d: Difference) -> str:
    moved = f"{'rises' if d.difference > 0 else 'falls'} by {abs(d.difference):.4f} to"
    return (
        f"{d.measure} {moved if d.difference else 'stays at'} {d.after:.4f} "
        f"(95 % interval {d.low:+.4f} to {d.high:+.4f}, p {d.p_holm:.2g})"
    )
