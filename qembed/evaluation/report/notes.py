"""Notes under the tables of a report: what intervals, p values and times are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.paired_test import least_queries
from qembed.evaluation.significance import ALPHA

MS_PER_QUERY = (
    "ms/query: searching and ranking alone, the mean over queries answered in batches, without encoding "
    "them"
)
MS_AND_LATENCY = "; the latency above is of single queries, encoding included"
UNTIMED = "–"
"""Cell of a row without a time, in a table in which others have one."""
MS_UNTIMED = (
    f"ms/query is {UNTIMED} where a reranker works: it scores the pairs of all rows together, so that none "
    "has a time of its own."
)


def latency_text(latency: Mapping[str, Any]) -> str:
    """Describe a report's `latency` in a sentence."""
    return (
        f"One query took {1000 * latency['median']:.1f} ms (median), "
        f"{1000 * latency['p95']:.1f} ms (95th percentile of {latency['queries']}), asked one at a time, "
        f"encoding included; the first one, with the model loaded, {latency['cold']:.2f} s."
    )


def ablation_notes(
    variants: Sequence[Mapping[str, Any]], latency: Mapping[str, Any] | None
) -> list[str]:
    """Explain the table of one ablation: correction, times. `latency`: of the report, if it has some."""
    many = sum(v.get("difference") is not None for v in variants)
    notes = _too_few(len(variants[0].get("per_query") or ()) if variants else 0)
    if many > 1:
        notes.append(
            f"Interval and p are corrected for {many} comparisons made at once (Holm): an interval leaves "
            f"out 0 where p is at most {ALPHA:g}."
        )
    if has_times(variants):
        notes.append(f"{MS_PER_QUERY}{MS_AND_LATENCY if latency else ''}.")
        if any(v.get("ms_per_query") is None for v in variants):
            notes.append(MS_UNTIMED)
    return notes


def has_times(variants: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if a row has a time: else the column is left out."""
    return any(v.get("ms_per_query") is not None for v in variants)


def comparison_notes(comparison: Mapping[str, Any]) -> list[str]:
    """Explain the table of a comparison with a baseline."""
    notes = _too_few(comparison.get("queries") or 0)
    if len(comparison.get("measures") or {}) > 1:
        notes.append(
            "Interval and p are of each measure by itself; --max-drop-significant corrects both for the "
            "measures that it names (Holm)."
        )
    return notes


def _too_few(queries: int) -> list[str]:
    """Say that so few queries cannot show any difference; [] where they can, or their number is not known."""
    least = least_queries(ALPHA)
    if not 0 < queries < least:
        return []
    many = f"{counted(queries, 'query', 'queries')} {'gives' if queries == 1 else 'give'}"
    return [
        f"{many} no evidence of any difference, nor that there is none: {least} are needed at least."
    ]
