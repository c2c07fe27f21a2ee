"""`/search`: a query to hits, the same as `qembed query --format json` gives."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from qembed.errors import InputError, refusal
from qembed.hints import with_index
from qembed.pipeline.feedback.log_answer import log_answer
from qembed.pipeline.feedback.log_setting import Client, log_mode, log_wish, parse_client
from qembed.pipeline.retrieval.answer import Answer, answer_json
from qembed.pipeline.retrieval.options import (
    MODES,
    TUNED,
    QueryOptions,
    check_options,
    check_queries,
)
from qembed.pipeline.retrieval.pictures.query_picture import read_query_bytes
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.types import Hit, Query
from qembed.web.http.parameters import Parameters, from_query_string
from qembed.web.http.rerankers import allowed_rerankers
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service
from qembed.web.pages import Page, cut_to_page, next_cursor, page_of

LISTS = ("where",)
SNIPPETS: Mapping[str, Any] = {"words": "words", "meaning": True, "none": False}
MAX_CONTEXT = 100


PICTURE_SECONDS = 10.0
"""For the reader of one picture that is searched by."""
_NOT_WITH_IMAGE = ("query", "mode", "task", "rerank")


class Search(NamedTuple):
    """Query of a request, and the page of its answer that is wanted. `picture`: it is searched by, unread."""

    request: QueryRequest
    page: Page
    log: bool | None
    client: Client
    picture: bytes | None = None


async def search_by_url(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /search?q=…`."""
    values = from_query_string(request.query(), LISTS)
    if "q" in values:
        if "query" in values:
            raise InputError("parameters that cannot be used:", ["q, query: one of them"])
        values["query"] = values.pop("q")
    if "image" in values:
        raise InputError("parameters that cannot be used:", ["image: goes by POST"])
    return await _search(request, service, Parameters(values, texts=True))


async def search_by_body(request: HttpRequest, service: Service) -> Response:
    """Answer `POST /search`."""
    return await _search(request, service, Parameters(await request.json()))


async def _search(request: HttpRequest, service: Service, given: Parameters) -> Response:
    asked = await _with_picture(request, service, parse_search(given, service))
    answer: Answer = await service.calls.ask(request, "query", asked.request)
    answer = cut_to_page(answer, asked.page)
    mode = log_mode(asked.log, service.project_log, answer.log)
    if mode != "off":
        agent = asked.client.kind == "agent"
        explore = answer.explore and not agent and asked.page.cursor is None
        log = partial(
            log_answer,
            *(service.server.index.root, asked.request, answer, mode, asked.client, False, explore),
        )
        try:
            answer = await service.calls.run(request, log)
        except OSError as e:
            told = f"not logged: cannot write {e.filename or 'the log'}: {refusal(e)}"
            answer = replace(answer, warnings=[*answer.warnings, told])
    service.metrics.answered(answer.seconds)
    body = search_json(answer, asked, service.settings.limits.depth)
    words = asked.request.queries[0].text if service.settings.loud else None
    return json_response(body, query_id=body.get("query_id"), hits=len(body["hits"]), query=words)


async def _with_picture(request: HttpRequest, service: Service, asked: Search) -> Search:
    """The query with its picture read. Raises InputError for bytes that are no picture."""
    if asked.picture is None:
        return asked
    read = partial(read_query_bytes, asked.picture, "image", PICTURE_SECONDS)
    options = replace(asked.request.options, image=await service.calls.run(request, read))
    return asked._replace(request=replace(asked.request, options=options))


