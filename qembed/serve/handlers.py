"""Operations of a server: requests to answers, both as data.

No handler knows how its request came or where its answer goes: raise QembedError for the user's mistakes,
Refused for what the client should do itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from qembed.errors import EncodingError, QembedError, RecipeMismatch
from qembed.models import Model
from qembed.models.spec import LATE
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.documents.read import (
    DocumentRequest,
    DocumentText,
    read_document,
)
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.pipeline.retrieval.embedding.embed import embed, encoder_of, encoder_texts
from qembed.pipeline.retrieval.embedding.request import Embedded, EmbedRequest
from qembed.pipeline.retrieval.learned.hit_lines import rerank_lines
from qembed.pipeline.retrieval.options import LEARNED, QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.reranking.request import (
    RerankedHits,
    RerankedRun,
    RerankRequest,
    RunRequest,
    check_rerank_options,
    with_tuned_reranker,
)
from qembed.pipeline.retrieval.reranking.rerank import rerank_hits_with, rerank_run_files
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.protocols import Scorer
from qembed.serve.caller import Reply
from qembed.serve.live_index import SessionAccess
from qembed.serve.messages import Refused
from qembed.serve.shared_reranker import RequestReranker, SharedReranker
from qembed.types import Query

FAST_QUERIES = 4
FAST_ROWS = 50_000
"""Most queries, and rows to search, of a request that other requests may wait for: some milliseconds."""

Started: TypeAlias = Callable[[], None]
"""Called once the request has the index for itself, and between batches. Raises Abandoned if nobody waits."""
Request: TypeAlias = (
    QueryRequest | RerankRequest | RunRequest | EmbedRequest | DocumentRequest | SimilarRequest
)
R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True)
class Operation(Generic[R]):
    """A kind of request.

    `parse`: raises KeyError, TypeError for a malformed request. `texts`: the texts to encode for a request
    that takes only milliseconds besides; None if it may take longer. It reads only the session's model and
    manifest. `reranks`: whether a request scores pairs of texts; it reads as much.
    """

    parse: Callable[[Mapping[str, Any]], R]
    answer: Callable[[R, SessionAccess, Started], Reply]
    texts: Callable[[R, Session], Sequence[str] | None] = lambda _request, _session: None
    reranks: Callable[[R, Session | None], bool] = lambda _request, _session: False


def answer_query(request: QueryRequest, index: SessionAccess, started: Started) -> Answer:
    """Answer queries."""
    trial = index.trial
    sides = None if trial is None else trial.sides(request, index.session)
    arms = sides or (request.options,)
    spent = 0.0
    with contextlib.suppress(EncodingError):  # the answer names the queries that are refused
        spent = index.pre_encode(
            lambda session: [
                text
                for options in arms
                for text in Retriever(session, options).texts_to_encode(request.queries)
            ]
        )
    ahead = [_score_ahead(request.queries, options, index, started) for options in arms]
    with _scoring(request, index, ahead), index.lease(started) as session:
        session.timer["encode"] += spent
        if scored := [seconds for reranker, seconds in ahead if reranker is not None]:
            session.timer["rerank"] += sum(scored)
        rerankers = [reranker for reranker, _ in ahead]
        if trial is None or sides is None:
            return Retriever(session, request.options, rerankers[0]).answer(request.queries)
        return trial.answer(session, request, rerankers)


def _scoring(
    request: QueryRequest, index: SessionAccess, ahead: Sequence[tuple[Any, float]]
) -> AbstractContextManager[Any]:
    """Context in which a reranker that no other request shares may be called."""
    shared = all(reranker is not None for reranker, _ in ahead)
    alone = reranks_query(request, index.session) or index.trial is not None
    return index.scoring if alone and not shared else contextlib.nullcontext()


def reranks_query(request: QueryRequest, session: Session | None) -> bool:
    """True if the answer scores pairs of texts, also by what `tune` chose."""
    options = request.options if session is None else Retriever(session, request.options).options
    return options.rerank is not None


def _score_ahead(
    queries: Sequence[Query], options: QueryOptions, index: SessionAccess, started: Started
) -> tuple[RequestReranker | None, float]:
    """(a reranker that has scored the queries' candidates already, the seconds it took).

    They are scored without the index, which is another request's meanwhile; what the candidates are if it
    changes is scored by the answer. None without a shared reranker, and for a budget, which is the answer's.
    Errors are left to the answer.
    """
    if options.rerank is None or options.rerank_budget is not None:
        return None, 0.0
    with contextlib.suppress(QembedError), contextlib.ExitStack() as scoring:
        with index.lease(started) as session:
            reranker = session.loaded.reranker(options.rerank)
            if not isinstance(reranker, SharedReranker):
                return None, 0.0
            own = scoring.enter_context(reranker.request(started))
            retriever = Retriever(session, options)
            job = retriever.rerank_job(retriever.retrieve(queries).queries)
        began = time.perf_counter()
        own.score(job.pairs)
        return own, time.perf_counter() - began
    return None, 0.0


def fast_query_texts(request: QueryRequest, session: Session) -> Sequence[str] | None:
    """Texts to encode for a request; see Operation.texts."""
    retriever = Retriever(session, request.options)
    options = retriever.options
    # sentences are encoded for snippets, once the hits are known
    slow = (
        options.rerank
        or options.image is not None
        or options.where
        or options.diversity
        or options.context
        or options.snippets is True
        or options.search == "graph"
    )
    if slow or len(request.queries) > FAST_QUERIES or session.search.rows > FAST_ROWS:
        return None
    return list(dict.fromkeys(retriever.texts_to_encode(request.queries)))


def rerank_hits(request: RerankRequest, index: SessionAccess, started: Started) -> RerankedHits:
    """Put hits in a better order. Refused if the index's model is not the one its spec names."""
    check_rerank_options(request.options)
    watch = Progress(phase=lambda *_: started(), advance=lambda _: started())
    with contextlib.ExitStack() as scoring:
        with index.lease(started) as session:
            options = with_tuned_reranker(request.options, session.snapshot.manifest.tuned)
            request = replace(request, options=options)
            if options.spec == LEARNED:
                return rerank_lines(request, session)

            def models() -> tuple[Model, Scorer]:
                try:
                    return session.loaded.untruncated_reranker(options.spec)
                except RecipeMismatch:  # no matter for hits, which bring their texts along
                    raise Refused("its index was made with another model") from None

            if not request.hits:
                return rerank_hits_with(models, request)
            model, reranker = models()
            if isinstance(reranker, SharedReranker):
                reranker = scoring.enter_context(reranker.request(started))
            elif options.spec == LATE and not session.loaded.encoder.info.thread_safe:
                return rerank_hits_with(lambda: (model, reranker), request, watch)
        # hits bring their texts along: the index is another request's meanwhile
        if not isinstance(reranker, RequestReranker):
            scoring.enter_context(index.scoring)
            started()
        return rerank_hits_with(lambda: (model, reranker), request, watch)


def rerank_run(request: RunRequest, index: SessionAccess, started: Started) -> RerankedRun:
    """Put a run in a better order. Reads the files that the request names."""
    with index.scoring:
        return rerank_run_files(request, lambda: index.lease(started))


def embed_texts(request: EmbedRequest, index: SessionAccess, started: Started) -> Embedded:
    """Encode texts. The index is another request's meanwhile."""
    with index.lease(started) as session:
        model, encoder = session.loaded.model, encoder_of(session, request)
        texts = encoder_texts(session, request)
    if request.role == "query":
        model = model.queries
    return Embedded(embed(encoder, texts, request.dimensions), sum(model.count(texts)))


def fast_embedding_texts(request: EmbedRequest, session: Session) -> Sequence[str] | None:
    """Texts to encode for a request; see Operation.texts."""
    model = session.loaded.model
    shared = request.role == "query" or model.queries is model
    if not shared or len(request.texts) > FAST_QUERIES:
        return None
    return encoder_texts(session, request)


def read_stored_document(
    request: DocumentRequest, index: SessionAccess, started: Started
) -> DocumentText:
    """Read a document, or a part of it, from the index."""
    with index.lease(started) as session:
        return read_document(session, request)


def answer_similar(request: SimilarRequest, index: SessionAccess, started: Started) -> Answer:
    """Find what is near a document of the index, or a text."""
    from qembed.pipeline.retrieval.documents.similar import similar

    with index.lease(started) as session:
        return similar(session, request)


OPERATIONS: Mapping[str, Operation[Any]] = {
    "query": Operation(QueryRequest.from_json, answer_query, fast_query_texts, reranks_query),
    "rerank": Operation(RerankRequest.from_json, rerank_hits, reranks=lambda *_: True),
    "rerank run": Operation(RunRequest.from_json, rerank_run, reranks=lambda *_: True),
    "document": Operation(DocumentRequest.from_json, read_stored_document),
    "similar": Operation(SimilarRequest.from_json, answer_similar),
    "embed": Operation(EmbedRequest.from_json, embed_texts, fast_embedding_texts),
}
