"""Measures of a run, computed by trec_eval through ir-measures.

Means are over every query with a judgment, as of `trec_eval -c`. A query without hits counts 0, and so does
one whose judgments are all 0 or negative. Queries of the run without judgments are left out.

Ties: documents of equal score are ordered by document id, *descending* by code point, trec_eval's order.
ir-measures computes some measures (RR@k, Judged@k) by code that orders them the other way round, so the run
is put into strict order first, once for all measures. Scores are compared as float32, as trec_eval stores
them: `trec_eval -c` over a run written by qembed prints the same values.

Unjudged documents stay, and only a measure's own cutoff truncates the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qembed.errors import InputError, UsageError
from qembed.evaluation.measure_names import (
    DEFAULT,
    Measure,
    cutoff,
    implementation,
    is_count,
    parse_measures,
)
from qembed.types import Qrels, Run

__all__ = [
    "DEFAULT",
    "TIES",
    "Measure",
    "Report",
    "evaluate",
    "rankings",
    "parse_measures",
    "rank_documents",
]

Rankings: TypeAlias = dict[str, list[str]]
"""Query id -> document ids, best first."""

TIES = "by score (as float32), then by document id descending, as trec_eval does"


@dataclass(frozen=True, slots=True)
class Report:
    """Measures over `queries` judged queries.

    `measures`: name -> mean over the queries (sum for the counting measures NumQ, NumRet and NumRel, as in
    trec_eval). `per_query`: query id -> name -> value.
    """

    measures: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int


def rank_documents(hits: Mapping[str, float]) -> list[str]:
    """Order document ids as they are measured, best first.

    Raises InputError for a score that is not a number.
    """
    import numpy as np

    values = list(hits.values())
    if len(values) == 1 and not math.isnan(values[0]):
        return list(hits)
    with np.errstate(over="ignore"):  # beyond float32 is infinity to trec_eval too
        scores = np.array(values, dtype=np.float64).astype(np.float32)
    if np.isnan(scores).any():
        bad = [document for document, score in hits.items() if math.isnan(score)]
        raise InputError("scores that are not numbers", [f"document {d!r}: NaN" for d in bad])
    pairs = sorted(zip(scores.tolist(), hits, strict=True), reverse=True)
    return [document for _, document in pairs]


def rankings(qrels: Qrels, run: Run) -> Rankings:
    """Rank the documents of every judged query, for callers that need the rankings several times."""
    return {query: rank_documents(run.get(query, {})) for query, grades in qrels.items() if grades}


def evaluate(
    measures: Sequence[Measure], qrels: Qrels, run: Run, order: Rankings | None = None
) -> Report:
    """Compute each measure for each judged query, and the means.

    `order`: the result of `rankings`, if at hand. Raises InputError if there are no judgments or a score is
    not a number, UsageError for a measure that is not defined for the judgments' grades.
    """
    judged = [query for query, grades in qrels.items() if grades]
    if not judged:
        raise InputError("there are no judgments, so there is nothing to measure")
    numbered = _numbered(judged, qrels, rankings(qrels, run) if order is None else order)
    per_query: dict[str, dict[str, float]] = {query: {} for query in judged}
    means: dict[str, float] = {}
    values = _values(measures, *numbered)
    for measure in measures:
        for number, query in enumerate(judged):
            per_query[query][measure.name] = values[measure][number]
        means[measure.name] = _aggregate(measure, values[measure])
    return Report(means, per_query, len(judged))


def _numbered(
    judged: Sequence[str], qrels: Qrels, order: Rankings
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Replace ids of judgments and run by numbers, and scores by ones that fall by 1 from rank to rank.

    trec_eval ends ids at a NUL, gdeval splits them at blanks and keeps only the number after a dash:
    numbers survive both. Grades below 0 become -1, which means the same. A query of only such grades gets a
    0 for a document that cannot be retrieved: trec_eval sets its number of grades only where it sees one
    from 0 up, and reads uninitialised memory otherwise.
    """
    new_qrels: dict[str, dict[str, int]] = {}
    new_run: dict[str, dict[str, float]] = {}
    for number, query in enumerate(judged):
        names = {document: str(rank) for rank, document in enumerate(order[query])}
        deep = len(names)
        lost = sorted(document for document in qrels[query] if document not in names)
        names |= {d: str(n) for n, d in enumerate(lost, deep)}
        grades = {names[d]: max(g, -1) for d, g in qrels[query].items()}
        new_qrels[str(number)] = grades if max(grades.values()) >= 0 else grades | {"nobody": 0}
        new_run[str(number)] = {str(rank): float(deep - rank) for rank in range(deep)}
    return new_qrels, new_run


def _values(
    measures: Sequence[Measure], qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]
) -> dict[Measure, list[float]]:
    """Compute each measure for each query, in order."""
    import ir_measures

    lib: Any = ir_measures
    values = {measure: [0.0] * len(qrels) for measure in measures}
    # A query without hits is 0 by definition, and several implementations would divide by zero. Only
    # measures of the judgments themselves are computed for such queries.
    found = {query: hits for query, hits in run.items() if hits}
    together: list[Any] = []
    groups: list[list[Any]] = [together]  # keeps the objects alive, so that their ids stay distinct
    owner: dict[int, Measure] = {}  # by identity: hashing one formats its text each time
    for measure in measures:
        m = implementation(measure)
        _check_grades(m, qrels)
        owner[id(m)] = measure
        # Given several at once, ir-measures can mix up variants of one measure that differ in more than
        # their cutoff; the others are computed together, which takes a third of the time.
        plain = set(m.params) <= {"cutoff"} and m.NAME not in ("NumQ", "NumRel")
        if plain:
            together.append(m)
        else:
            groups.append([m])
    for group in groups:
        asked = run if group and group[0].NAME in ("NumQ", "NumRel") else found
        if not group or not asked:
            continue
        try:
            for metric in lib.evaluator(group, qrels).iter_calc(asked):
                measure = owner.get(id(metric.measure)) or Measure(str(metric.measure))
                values[measure][int(metric.query_id)] = float(metric.value)
        except (
            ArithmeticError,
            TypeError,
            ValueError,
        ) as e:  # as Accuracy, if nothing found is irrelevant
            names = ", ".join(map(str, group))
            raise UsageError(f"{names} cannot be computed for these hits ({e})") from e
    return values


def _check_grades(m: Any, qrels: dict[str, dict[str, int]]) -> None:
    """Raise UsageError for grades above 4 with measures of gdeval, which fails on them."""
    if m.NAME == "ERR" or (m.NAME == "nDCG" and m["dcg"] == "exp-log2"):
        highest = max(max(grades.values()) for grades in qrels.values())
        if highest > 4:
            raise UsageError(f"{m} is defined for grades up to 4; the judgments go up to {highest}")


def _aggregate(measure: Measure, values: Sequence[float]) -> float:
    total = math.fsum(values)
    return total if is_count(measure.name) else total / len(values)


def too_shallow(run: Run, measures: Sequence[Measure]) -> str | None:
    """Warning on a run that was cut above the cutoff of a measure; None if it was not.

    A run is taken for cut if half of its queries have exactly as many documents as the longest one.
    """
    lengths = [len(documents) for documents in run.values()]
    depth = max(lengths, default=0)
    if len(lengths) < 2 or 2 * lengths.count(depth) < len(lengths):
        return None
    beyond = [m.name for m in measures if (cutoff(m.name) or 0) > depth]
    if not beyond:
        return None
    most = f"{depth:,} document{'s' * (depth != 1)}"
    return f"the run has {most} a query at most: {', '.join(beyond)} can see no further"