def parse_search(given: Parameters, service: Service) -> Search:
    """Query of parameters. Raises InputError with all that is wrong, UsageError, HttpError."""
    limits = service.settings.limits
    tuned = service.tuned
    text = given.text("query")
    image, picture = given.text("image"), None
    k = given.whole("k", 10, 1, limits.k)
    where = given.texts("where")
    mode = given.choice("mode", MODES, "auto")
    task = given.text("task")
    rerank = given.text("rerank")
    by = given.choice("by", ("passage", "document"), "passage")
    kind = given.choice("kind", ("", "text", "image"), "")
    context = given.whole("context", 0, 0, MAX_CONTEXT)
    snippets = given.choice("snippets", tuple(SNIPPETS), "words")
    cursor_text = given.text("cursor")
    log = given.truth("log")
    client_text, session = given.text("client"), given.text("session")
    if image is not None:
        text, picture = _sent_picture(given, image)
        if log:
            given.problems.append("log: a search by a picture is not logged, words are")
        log = False
    elif (
        text is None
        and "image" not in given
        and not any(p.startswith("query:") for p in given.problems)
    ):
        given.problems.append("query: a text is wanted")
    if rerank is not None and rerank not in (allowed := allowed_rerankers(tuned)):
        given.problems.append(f"rerank: one of {', '.join(allowed)} is wanted")
    given.check()
    assert text is not None
    names = {"mode": mode != "auto" or "mode" in given, "task": task, "rerank": rerank}
    plain = QueryOptions(
        k=k,
        task=task,
        mode=mode,
        rerank=rerank,
        by=by,  # type: ignore[arg-type]
        where=where,
        kind=kind or None,  # type: ignore[arg-type]
        context=context,
        snippets=SNIPPETS[snippets],
        memory=True,
        given=tuple(sorted(n for n in TUNED if names.get(n))),
        image=image,
    )
    query = Query("1", text)
    check_options(plain)
    check_queries([query])
    page = page_of(text, plain, cursor_text, limits.depth)
    client = parse_client(client_text, session)
    request = QueryRequest(
        [query],
        page.options,
        log=log_wish(log, service.project_log),
        client=client.id or client.session,
    )
    return Search(request, page, log, client, picture)


def _sent_picture(given: Parameters, image: str) -> tuple[str, bytes | None]:
    """(text that stands for a picture in base64, its bytes); what is wrong goes to the problems."""
    given.problems += [
        f"{name}: goes without image, which is searched by its vector"
        for name in _NOT_WITH_IMAGE
        if name in given
    ]
    try:
        data = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        given.problems.append("image: a picture in base64 is wanted")
    return f"picture {hashlib.blake2b(data, digest_size=8).hexdigest()}", data


def search_json(answer: Answer, asked: Search, depth: int) -> dict[str, Any]:
    """An answer to one query, JSON values: what `--format json` has, snippets and a cursor besides."""
    whole = answer_json(answer)
    (query,) = whole.pop("queries")
    results = answer.results[0]
    seen = asked.request.options.seen
    for rank, (line, hit) in enumerate(zip(query["hits"], results.hits, strict=True), 1):
        line["rank"] = len(seen) + rank
        if hit.snippet is not None:
            line["snippet"] = snippet_json(hit)
    cursor = next_cursor(answer, asked.page, depth)
    hits = query.pop("hits")
    logged = query.pop("logged_as", None)
    del query["query_id"], query["seconds"]
    reranked = answer.reranked
    return {
        **{n: whole[n] for n in ("schema", "generation", "recipe", "search", "tuned")},
        **({} if logged is None else {"query_id": logged}),
        **query,
        "hits": hits,
        "cursor": cursor,
        "warnings": [
            with_index(w) for w in (*whole["warnings"], *([answer.note] if answer.note else []))
        ],
        **(
            {}
            if reranked is None
            else {"reranked": {"by": reranked.spec, "meaning": reranked.meaning}}
        ),
        "seconds": whole["seconds"],
    }


def snippet_json(hit: Hit) -> dict[str, Any]:
    """Snippet of a hit: [start, end) in its `text`, the places of the query's words there, the line."""
    s = hit.snippet
    assert s is not None
    return {
        "start": s.start,
        "end": s.end,
        "matches": [list(span) for span in s.matches],
        "line": hit.shown_line,
        **({"definition": s.definition} if s.definition else {}),
    }
