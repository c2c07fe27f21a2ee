"""Signals of every judged query: candidates of both searches, from which fusion is computed without another.

One dense and one lexical search a text give what every mode, weight and document score needs. Candidates of
all queries lie in flat arrays, those of one query together, in it those of one document; an arm is then a
few operations over all of them. The result is what `eval` measures of the same options: a run of DEPTH
documents, nDCG@10 with trec_eval's order of ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning.pools import DEPTH, search_pools
from qembed.pipeline.retrieval.by_document import group_scores
from qembed.pipeline.retrieval.candidates import hits_weight
from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION, RRF, SPREAD
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.postprocess import maximal_marginal_relevance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.experiments.tuning.judged_queries import JudgedQueries
    from qembed.types import Rows, Scores, Vectors

    Values = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]


class Signals:
    """Candidates of the judged queries under one text of each, and the values of any arm over them.

    `builder`: of the same queries, in the same order. `vectors`: of the texts, float32 (n, dim).
    """

    def __init__(self, builder: RunBuilder, judged: JudgedQueries, vectors: Vectors) -> None:
        import numpy as np

        self._builder, self._judged = builder, judged
        self._session = builder.session
        found = search_pools(builder, judged.queries, vectors)
        self._searched = [f.searched for f in found]
        pools = [f.pool for f in found]
        # identical documents of other queries' pools must stay apart: groups are of one query
        owner = np.repeat(np.arange(len(pools)), [len(p.rows) for p in pools])
        rows = np.concatenate([p.rows for p in pools])
        documents = self._session.snapshot.positions_of(rows)
        order = np.lexsort((rows, builder.tie_order[documents], owner))
        self._owner, self.rows, self._documents = owner[order], rows[order], documents[order]
        self.cosines = np.concatenate([p.cosines for p in pools])[order]
        self.bm25 = np.concatenate([p.bm25 for p in pools])[order]
        sizes = [len(p.rows) for p in pools]
        self._near = _ranks([p.near for p in pools], sizes)[order]
        self._words = _ranks([p.words for p in pools], sizes)[order]
        self._plain = _ranks([f.plain for f in found], sizes)[order]
        scale = np.concatenate(
            [np.ones(len(p.rows), bool) if p.scale is None else p.scale for p in pools]
        )[order]
        n = len(pools)
        self._low = _per_query(np.minimum, self.cosines, self._owner, n, scale)
        high = _per_query(np.maximum, self.cosines, self._owner, n, scale)
        self._spread = np.maximum(high - self._low, SPREAD)
        self._top = _per_query(np.maximum, self.bm25, self._owner, n, None)
        change = (np.diff(self._owner, prepend=-1) != 0) | (
            np.diff(self._documents, prepend=-1) != 0
        )
        self._starts = np.flatnonzero(change)
        self._group = np.cumsum(change) - 1
        self._group_owner = self._owner[self._starts]
        self._group_documents = self._documents[self._starts]
        first = np.searchsorted(self._group_owner, np.arange(n))
        self._column = np.arange(len(self._starts)) - first[self._group_owner]
        self._width = int(self._column.max(initial=0)) + 1
        self._sorted: tuple[QueryOptions, tuple[Rows, Rows, Rows]] | None = None
        self._hidden = self._find_hidden()
        self._find_relevant()

    # ── judgments ────────────────────────────────────────────────────────────────────────────────

    def _find_hidden(self) -> Mask:
        """Groups that are the query itself, which a run leaves out, bool (groups,)."""
        import numpy as np

        position = self._builder.positions
        itself = {}
        for n, q in enumerate(self._judged.queries):
            if q.id in position:
                at = np.array([position[q.id]], dtype=np.int64)
                rows = self._session.snapshot.rows_of(at)
                if any(self._builder.is_itself(q, rows[[i]]) for i in range(len(rows))):
                    itself[n] = position[q.id]
        hidden = np.zeros(len(self._starts), dtype=bool)
        for n, document in itself.items():
            hidden |= (self._group_owner == n) & (self._group_documents == document)
        return hidden

    def _find_relevant(self) -> None:
        """Find the groups with a positive grade, their queries, columns and grades."""
        import numpy as np

        position = self._builder.positions
        grades = [
            {position[d]: g for d, g in self._judged.qrels[q.id].items() if g > 0 and d in position}
            for q in self._judged.queries
        ]
        gains = np.array(
            [
                grades[q].get(d, 0)
                for q, d in zip(
                    self._group_owner.tolist(), self._group_documents.tolist(), strict=True
                )
            ],
            dtype=np.float64,
        )
        at = np.flatnonzero((gains > 0) & ~self._hidden)
        self._relevant = self._group_owner[at], self._column[at], gains[at]
        self._ideal = self._judged.ideal_gains()

    def constants(self) -> list[str]:
        """Constants of mode auto that change a weight here: keys of `arms.CONSTANTS`."""
        signals = [s.signals for s in self._searched if s.signals is not None]
        changes = {
            "covered": any(s.confidence is None for s in signals),
            "decay": any(s.confidence is not None for s in signals),
            "code": any(s.code > 0 for s in signals),
            "unread": any(s.readable < 1 for s in signals),
        }
        return [name for name, changed in changes.items() if changed]

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def final_scores(self, options: QueryOptions) -> tuple[Scores, Mask]:
        """(fused score of each candidate, float32 (N,); which of them the mode finds, bool (N,))."""
        import numpy as np

        if options.mode == "dense":
            return self.cosines, self._plain >= 0
        if options.mode == "lexical":
            return self.bm25, self._words >= 0
        parameters = options.fusion_parameters or DEFAULT_FUSION
        b = np.array(
            [
                hits_weight(s if options.mode == "auto" else s._replace(signals=None), parameters).b
                for s in self._searched
            ]
        )
        words = np.array([len(s.lexical[0]) > 0 for s in self._searched]) & (b > 0)
        both = words[self._owner]
        found = (self._near >= 0) | (both & (self._words >= 0))
        if options.fusion == "rrf":
            final = np.zeros(len(self.rows), dtype=np.float32)
            for ranks in (self._near, self._words):
                final += np.where(ranks >= 0, 1.0 / (RRF + 1 + ranks), 0.0).astype(np.float32)
        else:
            low, spread, top = self._low, self._spread, self._top
            share = self.bm25 / np.where(top > 0, top, np.float32(1))[self._owner]
            apart = (self.cosines - low[self._owner]) / spread[self._owner]
            weight = b.astype(np.float32)[self._owner]
            total = (1 + b).astype(np.float32)[self._owner]
            final = low[self._owner] + spread[self._owner] * (apart + weight * share) / total
        return np.where(both, final, self.cosines), found

    def document_scores(self, options: QueryOptions) -> Scores:
        """Score of each (query, document), float32 (groups,), -inf for those that are not found."""
        import numpy as np

        final, found = self.final_scores(options)
        inside = np.where(found, final, -np.inf).astype(np.float32)
        if options.document_score == "best":
            best = np.maximum.reduceat(inside, self._starts)
        else:
            best = self._several(inside, found, options)
        return np.where(self._hidden, -np.inf, best).astype(np.float32)

    def _several(self, inside: Scores, found: Mask, options: QueryOptions) -> Scores:
        """Score of each group from several of its passages; those not found count as the lowest."""
        import numpy as np

        fused = replace(options, document_score="best", diversity=0.0)
        if self._sorted is None or self._sorted[0] != fused:
            self._sorted = fused, self._sort_groups(inside, found)
        order, starts, at = self._sorted[1]
        n = len(self._searched)
        lowest = _per_query(np.minimum, inside, self._owner, n, found)[self._group_owner[at]]
        sizes = self._session.snapshot.catalog.pointers()[1][self._group_documents[at]]
        out = np.full(len(self._starts), -np.inf, dtype=np.float32)
        out[at] = group_scores(inside[order], starts, lowest, sizes, options.document_score)
        return out

    def _sort_groups(self, inside: Scores, found: Mask) -> tuple[Rows, Rows, Rows]:
        """(candidates by group, best first; where each group starts among them; the groups), int64.

        Groups without a candidate are left out. All scores of one document score share this order.
        """
        import numpy as np

        kept = np.flatnonzero(found)
        order = kept[np.lexsort((-inside[kept], self._group[kept]))]
        starts = np.flatnonzero(np.diff(self._group[order], prepend=-1))
        return order, starts, self._group[order][starts]

    def values(self, options: QueryOptions) -> Values:
        """nDCG@10 of each query, float64 (n,)."""
        import numpy as np

        table = np.full((len(self._searched), self._width), -np.inf, dtype=np.float32)
        table[self._group_owner, self._column] = self.document_scores(options)
        if options.diversity:
            table = self._diverse(table, options)
        query, column, gain = self._relevant
        score = table[query, column]
        rivals = table[query]
        ahead = rivals > score[:, None]
        ahead |= (rivals == score[:, None]) & (np.arange(self._width) < column[:, None])
        rank = ahead.sum(axis=1)
        counts = (rank < 10) & np.isfinite(score)
        dcg = np.bincount(
            query[counts], gain[counts] / np.log2(rank[counts] + 2), len(self._searched)
        )
        return np.divide(dcg, self._ideal, out=np.zeros(len(dcg)), where=self._ideal > 0)

    def _diverse(self, table: Scores, options: QueryOptions) -> Scores:
        """Scores that fall by 1 from rank to rank of the ten that diversity chooses, -inf for the others."""
        import numpy as np

        final, found = self.final_scores(options)
        inside = np.where(found, final, -np.inf)
        highest = np.maximum.reduceat(inside, self._starts)
        at = np.where(inside == highest[self._group], np.arange(len(inside)), len(inside) - 1)
        rows = self.rows[np.minimum.reduceat(at, self._starts)]
        out = np.full_like(table, -np.inf)
        first = np.searchsorted(self._group_owner, np.arange(len(table) + 1))
        depth = max(DEPTH, options.candidates)
        for q, scores in enumerate(table):
            there = np.flatnonzero(np.isfinite(scores))
            best = rows[first[q] + there]
            order = np.argsort(-scores[there], kind="stable")[:depth]  # ties as measures have them
            order, best = there[order], best[order]
            vectors = self._session.search.vectors(best)
            chosen = maximal_marginal_relevance(scores[order], vectors, 10, options.diversity)
            out[q, order[chosen]] = -np.arange(len(chosen), dtype=np.float32)
        return out


def _ranks(positions: Sequence[Rows], sizes: Sequence[int]) -> Rows:
    """Rank of each candidate in one search, -1 for none, int64 (N,). `positions`: best first, by query."""
    import numpy as np

    parts = []
    for at, size in zip(positions, sizes, strict=True):
        ranks = np.full(size, -1, dtype=np.int64)
        ranks[at] = np.arange(len(at))
        parts.append(ranks)
    return np.concatenate(parts)


def _per_query(
    operation: np.ufunc, values: Scores, owner: Rows, n: int, mask: Mask | None
) -> Scores:
    """Reduce the values of each query, float32 (n,); 0 for a query without any. `owner`: rising."""
    import numpy as np

    if mask is not None:
        values, owner = values[mask], owner[mask]
    out = np.zeros(n, dtype=np.float32)
    if len(values):
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        out[owner[starts]] = operation.reduceat(values, starts)
    return out
