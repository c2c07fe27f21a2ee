"""`get`: texts of documents as the index has them, whole or in part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from qembed.errors import QembedError, UnknownPart, refusal
from qembed.evaluation.formats.source_file import counted
from qembed.pipeline.feedback.take_records import is_logged
from qembed.pipeline.retrieval.documents.read import DocumentRequest, DocumentText
from qembed.web.http.parameters import Parameters
from qembed.web.mcp.budget import cut_from, estimate_tokens
from qembed.web.mcp.resources import document_uri
from qembed.web.mcp.settings import LEAST_TOKENS, MAX_TOKENS
from qembed.web.mcp.tools.result import Context, ToolResult

DEFAULT_TOKENS = 4000
MAX_DOCUMENTS = 20
MAX_CONTEXT = 100
MAX_ID = 50
"""Characters of an unknown query_id that are repeated."""
META_TOKENS = 60
"""Tokens of a document's metadata in the text, at most."""
PICTURE_TOKENS = 800
"""Tokens of a picture of 768 pixels, about: pixels by 750."""
CUT_TOKENS = 24
"""Tokens of the line that says where a text goes on."""


class Wish(NamedTuple):
    """Parts of documents that are wanted. `offset`: character to begin at, 0 for the part's beginning."""

    requests: Sequence[DocumentRequest]
    offset: int
    query_id: str | None
    tokens: int


