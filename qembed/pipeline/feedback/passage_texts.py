"""Texts of documents for queries: of each, the passage that a reranker would see first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

Texts = Mapping[tuple[str, str], str]
"""Text of a document for a query, by (query, document)."""


def best_texts(session: Session, wanted: Mapping[str, Sequence[str]]) -> Texts:
    """Text of each (query, document) that the index has, as rerankers are given it.

    `wanted`: document ids by query text. Of a document with several passages it is the one nearest to the
    query by the index's vectors; the model is loaded only if there is such a document.
    """
    import numpy as np

    snapshot = session.snapshot
    names, lengths = snapshot.catalog.ids(), snapshot.catalog.pointers()[1].tolist()
    position = {name: i for i, name in enumerate(names) if lengths[i]}
    long = [
        query for query, ids in wanted.items() if any(lengths[position.get(d, 0)] > 1 for d in ids)
    ]
    vectors = {}
    if long:
        retriever = Retriever(session, QueryOptions())
        asked = [Query(str(i), text) for i, text in enumerate(long)]
        encoded = retriever.encode(retriever.instructions(asked))
        vectors = dict(zip(long, encoded, strict=True))
    rows: dict[tuple[str, str], int] = {}
    for query, ids in wanted.items():
        for name in dict.fromkeys(ids):
            if name not in position:
                continue
            of_document = snapshot.rows_of(np.array([position[name]]))
            best = 0
            if len(of_document) > 1:
                best = int((snapshot.vectors(of_document) @ vectors[query]).argmax())
            rows[query, name] = int(of_document[best])
    distinct = np.unique(np.fromiter(rows.values(), dtype=np.int64, count=len(rows)))
    texts: dict[int, str] = {}
    if len(distinct):
        render = session.loaded.reranker_text
        titles = [entry.title for entry in session.documents.entries(distinct)]
        for row, title, passage in zip(
            distinct.tolist(), titles, session.documents.passages(distinct), strict=True
        ):
            texts[row] = render(title, passage.text, passage.label)
    return {key: texts[row] for key, row in rows.items()}
