"""Candidates for negatives: the passages that a search finds for a query, one for each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.training.mining.lists import Source
from qembed.types import Query, Run

if TYPE_CHECKING:
    import numpy as np

    from qembed.types import Rows, Vectors


@dataclass(frozen=True, slots=True)
class Candidate:
    """Passage that may become a negative. `score`: cosine with the query. `rank`: in its search, 1-based."""

    row: int
    document: str
    text: str
    score: float
    rank: int | None
    source: Source


class CandidateFinder:
    """Finds passages of one index: relevant ones, and candidates for negatives.

    `depth`: how many documents of a search are looked at. `run`: of another system, for the source "run".
    """

    def __init__(self, session: Session, depth: int, run: Run | None = None) -> None:
        self._session = session
        self._depth = depth
        self._run = run
        self._retriever = Retriever(session, QueryOptions())
        snapshot = session.snapshot
        names, lengths = snapshot.catalog.ids(), snapshot.catalog.pointers()[1].tolist()
        # a document without words has no passages
        self._position = {name: i for i, name in enumerate(names) if lengths[i]}

    def has(self, document: str) -> bool:
        """True if the index has the document."""
        return document in self._position

    def vectors(self, queries: Sequence[Query]) -> Vectors:
        """Vectors of the queries in the model's template, float32 (n, dim)."""
        return self._retriever.encode(self._retriever.instructions(queries))

    def best_passage(self, document: str, vector: Vectors) -> Candidate:
        """The document's passage nearest to a query vector, float32 (dim,)."""
        import numpy as np

        rows = self._session.snapshot.rows_of(np.array([self._position[document]]))
        return self._made(rows, vector, [None] * len(rows), "run")[0]

    def find(self, query: Query, vector: Vectors, source: Source) -> list[Candidate]:
        """Candidates of one search in its order, the best passage of each document. Raises UsageError."""
        search = self._session.search
        if source == "run":
            scores = (self._run or {}).get(query.id, {})
            listed = sorted(scores, key=lambda d: (-scores[d], d))[: self._depth]
            found = [
                (self.best_passage(d, vector), i)
                for i, d in enumerate(listed, 1)
                if d in self._position
            ]
            return [Candidate(c.row, c.document, c.text, c.score, rank, "run") for c, rank in found]
        # passages of one document follow one another, so more of them are asked for
        wanted = self._depth * 4
        if source == "dense":
            ((rows, _),), _ = search.vector_search(vector[None, :], wanted, "exact")
        else:
            hits = search.lexical_search(query.text, wanted)
            if hits is None:
                raise UsageError("--negatives bm25: there is no word index (qembed index makes it)")
            rows = hits[0]
        documents = self._session.snapshot.positions_of(rows).tolist()
        first = list({d: i for i, d in reversed(list(enumerate(documents)))}.values())
        kept = sorted(first)[: self._depth]
        return self._made(rows[kept], vector, list(range(1, len(kept) + 1)), source, ordered=True)

    def random(self, vector: Vectors, n: int, rng: np.random.Generator) -> list[Candidate]:
        """Passages of n documents drawn at random, the first of each document."""
        import numpy as np

        positions = np.fromiter(self._position.values(), dtype=np.int64)
        drawn = rng.permutation(positions)[:n]
        firsts = [self._session.snapshot.rows_of(drawn[i : i + 1])[:1] for i in range(len(drawn))]
        rows = np.concatenate(firsts) if firsts else np.zeros(0, dtype=np.int64)
        return self._made(rows, vector, [None] * len(rows), "random", ordered=True)

    def _made(
        self,
        rows: Rows,
        vector: Vectors,
        ranks: Sequence[int | None],
        source: Source,
        ordered: bool = False,
    ) -> list[Candidate]:
        """Candidates of rows, in their order or the nearest first."""
        import numpy as np

        scores = self._session.search.cosines(vector, rows)
        order = np.arange(len(rows)) if ordered else np.argsort(-scores, kind="stable")
        passages = self._session.documents.passages(rows)
        entries = self._session.documents.entries(rows)
        return [
            Candidate(
                int(rows[i]),
                entries[i].id,
                self._session.loaded.reranker_text(
                    entries[i].title, passages[i].text, passages[i].label
                ),
                float(scores[i]),
                ranks[i],
                source,
            )
            for i in order.tolist()
        ]
