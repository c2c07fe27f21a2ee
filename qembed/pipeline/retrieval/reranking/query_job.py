"""The reranker's work on the ranked rows of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.fusion import rerank_share
from qembed.pipeline.retrieval.pictures.reranked import are_pictures
from qembed.pipeline.retrieval.reranking.job import CandidateGroup, RerankJob
from qembed.search.topk import distinct

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.ranking import RankedQuery
    from qembed.pipeline.retrieval.session import Session


def query_job(
    session: Session,
    ranked: Sequence[RankedQuery],
    options: QueryOptions,
    instructions: Sequence[str] | None,
    tasks: Sequence[str | None],
) -> RerankJob:
    """The work on these rows, which are cut to the candidates that a reranker gets.

    `instructions`: encoded text of each query, where the reranker reads what the encoder does, else None: a
    cross-encoder reads words as people write them, without the encoder's prefixes. `tasks`: of each query.
    """
    spec, share = options.rerank, options.rerank_share
    assert spec is not None
    for r in ranked:
        r.keep_first(options.candidates)
    rows = distinct([r.rows for r in ranked])
    passages = dict(zip(rows.tolist(), session.documents.passages(rows), strict=True))
    entries = dict(zip(rows.tolist(), session.documents.entries(rows), strict=True))
    loaded = session.loaded
    render = loaded.reranker_text if instructions is None else loaded.encoder_text
    asked = [r.query.text for r in ranked] if instructions is None else instructions
    texts = {
        row: render(entries[row].title, passages[row].text, passages[row].label)
        for row in rows.tolist()
    }
    return RerankJob(
        [
            CandidateGroup(
                pairs=[
                    [] if is_picture else [(query, texts[row])]
                    for row, is_picture in zip(
                        r.rows.tolist(), are_pictures(session.snapshot, r.rows), strict=True
                    )
                ],
                tasks=[task] * len(r.rows),
                prior=r.scores,
                share=share
                or rerank_share(spec, r.dense, r.lexical, [texts[row] for row in r.rows.tolist()]),
            )
            for r, query, task in zip(ranked, asked, tasks, strict=True)
        ]
    )
