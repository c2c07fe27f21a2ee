"""Queries on a map: the place of each, and its hits among the points.

On a map by principal axes a query's vector is projected as the documents' are. t-SNE has no such projection:
there a query stands in the middle of the points that are nearest to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.types import Query

if TYPE_CHECKING:
    from qembed.pipeline.corpus_map.corpus_map import CorpusMap
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

HITS = 10
NEAREST = 5
"""Points whose median place is that of a query, on a map by neighbours."""
LOOKED_AT = 200
"""Passages among which those points are looked for: not all may be on the map."""


@dataclass(frozen=True, slots=True)
class PlacedQuery:
    """Query on a map. `place`: None where nothing near it is there. `placed`: `projected` or `between`.

    `hits`: (number of the point, rank from 1, score); `missing`: hits that are not on the map.
    """

    text: str
    place: tuple[float, float] | None
    placed: str
    hits: Sequence[tuple[int, int, float]]
    missing: int

    def to_json(self) -> dict[str, Any]:
        """JSON values, for pages and for users."""
        x, y = (None, None) if self.place is None else self.place
        return {
            "query": self.text,
            "x": None if x is None else round(x, 4),
            "y": None if y is None else round(y, 4),
            "placed": self.placed,
            "hits": [{"point": p, "rank": r, "score": round(s, 6)} for p, r, s in self.hits],
            "missing": self.missing,
        }


def place_queries(session: Session, made: CorpusMap, texts: Sequence[str]) -> list[PlacedQuery]:
    """Place queries on a map, with their first HITS hits. Raises as `Retriever.answer`."""
    if not texts:
        return []
    queries = [Query(str(n), text) for n, text in enumerate(texts)]
    retriever = Retriever(session, QueryOptions(k=HITS, by=made.settings["by"]), encoded={})
    answer = retriever.answer(queries)
    points = _numbers(made)
    places = _places(session, made, points, retriever.encode(retriever.instructions(queries)))
    placed = []
    by_id = {r.query.id: r.hits for r in answer.results}
    for query, place in zip(queries, places, strict=True):
        hits, missing = [], 0
        for rank, hit in enumerate(by_id.get(query.id, ()), 1):
            key = hit.document, None if made.passages is None else hit.passage.seq
            if key in points:
                hits.append((points[key], rank, hit.score))
            else:
                missing += 1
        how = "projected" if made.method == "pca" else "between"
        placed.append(PlacedQuery(query.text, place, how, hits, missing))
    return placed


def _numbers(made: CorpusMap) -> dict[tuple[str, int | None], int]:
    """Number of each point by its document, and its passage where points are passages."""
    passages: Sequence[int | None] = (
        [None] * len(made.ids) if made.passages is None else made.passages.tolist()
    )
    return {key: n for n, key in enumerate(zip(made.ids, passages, strict=True))}


def _places(
    session: Session,
    made: CorpusMap,
    points: dict[tuple[str, int | None], int],
    vectors: Vectors,
) -> list[tuple[float, float] | None]:
    import numpy as np

    if made.method == "pca":
        projected = made.axes.project(vectors)
        if projected.shape[1] < 2:
            projected = np.hstack([projected, np.zeros((len(projected), 1), dtype=np.float32)])
        found = np.clip(made.frame.fit(projected), -1.2, 1.2)
        return [(float(x), float(y)) for x, y in found]
    pairs, _ = session.search.vector_search(vectors, LOOKED_AT)
    places: list[tuple[float, float] | None] = []
    for rows, _ in pairs:
        entries = session.documents.entries(rows)
        keys = [
            (e.id, None if made.passages is None else int(row) - e.first)
            for e, row in zip(entries, rows.tolist(), strict=True)
        ]
        near = list(dict.fromkeys(points[k] for k in keys if k in points))[:NEAREST]
        if near:
            x, y = np.median(made.places[near], axis=0)
            places.append((float(x), float(y)))
        else:
            places.append(None)
    return places
