"""Votes on a query that was asked before, in its answer: what comes first, what is not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from qembed.errors import refusal
from qembed.feedback.votes.memory import Remembered, VoteMemory
from qembed.pipeline.retrieval.learned.near_votes import Instructions, near_queries

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.retrieval.ranking import RankedQuery
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Query, Rows, Vectors

STEP = 1e-4
"""Scores of documents that votes put first are so far above the best one found."""
MOST_ROWS = 1000
"""Further passages searched for in place of those that are not shown."""


class QueryVotes:
    """Votes on the queries of a call and on near-equal ones, by query id. An unreadable log has none.

    `warnings` say so. `vectors`: of the queries, float32 (n, dim); None where words alone are searched: there
    no query is near-equal. `instructions`: texts that are encoded for queries.
    """

    def __init__(
        self,
        session: Session,
        queries: Sequence[Query],
        vectors: Vectors | None,
        instructions: Instructions,
    ) -> None:
        self._session = session
        self._of: dict[str, Remembered] = {}
        self.warnings: list[str] = []
        try:
            memory = VoteMemory.open(session.root)
        except OSError as e:
            memory = None
            said = "answers do not follow them (qembed verify says more)"
            self.warnings.append(f"votes on queries cannot be read ({refusal(e)}): {said}")
        if memory is not None:
            near = (
                {}
                if vectors is None
                else near_queries(session, memory, queries, vectors, instructions)
            )
            found = {q.id: memory.of(q.text, near.get(q.id)) for q in queries}
            self._of = {name: votes for name, votes in found.items() if votes}
        self._rows: dict[str, Rows] = {}
        if self._of:
            ids = session.snapshot.catalog.id_index()
            for name in {d for votes in self._of.values() for d in (*votes.first, *votes.never)}:
                self._rows[name] = _rows_of(session, ids.find(name))

    def further(self, by_document: bool) -> int:
        """Rows or documents to search for beyond those wanted, in place of what is not shown."""
        most = 0
        for votes in self._of.values():
            rows = sum(len(self._rows[d]) for d in votes.never)
            most = max(most, len(votes.never) if by_document else rows)
        return min(most, MOST_ROWS)

    def drop(self, ranked: RankedQuery) -> None:
        """Take out of a query's rows what is never to be shown for it."""
        import numpy as np

        votes = self._of.get(ranked.query.id)
        never = [self._rows[d] for d in sorted(votes.never)] if votes else []
        if not never:
            return
        keep = ~np.isin(ranked.rows, np.concatenate(never))
        gone = {d for d in votes.never if len(self._rows[d])} if votes else set()
        if votes and gone:
            ranked.votes = f"never {_named(sorted(gone), votes)}"
        ranked.keep(np.flatnonzero(keep))

    def promote(
        self, ranked: RankedQuery, filtered: Callable[[str | None, str], Allowed | None]
    ) -> None:
        """Bring the documents that were voted for to the top; one that was not found is put there.

        `filtered`: rows that pass the filters of a query with a filter and id, within which it must be.
        """
        import numpy as np

        votes = self._of.get(ranked.query.id)
        if not votes or not votes.first:
            return
        allowed = filtered(ranked.query.where, ranked.query.id)
        first: list[str] = []
        rows: list[int] = []
        for name in votes.first:
            own = self._rows[name]
            if allowed is not None:
                own = own[np.isin(own, allowed.rows)]
            found = np.flatnonzero(np.isin(ranked.rows, own))
            if not len(own):
                continue
            rows.append(int(ranked.rows[found[0]]) if len(found) else self._best(ranked, own))
            first.append(name)
        if rows:
            _put_first(ranked, rows, self._session)
            said = f"first {_named(first, votes)}"
            ranked.votes = "; ".join(filter(None, (said, ranked.votes)))

    def _best(self, ranked: RankedQuery, rows: Rows) -> int:
        """Row of a document's passage nearest to the query; its first where no vectors were searched."""
        if ranked.vector is None or len(rows) == 1:
            return int(rows[0])
        return int(rows[self._session.search.cosines(ranked.vector, rows).argmax()])


def _named(documents: Iterable[str], votes: Remembered) -> str:
    """Documents, with the near-equal query that they were voted on for."""
    told = []
    for name in documents:
        text, cosine = votes.near.get(name, (None, 1.0))
        told.append(name if text is None else f"{name} (near-equal {text!r}, cosine {cosine:.3f})")
    return ", ".join(told)


def _rows_of(session: Session, position: int | None) -> Rows:
    import numpy as np

    if position is None:  # it left the index
        return np.zeros(0, dtype=np.int64)
    return session.snapshot.rows_of(np.array([position], dtype=np.int64))


def _put_first(ranked: RankedQuery, rows: Sequence[int], session: Session) -> None:
    """Put rows before all others of a query, with scores above theirs."""
    import numpy as np

    at = {row: i for i, row in enumerate(ranked.rows.tolist())}
    new = np.array([row for row in rows if row not in at], dtype=np.int64)
    if len(new):
        ranked.add(
            new,
            None
            if ranked.vector is None
            else np.asarray(session.search.cosines(ranked.vector, new), dtype=np.float32),
        )
        at = {row: i for i, row in enumerate(ranked.rows.tolist())}
    top = [at[row] for row in rows]
    rest = [i for i in range(len(at)) if i not in set(top)]
    known = ranked.scores[np.isfinite(ranked.scores)]
    best = float(known.max()) if len(known) else 0.0
    ranked.scores = ranked.scores.copy()
    for place, i in enumerate(top):
        ranked.scores[i] = best + STEP * (len(top) - place)
    ranked.keep(np.array(top + rest, dtype=np.int64))
