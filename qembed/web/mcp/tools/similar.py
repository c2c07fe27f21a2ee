"""`similar`: what is near a document, a passage of it, or a text."""

from __future__ import annotations

from typing import Any

from qembed.hints import with_index
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.web.http.parameters import Parameters
from qembed.web.mcp.settings import LEAST_TOKENS, MAX_K, MAX_TOKENS
from qembed.web.mcp.tools.hits import choose_hits, folder_line, hit_json, hit_lines
from qembed.web.mcp.tools.result import Context, ToolResult
from qembed.web.mcp.tools.search import DEFAULT_TOKENS


def similar(given: Parameters, context: Context) -> ToolResult:
    """Find what is similar. Raises InputError with all that is wrong, other QembedErrors."""
    document, text = given.text("document"), given.text("text")
    passage = given.whole("passage", -1, 0)
    k = given.whole("k", 10, 1, MAX_K)
    by: Any = given.choice("by", ("document", "passage"), "document")
    where = given.texts("where")
    tokens = given.whole("max_tokens", DEFAULT_TOKENS, LEAST_TOKENS, MAX_TOKENS)
    if (document is None) == (text is None):
        given.problems.append("document, text: one of them is wanted")
    if passage >= 0 and text is not None:
        given.problems.append("passage: goes with document")
    given.check()
    answer = context.engine.similar(
        SimilarRequest(
            document,
            text,
            passage=passage if passage >= 0 else None,
            k=k,
            by=by,
            where=where,
            snippets=True,
        )
    )
    hits = answer.results[0].hits
    shown = choose_hits(hits, 1, tokens, context.links)
    name = document if document is not None else "the text"
    head = [f"nearest to {name}" if hits else f"nothing is near {name}"]
    folder = folder_line(shown.hits)
    head += [] if folder is None else [folder]
    warnings = [with_index(w) for w in answer.warnings]
    head += [f"note: {w}" for w in warnings]
    left = len(hits) - len(shown.hits)
    tail = [f"{left} more had no room: a larger max_tokens, or fewer k"] if left else []
    structured = {
        "generation": answer.generation,
        "hits": [hit_json(h, n) for n, h in enumerate(shown.hits, 1)],
        "warnings": warnings,
    }
    lines = hit_lines(shown)
    return ToolResult("\n\n".join(["\n".join(head), *lines, *tail]), structured, shown.links)
