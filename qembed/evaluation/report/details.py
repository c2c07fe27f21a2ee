"""Details of a report: documents returned for each query, and recall by depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qembed.evaluation.measures import Rankings, rankings
from qembed.types import Qrels, Query, Run

DOCUMENTS_SHOWN = 10
"""Documents of each query in a report."""
RECALL_DEPTHS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)


def details_json(
    queries: Sequence[Query],
    qrels: Qrels,
    run: Run,
    titles: Mapping[str, str],
    order: Rankings | None = None,
) -> dict[str, Any]:
    """JSON of every judged query, for `report_json`'s `details`: words, judgments, best hits.

    `found`: number of documents in the run. `ranks`: of the documents with a positive grade among them.
    """
    words = {q.id: q.text for q in queries}
    order = rankings(qrels, run) if order is None else order
    found = {}
    for query, grades in qrels.items():
        if not grades:
            continue
        hits = run.get(query, {})
        found[query] = {
            "text": words.get(query, ""),
            "judged": dict(sorted(grades.items(), key=lambda pair: (-pair[1], pair[0]))),
            "returned": [
                {
                    "id": document,
                    "title": titles.get(document, ""),
                    "score": _finite(hits[document]),
                    "grade": grades.get(document),
                }
                for document in order[query][:DOCUMENTS_SHOWN]
            ],
            "found": len(order[query]),
            "ranks": {
                document: rank
                for rank, document in enumerate(order[query], 1)
                if grades.get(document, 0) > 0
            },
        }
    return found


def _finite(score: float) -> float | None:
    """A score for JSON, which has no infinite numbers."""
    return round(float(score), 6) if math.isfinite(score) else None


def recall_curve(
    run: Run, qrels: Qrels, depth: int | None = None, order: Rankings | None = None
) -> list[list[float]]:
    """Compute [[k, mean R@k], …] down to the depth of the run (None: its longest ranking)."""
    deepest = depth or max((len(hits) for hits in run.values()), default=0)
    depths = [k for k in RECALL_DEPTHS if k <= deepest]
    order = rankings(qrels, run) if order is None else order
    shares: list[list[float]] = [[] for _ in depths]
    for query, grades in qrels.items():
        if not grades:
            continue
        relevant = {document for document, grade in grades.items() if grade > 0}
        at = [rank for rank, document in enumerate(order[query]) if document in relevant]
        for share, k in zip(shares, depths, strict=True):
            share.append(sum(rank < k for rank in at) / len(relevant) if relevant else 0.0)
    return [[k, math.fsum(s) / len(s)] for k, s in zip(depths, shares, strict=True) if s]
