"""Round trip: of the queries that were made, those that find the passage that they were made for.

What does not is too general ("Introduction"), or about something else (Dai et al. 2023, "Promptagator").
"""

from __future__ import annotations

from collections.abc import Sequence

from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.made_queries import MadeQuery
from qembed.types import Query

BATCH = 256


def keep_found(
    session: Session, made: Sequence[MadeQuery], best: int, progress: Progress
) -> list[MadeQuery]:
    """Queries whose passage is among the `best` of the index by meaning or by words."""
    retriever = Retriever(session, QueryOptions())
    progress.phase("round trip", "queries", len(made))
    kept = []
    for start in range(0, len(made), BATCH):
        if progress.stop():
            raise KeyboardInterrupt
        part = made[start : start + BATCH]
        texts = retriever.instructions([Query(q.id, q.text) for q in part])
        by_meaning, _ = session.search.vector_search(retriever.encode(texts), best, "exact")
        for query, (rows, _) in zip(part, by_meaning, strict=True):
            if query.row in rows.tolist() or _by_words(session, query, best):
                kept.append(query)
        progress.advance(len(part))
    return kept


def _by_words(session: Session, query: MadeQuery, best: int) -> bool:
    found = session.search.lexical_search(query.text, best)
    return found is not None and query.row in found[0].tolist()
