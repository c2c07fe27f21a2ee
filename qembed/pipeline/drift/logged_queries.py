"""Queries of the feedback log: whether later ones find less than earlier ones, by their best cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.drift.scores import LOW, low_scores
from qembed.drift.signal import Signal
from qembed.errors import QembedError
from qembed.feedback.text_hash import is_hashed
from qembed.pipeline.feedback.whole_log import read_log
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.types import Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.feedback.records import LoggedQuery
    from qembed.pipeline.retrieval.session import Session

LEAST = 50
"""Distinct queries, earlier or later, below which they tell nothing."""
MOST = 500
"""Distinct queries of each side that are searched again, the latest ones."""
SHOWN = 10
BATCH = 64


@dataclass(frozen=True, slots=True)
class QueriesFound:
    """Signal on logged queries; None, and the reason, where they tell nothing ("" without a log)."""

    signal: Signal | None
    why: str = ""


def compare_queries(session: Session, since: float, progress: Progress) -> QueriesFound:
    """Compare the queries since a time, seconds since 1970, with those before. Encodes both."""
    try:
        log = read_log(session.root, empty=True)
    except QembedError as e:
        return QueriesFound(None, str(e))
    asked = [q for q in log.queries if q.client_kind != "test" and q.text.strip()]
    if not asked:
        return QueriesFound(None)
    if all(is_hashed(q.text) for q in asked):
        return QueriesFound(None, "the log has hashes of queries only: they cannot be asked again")
    asked = [q for q in asked if not is_hashed(q.text)]
    earlier = _distinct([q for q in asked if q.time < since])
    later = _distinct([q for q in asked if q.time >= since])
    if min(len(earlier), len(later)) < LEAST:
        return QueriesFound(
            None,
            f"{len(later):,} distinct queries since then and {len(earlier):,} before: {LEAST} of both are "
            "needed to compare them",
        )
    progress.phase("ask queries again", "queries", len(earlier) + len(later))
    scores = _best(session, later, progress)
    found = low_scores(_best(session, earlier, progress), scores)
    return QueriesFound(
        Signal(
            "queries",
            found.effect,
            found.test.p,
            f"{found.share:.0%} of the queries find less than all but {LOW:.0%} of the earlier ones did",
            [{"text": later[i], "score": round(float(scores[i]), 4)} for i in found.low[:SHOWN]],
            details={"limit": round(found.limit, 4), "earlier": len(earlier), "later": len(later)},
        )
    )


def _distinct(queries: Sequence[LoggedQuery]) -> list[str]:
    """Distinct texts of the latest queries, MOST at most."""
    ordered = sorted(queries, key=lambda q: q.time, reverse=True)
    return list(dict.fromkeys(q.text for q in ordered))[:MOST]


def _best(session: Session, texts: Sequence[str], progress: Progress) -> npt.NDArray[np.float64]:
    """Best cosine of each query, float64 (n,)."""
    import numpy as np

    retriever = Retriever(session, QueryOptions(mode="dense", k=1, memory=False))
    best: list[float] = []
    for at in range(0, len(texts), BATCH):
        if progress.stop():
            raise KeyboardInterrupt
        queries = [Query(str(i), t) for i, t in enumerate(texts[at : at + BATCH])]
        for ranked in retriever.retrieve(queries).queries:
            assert ranked.dense is not None
            best.append(float(ranked.dense[0]) if len(ranked.dense) else -1.0)
        progress.advance(len(queries))
    return np.array(best)
