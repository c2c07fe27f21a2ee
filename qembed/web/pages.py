"""Pages of an answer: what a request wants of it, and the cursor that leads to the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from qembed.pipeline.retrieval.answer import Answer, hit_key
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.web.http.cursor import Cursor, check_generation, digest, parse_cursor
from qembed.web.http.errors import bad_request


class Page(NamedTuple):
    """Page that is asked for. `options`: they find its hits and those before it. `k`: its hits, at most.

    `cursor`: where it begins, None for the first page. `digest`: of what is asked, pages aside.
    """

    options: QueryOptions
    k: int
    cursor: Cursor | None
    digest: bytes


def page_of(text: str, plain: QueryOptions, cursor_text: str | None, depth: int) -> Page:
    """Page of a query. `plain`: its options, with `k` hits a page. `depth`: hits that cursors lead to.

    Raises HttpError for a cursor that is none, of another query, or at the end.
    """
    wanted = digest([text, *(getattr(plain, n) for n in QueryOptions.__slots__ if n != "k")])
    if cursor_text is None:
        return Page(plain, plain.k, None, wanted)
    cursor = parse_cursor(cursor_text)
    if cursor.query != wanted:
        raise bad_request(
            "cursor: it is of another query (repeat all parameters of the first page)", "cursor"
        )
    total = len(cursor.seen) + plain.k
    if total > depth:
        raise bad_request(
            f"cursor: pages end after {depth:,} hits (narrow the query, or raise k)", "cursor"
        )
    return Page(replace(plain, k=total, seen=cursor.seen), plain.k, cursor, wanted)


def cut_to_page(answer: Answer, page: Page) -> Answer:
    """The answer with no more hits than the page has. Raises HttpError if it is of another generation."""
    if page.cursor is not None:
        check_generation(page.cursor, answer.generation, answer.recipe)
    if all(len(r.hits) <= page.k for r in answer.results):
        return answer
    # a deeper search found some above those of the pages before
    results = [replace(r, hits=r.hits[: page.k]) for r in answer.results]
    return replace(answer, results=results)


def next_cursor(answer: Answer, page: Page, depth: int, shown: int | None = None) -> str | None:
    """Cursor behind the first `shown` hits of an answer to one query, None: behind all; None at the end."""
    hits = answer.results[0].hits
    part = hits if shown is None else hits[:shown]
    keys = (*page.options.seen, *(hit_key(h, page.options.by) for h in part))
    more = len(part) < len(hits) or len(hits) == page.k
    if not more or len(keys) >= depth:
        return None
    return Cursor(answer.generation, answer.recipe, page.digest, keys).encode()
