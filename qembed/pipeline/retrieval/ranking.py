"""Rankings: the rows found for each query, before they become hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.types import Query

if TYPE_CHECKING:
    from qembed.types import Rows, Scores, Vectors


@dataclass(slots=True)
class RankedQuery:
    """Rows of one query, best first, with their scores, float32 (n,), None for stages that did not run.

    `instruction`: the text that was encoded, None for the bare words. `why`: how lexical and dense scores
    were weighted. `vector`: float32 (dim,), None where words alone were searched.
    """

    query: Query
    instruction: str | None
    rows: Rows
    scores: Scores
    dense: Scores | None
    lexical: Scores | None = None
    rerank: Scores | None = None
    why: str = ""
    vector: Vectors | None = None

    def keep(self, positions: Rows) -> None:
        """Keep the rows at the given positions, in that order."""
        self.rows, self.scores = self.rows[positions], self.scores[positions]
        self.dense = None if self.dense is None else self.dense[positions]
        self.lexical = None if self.lexical is None else self.lexical[positions]
        self.rerank = None if self.rerank is None else self.rerank[positions]

    def keep_first(self, n: int) -> None:
        """Keep the n best rows."""
        import numpy as np

        self.keep(np.arange(min(n, len(self.rows))))


class Ranking(NamedTuple):
    """The ranked queries of a call, in the order of the queries. Fields as in `Answer`."""

    queries: Sequence[RankedQuery]
    plan: str
    truncated: Sequence[str] = ()
    warnings: Sequence[str] = ()
    reranked: RerankSummary | None = None
