"""`/v1/…`: the index's models in the forms of OpenAI, Jina and Cohere."""

from __future__ import annotations

import base64
from typing import Any

from qembed.evaluation.formats.json_records import is_text
from qembed.models.spec import LATE, LEARNED
from qembed.pipeline.retrieval.embedding.request import Embedded, EmbedRequest
from qembed.pipeline.retrieval.reranking.request import RerankedHits, RerankOptions, RerankRequest
from qembed.web.http.errors import HttpError
from qembed.web.http.parameters import NO_UTF8, Parameters
from qembed.web.http.rerankers import allowed_rerankers
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service

ROLES: dict[str, Any] = {
    **dict.fromkeys(("query", "search_query"), "query"),
    **dict.fromkeys(("document", "passage", "search_document"), "document"),
}
"""Values of `input_type`, as several vendors name them."""


async def models(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /v1/models`: the encoder, then the rerankers."""
    names = [*service.model_names(), *_rerankers(service)]
    created = int(service.server.started)
    return json_response(
        {
            "object": "list",
            "data": [
                {"id": n, "object": "model", "created": created, "owned_by": "qembed"}
                for n in dict.fromkeys(names)
            ],
        }
    )


def _rerankers(service: Service) -> list[str]:
    return [n for n in allowed_rerankers(service.tuned) if n != LEARNED]


async def embeddings(request: HttpRequest, service: Service) -> Response:
    """Answer `POST /v1/embeddings`."""
    given = Parameters(await request.json())
    texts = _texts(given, "input", service)
    model = given.text("model")
    form = given.choice("encoding_format", ("float", "base64"), "float")
    role = given.choice("input_type", tuple(ROLES), "")
    dimensions = given.whole("dimensions", 0, 1)
    given.text("user")
    given.whole("truncate_prompt_tokens", 0, 1)  # the model cuts by itself
    _check_model(model, service.model_names(), given)
    given.check()
    asked = EmbedRequest(texts, ROLES.get(role), dimensions or None)
    found: Embedded = await service.calls.ask(request, "embed", asked)
    vectors = (
        [base64.b64encode(v.astype("<f4").tobytes()).decode("ascii") for v in found.vectors]
        if form == "base64"
        else found.vectors.tolist()
    )
    return json_response(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)
            ],
            "model": service.model_names()[0],
            "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
        },
        texts=len(texts),
    )


async def rerank(request: HttpRequest, service: Service) -> Response:
    """Answer `POST /v1/rerank`."""
    given = Parameters(await request.json())
    query = given.text("query")
    documents = _texts(given, "documents", service)
    model = given.text("model")
    top = given.whole("top_n", len(documents) or 1, 1)
    shown = given.truth("return_documents")
    task = given.text("instruction")
    given.text("user")
    if query is None or not query.strip():
        given.problems.append("query: a text is wanted")
    spec = _check_model(model, _rerankers(service), given)
    given.check()
    spec = spec or _default_reranker(service)
    hits = [
        {"query_id": "1", "query": query, "text": text, "document": str(i)}
        for i, text in enumerate(documents)
    ]
    asked = RerankRequest(hits, RerankOptions(spec, task, share=1.0))
    found: RerankedHits = await service.calls.ask(request, "rerank", asked)
    scored = sorted(
        ((h["scores"]["rerank"], int(h["document"])) for h in found.hits if _is_scored(h)),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if len(scored) < len(documents):
        missing = sorted({*range(len(documents))} - {i for _, i in scored})
        refused = found.reranked.refused if found.reranked else ()
        raise HttpError(
            422,
            "not_encodable",
            f"documents {', '.join(map(str, missing[:20]))}: not scored: {'; '.join(refused[:3])}",
        )
    results = [
        {
            "index": i,
            "relevance_score": score,
            **({"document": {"text": documents[i]}} if shown else {}),
        }
        for score, i in scored[:top]
    ]
    return json_response(
        {"object": "list", "model": spec, "results": results}, texts=len(documents)
    )


def _is_scored(hit: dict[str, Any]) -> bool:
    return hit["scores"]["rerank"] is not None


def _default_reranker(service: Service) -> str:
    """The reranker that `tune` chose for the index, if it scores any texts; else `late`."""
    tuned = service.tuned
    chosen = None if tuned is None else tuned["options"].get("rerank")
    return chosen if chosen and chosen != LEARNED else LATE


def _texts(given: Parameters, name: str, service: Service) -> list[str]:
    """Texts of a parameter: a text, or a list of texts or of `{"text": …}`; problems are noted."""
    value = given.any(name)
    items = value if isinstance(value, list) else [value]
    texts = [i.get("text") if isinstance(i, dict) else i for i in items]
    most = service.settings.limits.texts
    numbers = isinstance(value, list) and value and isinstance(value[0], int | list)
    if numbers and name == "input":
        given.problems.append(f"{name}: texts are wanted, not numbers of tokens")
    elif not texts or not all(isinstance(t, str) and t.strip() for t in texts):
        given.problems.append(f"{name}: a text or a list of texts, none of them empty, is wanted")
    elif not all(is_text(str(t)) for t in texts):
        given.problems.append(f"{name}: {NO_UTF8} is wanted")
    elif len(texts) > most:
        given.problems.append(f"{name}: at most {most:,} texts at a time")
    else:
        return [str(t) for t in texts]
    return []


def _check_model(name: str | None, known: list[str], given: Parameters) -> str | None:
    """Name of a model as we know it; None without one.

    Raises HttpError for another model than ours, but where more is wrong: then it is noted with that.
    """
    if name is None:
        return None
    for ours in known:
        if name == ours or _last_part(name) == _last_part(ours):
            return ours
    told = f"model {name[:100]!r}: this server has {', '.join(known)}"
    if given.problems:
        given.problems.append(told)
        return None
    raise HttpError(404, "model_not_found", told, parameter="model")


def _last_part(spec: str) -> str:
    """Last part of a hub id or folder, in lower case; of other specs all of it."""
    return spec.rpartition("/")[2].lower() if not spec.startswith("py:") else spec.lower()
