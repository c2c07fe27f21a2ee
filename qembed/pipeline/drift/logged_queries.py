"""Queries of the feedback log: whether later ones find less than earlier ones, or nothing that stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.drift.scores import LOW, low_scores
from qembed.drift.signal import Signal
from qembed.errors import QembedError
from qembed.evaluation.formats.source_file import counted
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
WORK = 100_000_000
"""Queries of a side times passages, at most: without a graph each query is compared with each passage."""
SHOWN = 10
BATCH = 64
DEPTH = 10
"""Passages of a query. What it is about stands out if the best one's cosine is well above the last one's."""


@dataclass(frozen=True, slots=True)
class QueriesFound:
    """Signals on logged queries: best cosines, and gaps behind them. None, and the reason, where they tell
    nothing ("" without a log).
    """

    signal: Signal | None
    why: str = ""
    gaps: Signal | None = None


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
    most = most_asked(session.snapshot.passages_total)
    earlier = _distinct([q for q in asked if q.time < since], most)
    later = _distinct([q for q in asked if q.time >= since], most)
    if min(len(earlier), len(later)) < LEAST:
        return QueriesFound(
            None,
            f"{counted(len(later), 'distinct query', 'distinct queries')} since then and "
            f"{len(earlier):,} before: {LEAST} of both are needed to compare them",
        )
    progress.phase("ask queries again", "queries", len(earlier) + len(later))
    scores, before = (_scores(session, texts, progress) for texts in (later, earlier))

    def signal(name: str, column: int, said: str) -> Signal:
        ours = scores[:, column]
        found = low_scores(before[:, column], ours)
        return Signal(
            name,
            found.effect,
            found.test.p,
            f"{found.share:.0%} of the queries {said} all but {LOW:.0%} of the earlier ones did",
            [{"text": later[i], "score": round(float(ours[i]), 4)} for i in found.low[:SHOWN]],
            details={"limit": round(found.limit, 4), "earlier": len(earlier), "later": len(later)},
        )

    return QueriesFound(
        signal("queries", 0, "find less than"),
        gaps=signal("gaps", 1, "have passages less set apart than"),
    )


def most_asked(passages: int) -> int:
    """Number of queries of a side that are asked of so many passages, at most: from 2 * LEAST to MOST."""
    return max(2 * LEAST, min(MOST, WORK // max(1, passages)))


def _distinct(queries: Sequence[LoggedQuery], most: int) -> list[str]:
    """Distinct texts of the latest queries, at most so many."""
    ordered = sorted(queries, key=lambda q: q.time, reverse=True)
    return list(dict.fromkeys(q.text for q in ordered))[:most]


def _scores(session: Session, texts: Sequence[str], progress: Progress) -> npt.NDArray[np.float64]:
    """Best cosine of each query, and how far the DEPTH-th one lies below it: float64 (n, 2)."""
    import numpy as np

    retriever = Retriever(session, QueryOptions(mode="dense", k=DEPTH, memory=False))
    found: list[tuple[float, float]] = []
    for at in range(0, len(texts), BATCH):
        if progress.stop():
            raise KeyboardInterrupt
        queries = [Query(str(i), t) for i, t in enumerate(texts[at : at + BATCH])]
        for ranked in retriever.retrieve(queries).queries:
            assert ranked.dense is not None
            cosines = [float(c) for c in ranked.dense[:DEPTH]] or [-1.0]
            found.append((cosines[0], cosines[0] - cosines[-1]))
        progress.advance(len(queries))
    return np.array(found)
