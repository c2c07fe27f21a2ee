"""Learned order of a query's candidates: `--rerank learned`, by the weights that `feedback learn` stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import UsageError, cannot_read
from qembed.feedback.learning.model import LearnedModel, model_path, read_model
from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.pipeline.retrieval.fusion import interpolate_zscores
from qembed.pipeline.retrieval.learned.features import (
    FEATURES,
    CandidateTexts,
    candidate_features,
    term_weights,
)
from qembed.pipeline.retrieval.options import LEARNED

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.learned.features import Matrix
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.ranking import RankedQuery
    from qembed.pipeline.retrieval.session import Session

MEANING = "sums of weighted features, which order the candidates of one query"


def open_learned(root: Path, recipe: str) -> LearnedModel:
    """Model of the index at `root`. `recipe`: the index's, as its fingerprint.

    Raises UsageError without a model, and for one that weighs the scores of another recipe.
    """
    try:
        model = read_model(root)
    except OSError as e:
        raise cannot_read(model_path(root), e) from e
    if model is None:
        raise UsageError(
            f"no learned order in {root} (learn one of what was done with answers: qembed feedback learn)"
        )
    if model.recipe != recipe:
        raise UsageError(
            f"the learned order weighs the scores of recipe {model.recipe}, and the index has {recipe}: "
            "they cannot be compared (learn anew: qembed feedback learn)"
        )
    return model


def ranked_features(
    session: Session, ranked: RankedQuery, model: LearnedModel | None, now: float
) -> Matrix:
    """Features of a ranked query's candidates, float64 (n, len(FEATURES)). `model`: knows popularity."""
    entries = session.documents.entries(ranked.rows)
    passages = session.documents.passages(ranked.rows)
    known = CandidateTexts(
        ids=[e.id for e in entries],
        titles=[e.title for e in entries],
        texts=[p.text for p in passages],
        mtimes=[e.mtime_ns for e in entries],
    )
    text = ranked.query.text
    popularity = {} if model is None else model.popularity(text)
    scores = ranked.scores, ranked.dense, ranked.lexical
    return candidate_features(scores, known, term_weights(session, text), popularity, now)


def rerank_learned(
    session: Session, ranked: Sequence[RankedQuery], options: QueryOptions
) -> RerankSummary | None:
    """Put each query's candidates in the learned order. None if there are none. Raises UsageError.

    Without a share the order before has none beside it: it is a feature.
    """
    import numpy as np

    for r in ranked:
        r.keep_first(options.candidates)
    pairs = sum(len(r.rows) for r in ranked)
    if not pairs:
        return None
    model = open_learned(session.root, session.recipe.fingerprint)
    now = time.time()
    with session.timer("rerank"):
        for r in ranked:
            parts = model.contributions(ranked_features(session, r, model, now), FEATURES)
            r.rerank = np.asarray(parts.sum(axis=1), dtype=np.float32)
            r.parts = parts
            # on the scale of the scores before; ties keep their order
            r.scores = interpolate_zscores(r.scores, r.rerank, options.rerank_share or 1.0)
            r.keep(np.argsort(-r.scores, kind="stable"))
    return summary(pairs)


def summary(pairs: int) -> RerankSummary:
    """Summary of an order of so many candidates."""
    return RerankSummary(LEARNED, LEARNED, MEANING, False, pairs, pairs)
