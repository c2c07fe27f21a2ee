"""`search`: a query to hits, those of `qembed query`."""

from __future__ import annotations

from dataclasses import replace

from qembed.errors import refusal
from qembed.hints import with_index
from qembed.pipeline.feedback.log_answer import log_answer
from qembed.pipeline.feedback.log_setting import log_mode, log_wish
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.options import (
    MODES,
    TUNED,
    QueryOptions,
    check_options,
    check_queries,
)
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.store.manifest import read as read_manifest
from qembed.types import Query
from qembed.web.http.parameters import Parameters
from qembed.web.http.rerankers import allowed_rerankers
from qembed.web.mcp.settings import DEPTH, LEAST_TOKENS, MAX_K, MAX_TOKENS
from qembed.web.mcp.tools.hits import choose_hits, folder_line, hit_json, hit_lines
from qembed.web.mcp.tools.result import Context, ToolResult
from qembed.web.pages import Page, cut_to_page, next_cursor, page_of

DEFAULT_TOKENS = 2000


def search(given: Parameters, context: Context) -> ToolResult:
    """Search. Raises InputError with all that is wrong, other QembedErrors, HttpError."""
    request, page, tokens = parse_search(given, context)
    answer = cut_to_page(context.engine.query(request), page)
    results = answer.results[0]
    first_rank = 1 + len(page.options.seen)
    shown = choose_hits(results.hits, first_rank, tokens, context.links)
    cursor = next_cursor(answer, page, DEPTH, len(shown.hits))
    # what did not fit was not seen
    answer = replace(answer, results=[replace(results, hits=shown.hits)])
    answer = _logged(request, answer, context)
    logged = answer.results[0].logged_as
    if logged is not None:
        places = [(h.document, first_rank + n) for n, h in enumerate(shown.hits)]
        context.conversation.show(logged, places)
    named = f" (query_id {logged})" if logged else ""
    if shown.hits:
        last = first_rank + len(shown.hits) - 1
        head = [f"hits {first_rank} to {last}{named}"]
        folder = folder_line(shown.hits)
        head += [] if folder is None else [folder]
        tail = [f"more: the same search with cursor {cursor}"] if cursor else []
    elif first_rank > 1:
        head, tail = [f"no more hits{named}"], []
    else:
        head = [f"no hits{named}"]
        where = request.options.where
        tail = ["without `where` there may be some"] if where else []
    told = (*answer.warnings, *([answer.note] if answer.note else []))
    warnings = [with_index(w) for w in told]
    head += [f"note: {w}" for w in warnings]
    text = "\n\n".join(["\n".join(head), *hit_lines(shown), *tail])
    structured = {
        **({} if logged is None else {"query_id": logged}),
        "generation": answer.generation,
        "hits": [hit_json(h, first_rank + n) for n, h in enumerate(shown.hits)],
        "cursor": cursor,
        "warnings": warnings,
    }
    return ToolResult(text, structured, shown.links)


def parse_search(given: Parameters, context: Context) -> tuple[QueryRequest, Page, int]:
    """(request, page, tokens of the result) of arguments. Raises as `search`."""
    settings = context.settings
    text = given.text("query")
    k = given.whole("k", 10, 1, MAX_K)
    where = given.texts("where")
    mode = given.choice("mode", MODES, "auto")
    by = given.choice("by", ("passage", "document"), "passage")
    kind = given.choice("kind", ("", "text", "image"), "")
    rerank = given.text("rerank")
    cursor = given.text("cursor")
    tokens = given.whole("max_tokens", DEFAULT_TOKENS, LEAST_TOKENS, MAX_TOKENS)
    if text is None and not any(p.startswith("query:") for p in given.problems):
        given.problems.append("query: a text is wanted")
    if rerank is not None:
        allowed = allowed_rerankers(read_manifest(context.engine.root).tuned)
        if rerank not in allowed:
            given.problems.append(f"rerank: one of {', '.join(allowed)} is wanted")
    given.check()
    assert text is not None
    names = {"mode": "mode" in given, "rerank": rerank}
    plain = QueryOptions(
        k=k,
        mode=mode,
        rerank=rerank,
        by=by,  # type: ignore[arg-type]
        where=where,
        kind=kind or None,  # type: ignore[arg-type]
        snippets="words",
        memory=True,
        given=tuple(sorted(n for n in TUNED if names.get(n))),
    )
    query = Query("1", text)
    check_options(plain)
    check_queries([query])
    page = page_of(text, plain, cursor, DEPTH)
    client = context.conversation.client
    request = QueryRequest(
        [query],
        page.options,
        log=log_wish(settings.log, settings.project_log),
        client=client.id or client.session,
    )
    return request, page, tokens


def _logged(request: QueryRequest, answer: Answer, context: Context) -> Answer:
    """The answer, logged if a setting says so. A failure is a warning."""
    settings = context.settings
    mode = log_mode(settings.log, settings.project_log, answer.log)
    if mode == "off":
        return answer
    client = context.conversation.client
    try:
        return log_answer(context.engine.root, request, answer, mode, client, own_ids=False)
    except OSError as e:
        told = f"not logged: cannot write {e.filename or 'the log'}: {refusal(e)}"
        return replace(answer, warnings=[*answer.warnings, told])
