"""Texts as they are encoded, and their vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.embedding.request import EmbedRequest

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.protocols import Encoder
    from qembed.types import Vectors

TEXTS_PER_CALL = 64
"""Texts that are encoded in one call: others wait for the model meanwhile, and memory is bounded."""


def encoder_texts(session: Session, request: EmbedRequest) -> list[str]:
    """Texts as they are encoded: in the template of queries or of passages, or as they are."""
    if request.role == "query":
        from qembed.pipeline.retrieval.options import QueryOptions
        from qembed.pipeline.retrieval.retriever import Retriever
        from qembed.types import Query

        queries = [Query(str(i), t) for i, t in enumerate(request.texts)]
        return Retriever(session, QueryOptions()).instructions(queries)
    if request.role == "document":
        return [session.loaded.encoder_text("", t) for t in request.texts]
    return list(request.texts)


def encoder_of(session: Session, request: EmbedRequest) -> Encoder:
    """Encoder for the request's texts. Raises UsageError for dimensions that it cannot be cut to."""
    loaded = session.loaded
    model = loaded.model
    model.profile.check_dim(request.dimensions, model.dim, model.name)
    return loaded.encoder if request.role == "query" else loaded.passage_encoder


def embed(
    encoder: Encoder,
    texts: Sequence[str],
    dimensions: int | None,
    check: Callable[[], None] = lambda: None,
) -> Vectors:
    """Vectors of finished texts, float32 (n, dim). Raises EncodingError.

    `check`: called before each call of the encoder; what it raises ends the work.
    """
    import numpy as np

    from qembed.vectors import truncate

    parts = []
    for at in range(0, len(texts), TEXTS_PER_CALL):
        check()
        parts.append(encoder.encode(texts[at : at + TEXTS_PER_CALL]))
    vectors = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return vectors if dimensions in (None, vectors.shape[1]) else truncate(vectors, dimensions)
