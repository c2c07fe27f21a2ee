"""From judgments and a run to numbers, computed by trec_eval through ir-measures.

What is averaged: every query that has a judgment, as `trec_eval -c` does. A query without hits
counts 0, and so does one whose judgments are all 0 or negative. Queries of the run without judgments
are left out.

Ties: documents of equal score are ordered by document id, *descending* by code point. That is
trec_eval's own order; ir-measures hands some measures (RR@k, Judged@k) to code that orders them the
other way round, so here the run is put into strict order first, once for all measures. Scores are
compared as float32, because trec_eval stores them so: doubles closer than that are ties to it, and
`trec_eval -c` over a run we wrote must print what we print.

What this does not do: drop unjudged documents, or cut the run; a measure's own cutoff does that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.quality.measure_names import DEFAULT, Measure, implementation, parse_measures
from qembed.types import Qrels, Run

__all__ = ["DEFAULT", "TIES", "Measure", "Report", "evaluate", "parse_measures", "ranked"]

TIES = "by score (as float32), then by document id descending, as trec_eval does"


@dataclass(frozen=True, slots=True)
class Report:
    """Measures over `queries` judged queries.

    `measures`: name to mean over the queries (to the sum for the counting measures NumQ, NumRet and
    NumRel, as in trec_eval). `per_query`: query id to name to value.
    """

    measures: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int


def ranked(hits: Mapping[str, float]) -> list[str]:
    """Document ids in the order in which they are measured, best first.

    Raises InputError for a score that is not a number.
    """
    import numpy as np

    with np.errstate(over="ignore"):  # beyond float32 is infinity to trec_eval too
        scores = np.fromiter(hits.values(), dtype=np.float64, count=len(hits)).astype(np.float32)
    if np.isnan(scores).any():
        bad = [document for document, score in hits.items() if math.isnan(score)]
        raise InputError("scores that are not numbers", [f"document {d!r}: NaN" for d in bad])
    pairs = sorted(zip(scores.tolist(), hits, strict=True), reverse=True)
    return [document for _, document in pairs]


def evaluate(measures: Sequence[Measure], qrels: Qrels, run: Run) -> Report:
    """Measure a run: each measure for each judged query, and their means.

    Raises InputError if there are no judgments or a score is not a number, UsageError for a measure
    whose definition does not cover the judgments' grades.
    """
    judged = [query for query, grades in qrels.items() if grades]
    if not judged:
        raise InputError("there are no judgments, so there is nothing to measure")
    numbered = _numbered(judged, qrels, run)
    per_query: dict[str, dict[str, float]] = {query: {} for query in judged}
    means: dict[str, float] = {}
    for measure in measures:
        values = _values(measure, *numbered)
        for number, query in enumerate(judged):
            per_query[query][measure.name] = values[number]
        means[measure.name] = _total(measure, values)
    return Report(means, per_query, len(judged))


def _numbered(
    judged: Sequence[str], qrels: Qrels, run: Run
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Judgments and run under numbers for ids, scores falling by one from rank to rank.

    trec_eval ends ids at a NUL, gdeval splits them at blanks and drops all but a number behind a
    dash: numbers survive all of them. Every grade below 0 becomes -1, which means the same. A query
    of nothing but those gets a 0 for a document that nobody can retrieve: trec_eval sets its number
    of grades only where it sees one from 0 up, and otherwise walks what memory happens to hold.
    """
    new_qrels: dict[str, dict[str, int]] = {}
    new_run: dict[str, dict[str, float]] = {}
    for number, query in enumerate(judged):
        order = ranked(run.get(query, {}))
        found = {document: str(rank) for rank, document in enumerate(order)}
        lost = sorted(document for document in qrels[query] if document not in found)
        names = found | {d: str(n) for n, d in enumerate(lost, len(order))}
        grades = {names[d]: max(g, -1) for d, g in qrels[query].items()}
        new_qrels[str(number)] = grades if max(grades.values()) >= 0 else grades | {"nobody": 0}
        new_run[str(number)] = {str(rank): float(len(order) - rank) for rank in range(len(order))}
    return new_qrels, new_run


def _values(
    measure: Measure, qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]
) -> list[float]:
    """The measure for each query, in order."""
    import ir_measures

    lib: Any = ir_measures
    m = implementation(measure)
    _check_grades(m, qrels)
    # A query without hits is 0 by definition, and several implementations would divide by zero on
    # it. Only what describes the judgments is asked about such queries too.
    if m.NAME not in ("NumQ", "NumRel"):
        run = {query: hits for query, hits in run.items() if hits}
    values = [0.0] * len(qrels)
    if run:
        # One evaluator for each measure: asked for several at once, ir-measures can mix up variants
        # of one measure that differ only in gains.
        for metric in lib.evaluator([m], qrels).iter_calc(run):
            values[int(metric.query_id)] = float(metric.value)
    return values


def _check_grades(m: Any, qrels: dict[str, dict[str, int]]) -> None:
    """gdeval, which computes these two, is defined for grades up to 4 and dies of others."""
    if m.NAME == "ERR" or (m.NAME == "nDCG" and m["dcg"] == "exp-log2"):
        highest = max(max(grades.values()) for grades in qrels.values())
        if highest > 4:
            raise UsageError(f"{m} is defined for grades up to 4; the judgments go up to {highest}")


def _total(measure: Measure, values: Sequence[float]) -> float:
    from ir_measures.measures import SumAgg

    total = math.fsum(values)
    return (
        total if isinstance(implementation(measure).aggregator(), SumAgg) else total / len(values)
    )