def get(given: Parameters, context: Context) -> ToolResult:
    """Read documents. Raises InputError with all that is wrong, other QembedErrors if none can be read."""
    wish = _parse(given)
    texts: list[str] = []
    found: list[dict[str, Any]] = []
    problems: list[QembedError] = []
    pictures: list[bytes] = []
    note = _unlogged(wish, context)
    left = wish.tokens - estimate_tokens(note)
    for n, request in enumerate(wish.requests):
        try:
            document = context.engine.document(request)
            images, said = _picture(context, document, left)
            room = left - estimate_tokens(said)
            text, fields = _one(document, wish.offset, room // (len(wish.requests) - n))
        except QembedError as e:
            problems.append(e)
            text, fields = f"not read: {e}", {"document": request.document, "error": str(e)}
        else:
            if not note:
                event = context.conversation.opened(request.document, wish.query_id)
                if event is not None:
                    context.signals.add(event)
            if said:
                text += f"\n[{said}]"
                fields["picture_left_out"] = said
            pictures += images
            left -= PICTURE_TOKENS * len(images)
        left -= estimate_tokens(text)
        texts.append(text)
        found.append(fields)
    if len(problems) == len(texts):
        raise problems[0]
    if note:
        texts.append(f"note: {note}")
    structured = {"documents": found, "warnings": [note] if note else []}
    return ToolResult("\n\n".join(texts), structured, pictures=pictures)


def _unlogged(wish: Wish, context: Context) -> str:
    """Reason why reads are not logged as of the search that is named; "" if they are."""
    named = wish.query_id
    if named is None or context.conversation.has_shown(named):
        return ""
    try:
        known = is_logged(context.engine.root, named)
    except OSError as e:
        return f"not logged as read: cannot read {e.filename or 'the log'}: {refusal(e)}"
    if known:
        return ""
    cut = named if len(named) <= MAX_ID else named[:MAX_ID] + "…"
    return f"not logged as read: query {cut} is not in the log (query_id is in a search's answer)"


def _parse(given: Parameters) -> Wish:
    documents = given.texts("document")
    line = given.whole("line", 0, 1)
    end_line = given.whole("end_line", 0, 1)
    passage = given.whole("passage", -1, 0)
    context = given.whole("context", 0, 0, MAX_CONTEXT)
    offset = given.whole("offset", 0, 0)
    query_id = given.text("query_id")
    tokens = given.whole("max_tokens", DEFAULT_TOKENS, LEAST_TOKENS, MAX_TOKENS)
    part = bool(line or end_line or passage >= 0)
    if not documents and not any(p.startswith("document:") for p in given.problems):
        given.problems.append("document: an id, or a list of ids, is wanted")
    if len(documents) > MAX_DOCUMENTS:
        given.problems.append(f"document: at most {MAX_DOCUMENTS} at a time")
    if len(documents) > 1 and (part or offset):
        given.problems.append("line, passage, offset: go with one document")
    if passage >= 0 and (line or end_line):
        given.problems.append("passage, line: one of them")
    if offset and passage >= 0:
        given.problems.append("offset: goes with lines or a whole document")
    if end_line and end_line < line:
        given.problems.append(f"end_line: at least {line}, the line")
    if context and not part:
        given.problems.append("context: goes with line or passage")
    given.check()
    if passage >= 0:
        requests = [DocumentRequest(documents[0], passage=passage, context=context)]
    else:
        first = max(1, line - context) if line else None
        last = max(line, end_line) + context if line or end_line else None
        requests = [DocumentRequest(d, first, last) for d in dict.fromkeys(documents)]
    return Wish(requests, offset, query_id, tokens)


def _picture(context: Context, found: DocumentText, left: int) -> tuple[list[bytes], str]:
    """([the picture, small enough for a model to look at], ""); ([], why it is not there), "" for a text."""
    from qembed.pipeline.retrieval.pictures.thumbnail import LARGE, thumbnail

    if found.picture is None:
        return [], ""
    if left < PICTURE_TOKENS:
        more = (
            f"it takes {PICTURE_TOKENS} tokens, and {max(left, 0)} are left: get it with max_tokens"
        )
        return [], f"the picture is left out: {more}"
    try:
        return [thumbnail(context.engine.root, found, LARGE)], ""
    except QembedError:
        return [], "the picture is left out: its file has changed since it was indexed, or is gone"


def _one(found: DocumentText, offset: int, tokens: int) -> tuple[str, dict[str, Any]]:
    """(text of a document under a line on it, its place as JSON values)."""
    begin = max(0, offset - found.start) if offset else 0
    if begin >= len(found.text) and offset:
        raise UnknownPart(
            f"{found.document} has no text at {offset} (it ends at {found.start + len(found.text)})"
        )
    meta = _meta(found)
    room = tokens - estimate_tokens(found.document) - estimate_tokens(meta) - 2 * CUT_TOKENS
    part = cut_from(found.text, begin, max(1, room))
    text = found.text[part.start : part.end]
    line = found.line + found.text.count("\n", 0, part.start)
    end_line = line + text.rstrip("\n").count("\n")
    cut = part.end < len(found.text)
    offsets = {"start": found.start + part.start, "end": found.start + part.end}
    head = f"{found.document} lines {line}-{end_line} of {found.lines}"
    path = found.path if found.path and not found.path.endswith(found.document) else None
    titled = " · ".join(filter(None, (head, found.title, path)))
    lines = [titled, *([meta] if meta else []), "", text.rstrip("\n")]
    if cut:
        goes_on = f"the text goes on: get with offset {offsets['end']}"
        lines.append(f"[{counted(found.characters - offsets['end'], 'character')} more; {goes_on}]")
    fields = {
        "document": found.document,
        "path": found.path,
        "title": found.title,
        "meta": dict(found.meta),
        "line": line,
        "end_line": end_line,
        "lines": found.lines,
        **offsets,
        "characters": found.characters,
        "next_offset": offsets["end"] if cut else None,
        "uri": document_uri(found.document),
        "generation": found.generation,
    }
    return "\n".join(lines), fields


def _meta(found: DocumentText) -> str:
    """Metadata as a line, "" for none and for much of it, which the structured result has."""
    if not found.meta:
        return ""
    text = json.dumps(dict(found.meta), ensure_ascii=False, default=str)
    return text if estimate_tokens(text) <= META_TOKENS else ""
