"""Comparison of variants over the same queries: differences to a reference, and a recommendation.

A variant is a way to retrieve (an instruction, a dimension, another system's run). The recommendation follows
from the first measure alone, by these rules:

1. Variants that are better than the reference beyond chance (p and interval corrected over all, by Holm): the
   best.
2. Else, where a variant is to be cheaper: of those that lose no more than RECOMMEND_MARGIN, with confidence
   1 - alpha, the one of the lowest cost (time as measured, or size), if that is below the reference's.
3. Else the reference. A variant that is worse beyond chance is named; if none is, the number of queries that
   would show the largest difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.measures import Report
from qembed.evaluation.paired_test import least_queries
from qembed.evaluation.significance import ALPHA, Difference, compare, holm_corrected

RECOMMEND_MARGIN = 0.01
"""Acceptable loss of a cheaper variant: about what users do not notice."""
FASTER = 0.5
"""Share of the reference's time that a faster variant takes at most: times of a few milliseconds vary."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Report of one way to retrieve. `axes`: name -> value of what was varied."""

    axes: Mapping[str, Any]
    report: Report
    ms_per_query: float | None = None

    @property
    def name(self) -> str:
        """Values of the axes."""
        return " · ".join(str(value) for value in self.axes.values())


def compare_variants(
    variants: Sequence[Variant], reference: int, measure: str
) -> list[Difference | None]:
    """Difference of each variant to the reference in one measure, corrected together; None for itself.

    Queries that a variant lacks (another system's run) count 0.
    """
    base = variants[reference].report.per_query
    found = [
        compare(
            measure,
            [values[measure] for values in base.values()],
            [variant.report.per_query[query][measure] for query in base],
        )
        for i, variant in enumerate(variants)
        if i != reference
    ]
    others = iter(holm_corrected(found))
    return [None if i == reference else next(others) for i in range(len(variants))]


def variants_json(
    ablation: str, variants: Sequence[Variant], reference: int, measure: str
) -> list[dict[str, Any]]:
    """JSON of the variants, for `report_json`'s `ablations`."""
    return [
        {
            "ablation": ablation,
            "arm": variant.name,
            **variant.axes,
            "reference": i == reference,
            "measures": dict(variant.report.measures),
            "per_query": {q: values[measure] for q, values in variant.report.per_query.items()},
            "ms_per_query": None
            if variant.ms_per_query is None
            else round(variant.ms_per_query, 3),
            "difference": None if d is None else d.to_json(),
        }
        for i, (variant, d) in enumerate(
            zip(variants, compare_variants(variants, reference, measure), strict=True)
        )
    ]


def recommend(
    ablation: str,
    variants: Sequence[Variant],
    reference: int,
    measure: str,
    *,
    cheaper: Literal["time", "size"] | None = None,
    alpha: float = ALPHA,
) -> str:
    """Recommend a variant, in a sentence.

    `cheaper`: what a variant that does as well as the reference may save, its time a query, or its size,
    which is the value of its axis.
    """
    found = compare_variants(variants, reference, measure)
    pairs = [(variant, d) for variant, d in zip(variants, found, strict=True) if d is not None]
    name = variants[reference].name
    if not pairs:
        return f"{ablation}: there is only {name}, so there is nothing to choose."
    better = [(a, d) for a, d in pairs if d.difference > 0 and d.significant(alpha)]
    if better:
        variant, d = max(better, key=lambda pair: pair[1].difference)
        return f"{ablation}: use {variant.name} instead of {name}: {_describe(d, alpha)}."
    lossless = [(a, d) for a, d in pairs if d.interval(alpha)[0] >= -RECOMMEND_MARGIN]
    if cheaper and (said := _cheapest(lossless, variants[reference], cheaper, alpha)):
        return f"{ablation}: {said}"
    worse = [(a, d) for a, d in pairs if d.difference < 0 and d.significant(alpha)]
    if worse:
        variant, d = min(worse, key=lambda pair: pair[1].difference)
        rest = "nothing else is better beyond chance" if len(pairs) > 1 else "it is better"
        return f"{ablation}: keep {name}, {rest}; with {variant.name} {_describe(d, alpha)}."
    variant, d = max(pairs, key=lambda pair: abs(pair[1].difference))
    if math.isclose(d.difference, 0, abs_tol=1e-9):
        return f"{ablation}: keep {name}; {measure} is the same with all of them."
    queries = variants[reference].report.queries
    # the estimate is for many queries: where it is fewer than there are, it says nothing
    needed = max(d.needed or 0, least_queries(alpha * d.p / d.p_holm))
    many = "" if needed <= queries else f" (about {needed:,} would be needed for this one)"
    return (
        f"{ablation}: keep {name}; over {counted(queries, 'query', 'queries')} no difference can be told "
        f"from chance{many}, "
        f"the largest is {variant.name}: {_describe(d, alpha)}."
    )


def _cheapest(
    pairs: Sequence[tuple[Variant, Difference]],
    reference: Variant,
    by: Literal["time", "size"],
    alpha: float,
) -> str:
    """Recommend the cheapest of variants that do as well; "" where none is smaller, or no time is known."""
    name, unlikely = reference.name, f"a loss of more than {RECOMMEND_MARGIN:g} is unlikely"
    if by == "size":
        full = _size(reference)
        smaller = [pair for pair in pairs if _size(pair[0]) < full]
        if not smaller:
            return ""
        variant, d = min(smaller, key=lambda pair: _size(pair[0]))
        share = f"{100 * _size(variant) / full:.3g} % of the space"
        return (
            f"{variant.name} does as well as {name} in {share}: {_describe(d, alpha)}, {unlikely}."
        )
    timed = [(v.ms_per_query, v, d) for v, d in pairs if v.ms_per_query is not None]
    if reference.ms_per_query is None or not timed:
        return ""
    ms, variant, d = min(timed, key=lambda entry: entry[0])
    times = f"{ms:.2f} ms a query instead of {reference.ms_per_query:.2f}"
    if ms > FASTER * reference.ms_per_query:
        return f"keep {name}; {variant.name} does as well, but is not clearly faster ({times})."
    return f"{variant.name} does as well as {name} in {times}: {_describe(d, alpha)}, {unlikely}."


def _size(variant: Variant) -> float:
    return float(next(iter(variant.axes.values())))


def _describe(d: Difference, alpha: float) -> str:
    low, high = d.interval(alpha)
    moved = f"{'rises' if d.difference > 0 else 'falls'} by {abs(d.difference):.4f} to"
    return (
        f"{d.measure} {moved if d.difference else 'stays at'} {d.after:.4f} "
        f"({_corrected(d)}{100 * (1 - alpha):.6g} % interval {low:+.4f} to {high:+.4f}, "
        f"p {d.p_holm:.2g})"
    )


def _corrected(d: Difference) -> str:
    return "corrected " if d.p_holm > d.p else ""
