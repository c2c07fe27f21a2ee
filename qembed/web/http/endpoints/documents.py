"""`/documents/{id}`, `/thumbnails/{id}`, `/similar/{id}`: a document's text, its picture, what is near it."""

from __future__ import annotations

from functools import partial
from typing import Any

from qembed.hints import with_index
from qembed.pipeline.retrieval.answer import Answer, answer_json
from qembed.pipeline.retrieval.documents.read import DocumentRequest, DocumentText
from qembed.pipeline.retrieval.documents.request import SCORES, SimilarRequest
from qembed.pipeline.retrieval.pictures.thumbnail import MEDIA_TYPE, thumbnail
from qembed.web.http.endpoints.search import MAX_CONTEXT, snippet_json
from qembed.web.http.parameters import Parameters, from_query_string
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service


async def document(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /documents/{id}`: all of the text, lines of it, or a passage, with what is around."""
    given = Parameters(from_query_string(request.query(), ()), texts=True)
    line = given.whole("line", 0, 1)
    end_line = given.whole("end_line", 0, 1)
    passage = given.whole("passage", -1, 0)
    context = given.whole("context", 0, 0, MAX_CONTEXT)
    if passage >= 0 and (line or end_line):
        given.problems.append("passage, line: one of them")
    if line and end_line and end_line < line:
        given.problems.append(f"end_line: at least {line}, the line, is wanted")
    if context and not (line or end_line or passage >= 0):
        given.problems.append("context: goes with line or passage")
    given.check()
    name = request.id
    if passage >= 0:
        asked = DocumentRequest(name, passage=passage, context=context)
    else:
        first = max(1, line - context) if line else None
        last = max(line, end_line) + context if line or end_line else None
        asked = DocumentRequest(name, first, last)
    found: DocumentText = await service.calls.ask(request, "document", asked)
    return json_response(found.to_json())


async def picture(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /thumbnails/{id}`: a small copy of a picture, JPEG."""
    Parameters(from_query_string(request.query(), ()), texts=True).check()
    found: DocumentText = await service.calls.ask(request, "document", DocumentRequest(request.id))
    root = service.server.index.root
    made = await service.calls.run(request, partial(thumbnail, root, found))
    return Response(200, made, MEDIA_TYPE)


async def similar(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /similar/{id}`: the documents or passages nearest to a document."""
    given = Parameters(from_query_string(request.query(), ("where",)), texts=True)
    k = given.whole("k", 10, 1, service.settings.limits.k)
    by: Any = given.choice("by", ("document", "passage"), "document")
    score = given.choice("score", SCORES, "mean")
    where = given.texts("where")
    passage = given.whole("passage", -1, 0)
    given.check()
    name = request.id
    asked = SimilarRequest(
        name,
        passage=passage if passage >= 0 else None,
        k=k,
        by=by,
        score=score,
        where=where,
        snippets=True,
    )
    answer: Answer = await service.calls.ask(request, "similar", asked)
    service.metrics.answered(answer.seconds)
    whole = answer_json(answer)
    (query,) = whole.pop("queries")
    for line, hit in zip(query["hits"], answer.results[0].hits, strict=True):
        line["snippet"] = snippet_json(hit)
    body = {
        **{n: whole[n] for n in ("schema", "generation", "recipe", "search")},
        "document": name,
        "hits": query["hits"],
        "warnings": [with_index(w) for w in whole["warnings"]],
        "seconds": whole["seconds"],
    }
    return json_response(body, hits=len(query["hits"]))
