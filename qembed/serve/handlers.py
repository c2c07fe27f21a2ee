"""Operations of a server: requests to answers, both as data.

No handler knows how its request came or where its answer goes: raise QembedError for the user's mistakes,
Refused for what the client should do itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from qembed.errors import EncodingError, QembedError, RecipeMismatch
from qembed.models import Model
from qembed.models.spec import LATE
from qembed.pipeline.progress import LOAD_RERANKER, Progress
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
from qembed.serve.rerankers.scored_ahead import ScoredAhead
from qembed.serve.rerankers.shared_reranker import RequestReranker, SharedReranker
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
    plain = () if sides is None else (request.options,)  # what the experiment cannot answer
    wanted = [_load_reranker(options, index) for options in (*arms, *plain)]
    with contextlib.ExitStack() as alone:
        if any(not w.is_shared for w in wanted):
            alone.enter_context(index.scoring)
        ahead = [
            _score_ahead(request.queries, options, w, index, started)
            for options, w in zip(arms, wanted, strict=False)
        ]
        with index.lease(started) as session:
            session.timer["encode"] += spent
            if any(reranker is not None for reranker, _ in ahead):
                session.timer["rerank"] += sum(seconds for _, seconds in ahead)
            if loading := sum(w.seconds for w in wanted):
                session.timer[LOAD_RERANKER] += loading
            rerankers = [
                None if isinstance(r, ScoredAhead) and not r.is_of(session, w.spec) else r
                for (r, _), w in zip(ahead, wanted, strict=False)
            ]
            if trial is None or sides is None:
                return Retriever(session, request.options, rerankers[0]).answer(request.queries)
            return trial.answer(session, request, rerankers)


def reranks_query(request: QueryRequest, session: Session | None) -> bool:
    """True if the answer scores pairs of texts, also by what `tune` chose."""
    options = request.options if session is None else Retriever(session, request.options).options
    return options.rerank is not None


class _Wanted(NamedTuple):
    """Reranker of a query's options, None for one that cannot be loaded. `spec`: "" without one."""

    spec: str
    reranker: Scorer | None
    seconds: float

    @property
    def is_shared(self) -> bool:
        """True if no lock is needed to score by it."""
        return not self.spec or isinstance(self.reranker, SharedReranker)


def _load_reranker(options: QueryOptions, index: SessionAccess) -> _Wanted:
    """Load the reranker of a query's options, or the one that `tune` chose, without the index."""
    session = index.session
    if session is not None:
        options = Retriever(session, options).options
    spec = options.rerank or ""
    if spec in ("", LEARNED):
        return _Wanted("", None, 0.0)
    return _Wanted(spec, *index.load_reranker(spec))


def _score_ahead(
    queries: Sequence[Query],
    options: QueryOptions,
    wanted: _Wanted,
    index: SessionAccess,
    started: Started,
) -> tuple[RequestReranker | ScoredAhead | None, float]:
    """(a reranker that has scored the queries' candidates already, the seconds it took).

    They are scored without the index, which is another request's meanwhile; what the candidates are if it
    changes is scored by the answer. None for a budget, which is the answer's, and where no other thread may
    use the model. Errors are left to the answer.
    """
    if wanted.reranker is None or options.rerank_budget is not None:
        return None, 0.0
    with contextlib.suppress(QembedError), contextlib.ExitStack() as scoring:
        with index.lease(started) as session:
            reranker = session.loaded.reranker(wanted.spec)
            if wanted.spec == LATE and not session.loaded.encoder.info.thread_safe:
                return None, 0.0
            own: RequestReranker | ScoredAhead
            if isinstance(reranker, SharedReranker):
                own = scoring.enter_context(reranker.request(started))
            else:
                own = ScoredAhead(reranker)
            retriever = Retriever(session, options)
            job = retriever.rerank_job(retriever.retrieve(queries).queries)
        began = time.perf_counter()
        if isinstance(own, RequestReranker):
            own.score(job.pairs)
        elif job.pairs:
            watch = Progress(phase=lambda *_: started(), advance=lambda _: started())
            job.run(wanted.spec, own, progress=watch)
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
    spec = request.options.spec
    if spec not in (LATE, LEARNED):  # `late` reads by the model with all its dimensions
        index.load_reranker(spec)
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
    vectors = embed(encoder, texts, request.dimensions, started)
    return Embedded(vectors, sum(model.count(texts)))


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
