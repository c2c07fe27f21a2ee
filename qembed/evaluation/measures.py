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
from typing import Any, TypeAlias

from qembed.errors import InputError, UsageError
from qembed.evaluation.measure_names import DEFAULT, Measure, implementation, parse_measures
from qembed.types import Qrels, Run

__all__ = [
    "DEFAULT",
    "TIES",
    "Measure",
    "Report",
    "evaluate",
    "orders",
    "parse_measures",
    "ranked",
]

Orders: TypeAlias = dict[str, list[str]]
"""query id -> document ids, best first."""

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


def orders(qrels: Qrels, run: Run) -> Orders:
    """The ranking of every judged query, for what looks at it more than once."""
    return {query: ranked(run.get(query, {})) for query, grades in qrels.items() if grades}


def evaluate(
    measures: Sequence[Measure], qrels: Qrels, run: Run, order: Orders | None = None
) -> Report:
    """Measure a run: each measure for each judged query, and their means.

    `order`: what `orders` made of the same. Raises InputError if there are no judgments or a score is
    not a number, UsageError for a measure whose definition does not cover the judgments' grades.
    """
    judged = [query for query, grades in qrels.items() if grades]
    if not judged:
        raise InputError("there are no judgments, so there is nothing to measure")
    numbered = _numbered(judged, qrels, orders(qrels, run) if order is None else order)
    per_query: dict[str, dict[str, float]] = {query: {} for query in judged}
    means: dict[str, float] = {}
    values = _values(measures, *numbered)
    for measure in measures:
        for number, query in enumerate(judged):
            per_query[query][measure.name] = values[measure][number]
        means[measure.name] = _total(measure, values[measure])
    return Report(means, per_query, len(judged))


def _numbered(
    judged: Sequence[str], qrels: Qrels, order: Orders
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
    """Each measure for each query, in order."""
    import ir_measures

    lib: Any = ir_measures
    values = {measure: [0.0] * len(qrels) for measure in measures}
    # A query without hits is 0 by definition, and several implementations would divide by zero on
    # it. Only what describes the judgments is asked about such queries too.
    found = {query: hits for query, hits in run.items() if hits}
    together: list[Any] = []
    groups: list[list[Any]] = [together]  # which keeps them alive, and so their identities apart
    owner: dict[int, Measure] = {}  # by identity: their hash is made of their text, each time
    for measure in measures:
        m = implementation(measure)
        _check_grades(m, qrels)
        owner[id(m)] = measure
        # Asked for several at once, ir-measures can mix up variants of one measure that differ in
        # more than their cutoff; others go over the run together, which takes a third of the time.
        plain = set(m.params) <= {"cutoff"} and m.NAME not in ("NumQ", "NumRel")
        if plain:
            together.append(m)
        else:
            groups.append([m])
    for group in groups:
        asked = run if group and group[0].NAME in ("NumQ", "NumRel") else found
        if not group or not asked:
            continue
        for metric in lib.evaluator(group, qrels).iter_calc(asked):
            measure = owner.get(id(metric.measure)) or Measure(str(metric.measure))
            values[measure][int(metric.query_id)] = float(metric.value)
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
