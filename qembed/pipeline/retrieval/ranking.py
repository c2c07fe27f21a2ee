"""Candidates and rankings: the rows found for each query, before they become hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.types import Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.retrieval.fusion import FusionSignals
    from qembed.types import Rows, Scores, Vectors


@dataclass(slots=True)
class Candidates:
    """Candidates of one query, best first: row ids, final scores, and each search's, None if it did not run.

    A lexical score of 0 means that the passage has no word of the query. `why`: how the searches were
    weighted.
    """

    rows: Rows
    scores: Scores
    dense: Scores | None = None
    lexical: Scores | None = None
    why: str = ""

    def take(self, positions: Rows) -> Candidates:
        """The candidates at the given positions, in that order."""
        return Candidates(
            self.rows[positions],
            self.scores[positions],
            None if self.dense is None else self.dense[positions],
            None if self.lexical is None else self.lexical[positions],
            self.why,
        )

    def first(self, n: int) -> Candidates:
        """The n best."""
        import numpy as np

        return self.take(np.arange(min(n, len(self.rows))))


class Searched(NamedTuple):
    """Hits of both searches for one query, rows and scores, best first, and the signals that weigh them.

    `lexical` goes deeper than `dense`, for the scores of dense hits. `signals`: None where mode auto was not
    asked for.
    """

    dense: tuple[Rows, Scores]
    lexical: tuple[Rows, Scores]
    signals: FusionSignals | None


class CandidatePool(NamedTuple):
    """Candidates of one query with the scores of both searches, before fusion.

    `rows`: rising. `cosines`, `bm25`: float32 (n,), BM25 0 for none. `near`, `words`: positions of the dense
    and of the lexical hits, best first. `scale`: the candidates that set the scale, bool (n,), None for all.
    """

    rows: Rows
    cosines: Scores
    bm25: Scores
    near: Rows
    words: Rows
    scale: npt.NDArray[np.bool_] | None


@dataclass(slots=True)
class RankedQuery:
    """Rows of one query, best first, with their scores, float32 (n,), None for stages that did not run.

    `instruction`: the text that was encoded, None for the bare words. `why`: how lexical and dense scores
    were weighted. `vector`: float32 (dim,), None where words alone were searched. `parts`: what each feature
    adds to the learned order's score, float64 (n, features). `votes`: what votes changed, in words.
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
    parts: npt.NDArray[np.float64] | None = None
    votes: str = ""

    def keep(self, positions: Rows) -> None:
        """Keep the rows at the given positions, in that order."""
        self.rows, self.scores = self.rows[positions], self.scores[positions]
        self.dense = None if self.dense is None else self.dense[positions]
        self.lexical = None if self.lexical is None else self.lexical[positions]
        self.rerank = None if self.rerank is None else self.rerank[positions]
        self.parts = None if self.parts is None else self.parts[positions]

    def keep_first(self, n: int) -> None:
        """Keep the n best rows."""
        import numpy as np

        self.keep(np.arange(min(n, len(self.rows))))

    def add(self, rows: Rows, dense: Scores | None) -> None:
        """Add rows that the search did not find, at the end. `dense`: their cosines, None if not searched."""
        import numpy as np

        unknown = np.full(len(rows), np.nan, dtype=np.float32)
        self.rows = np.concatenate([self.rows, rows])
        self.scores = np.concatenate([self.scores, unknown])
        if self.dense is not None:
            self.dense = np.concatenate([self.dense, unknown if dense is None else dense])
        if self.lexical is not None:
            self.lexical = np.concatenate([self.lexical, unknown])
        if self.rerank is not None:
            self.rerank = np.concatenate([self.rerank, unknown])
        if self.parts is not None:
            none = np.zeros((len(rows), self.parts.shape[1]))
            self.parts = np.concatenate([self.parts, none])


class Ranking(NamedTuple):
    """The ranked queries of a call, in the order of the queries. Fields as in `Answer`."""

    queries: Sequence[RankedQuery]
    plan: str
    truncated: Sequence[str] = ()
    warnings: Sequence[str] = ()
    reranked: RerankSummary | None = None
