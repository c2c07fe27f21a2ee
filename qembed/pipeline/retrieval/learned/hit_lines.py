"""Learned order of hits from a pipe: `qembed rerank --model learned`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import InputError
from qembed.pipeline.retrieval.fusion import interpolate_zscores
from qembed.pipeline.retrieval.learned.features import (
    FEATURES,
    CandidateTexts,
    candidate_features,
    term_weights,
)
from qembed.pipeline.retrieval.learned.order import open_learned, summary
from qembed.pipeline.retrieval.reranking.lines import by_query
from qembed.pipeline.retrieval.reranking.request import HitLine, RerankedHits, RerankRequest
from qembed.pipeline.retrieval.unused_task import AskedTasks, check_tasks, unused_task

if TYPE_CHECKING:
    from qembed.feedback.learning.model import LearnedModel
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Scores


def rerank_lines(request: RerankRequest, session: Session) -> RerankedHits:
    """Each query's hits in the learned order, cut to k, with `scores.rerank` and `rank` filled in.

    When their files changed is not known. Raises UsageError without a model, InputError for hits without
    scores.
    """
    if (task := request.options.task) is not None:
        check_tasks(AskedTasks(task, [None]), session.loaded.model.profile, None)
    if not request.hits:
        return RerankedHits([], None)
    model = open_learned(session.root, session.recipe.fingerprint)
    found: list[HitLine] = []
    with session.timer("rerank"):
        for hits in by_query(request.hits).values():
            found += _ordered(hits, session, model, request.options.share, request.options.k)
    reranked = summary(len(request.hits))
    asked = AskedTasks(task, [hit.get("task") for hit in request.hits])
    unused = unused_task(asked, None, reranked)
    return RerankedHits(found, reranked, dict(session.timer), tuple(unused))


def _ordered(
    hits: Sequence[HitLine],
    session: Session,
    model: LearnedModel,
    share: float | None,
    k: int | None,
) -> list[HitLine]:
    """One query's hits in their new order."""
    import numpy as np

    text = hits[0]["query"]
    before = _scores([hit.get("score") for hit in hits])
    if before is None:
        raise InputError(
            f"query {hits[0]['query_id']}: its hits have no scores, which the learned order weighs "
            "(pipe in qembed query --format jsonl)"
        )
    stages = [hit.get("scores") or {} for hit in hits]
    known = CandidateTexts(
        ids=[str(hit.get("document") or "") for hit in hits],
        titles=[str(hit.get("title") or "") for hit in hits],
        texts=[hit["text"] for hit in hits],
    )
    features = candidate_features(
        (before, *(_scores([s.get(name) for s in stages]) for name in ("dense", "lexical"))),
        known,
        term_weights(session, text),
        model.popularity(text),
        time.time(),
    )
    own = np.asarray(model.contributions(features, FEATURES).sum(axis=1), dtype=np.float32)
    final = interpolate_zscores(before, own, 1.0 if share is None else share)
    lines = []
    for rank, i in enumerate(np.argsort(-final, kind="stable")[:k].tolist(), 1):
        scores = {**stages[i], "rerank": round(float(own[i]), 6)}
        score = round(float(final[i]), 6)
        lines.append({**hits[i], "scores": scores, "rank": rank, "score": score})
    return lines


def _scores(values: Sequence[object]) -> Scores | None:
    """Scores as float32 (n,); None unless all are finite numbers."""
    import numpy as np

    if not all(isinstance(v, int | float) for v in values):
        return None
    found = np.array(values, dtype=np.float32)
    return found if np.isfinite(found).all() else None
