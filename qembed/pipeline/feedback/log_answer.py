"""Answers of `query` to rows of the index's log. Imports nothing heavy: each query that is logged pays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.feedback.log_rows import encode_row, query_row
from qembed.feedback.log_store import LogStore
from qembed.pipeline.feedback.log_setting import EXPLORE_SETTING, Client, LogMode
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.options import QueryOptions

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.request import QueryRequest
    from qembed.types import Results

MAX_SHOWN = 1000
"""Hits of an answer that are logged."""
_UNLOGGED = ("given", "snippets", "context", "where", "memory", "seen")
"""Options that change no order, and the filters and votes, which have a form of their own."""


def log_answer(
    root: Path,
    request: QueryRequest,
    answer: Answer,
    mode: LogMode,
    client: Client,
    own_ids: bool,
    explore: bool = False,
) -> Answer:
    """Append the queries of an answer to the log of the index at `root`, each with an id of its own.

    Returns the answer with these ids (`logged_as`). `own_ids`: the queries came with ids, which stay; else
    the new id becomes the query's. `explore`: neighbours of each answer are exchanged at random, by its id.
    Raises OSError: then none is logged, or only the first ones.
    """
    hashed: Callable[[str], str] = str
    if mode == "hashed":
        from qembed.feedback.text_hash import hash_text, make_key

        key = make_key(root)

        def hashed(text: str) -> str:
            return hash_text(text, key)

    ids = {r.query.id: os.urandom(8).hex() for r in answer.results}
    now = round(time.time(), 3)
    shared = _settings(request.options, answer)
    first = 1 + len(request.options.seen)
    found: Sequence[Results] = answer.results
    if explore:
        shared[EXPLORE_SETTING] = True
        found = [r if r.interleaved else _exchanged(r, ids[r.query.id]) for r in found]
    lines = [
        encode_row(
            query_row(
                ids[r.query.id],
                hashed(r.query.text),
                now,
                [
                    (h.document, n, round(h.score, 6))
                    for n, h in enumerate(r.hits[:MAX_SHOWN], first)
                ],
                client_id=client.id,
                client_kind=client.kind,
                session_id=client.session,
                generation=answer.generation,
                explored=list(r.explored),
                settings={
                    **shared,
                    **_own_settings(r, request.options, hashed, r.query.id in answer.votes),
                },
            )
        )
        for r in found
    ]
    if lines:
        LogStore(root).append(lines)
    results = [
        replace(
            r,
            logged_as=ids[r.query.id],
            query=r.query if own_ids else replace(r.query, id=ids[r.query.id]),
        )
        for r in found
    ]
    why, votes = (
        by_id if own_ids else {ids.get(name, name): w for name, w in by_id.items()}
        for by_id in (answer.why, answer.votes)
    )
    return replace(answer, results=results, why=why, votes=votes)


def _exchanged(results: Results, seed: str) -> Results:
    from qembed.feedback.propensity.exchange import exchange, exchanged_ranks

    ranks = exchanged_ranks(len(results.hits), seed)
    return replace(results, hits=exchange(results.hits, ranks), explored=ranks)


def _settings(options: QueryOptions, answer: Answer) -> dict[str, Any]:
    """Choices that the order of all queries of a call was made by: options other than the defaults."""
    plain = QueryOptions()
    chosen: dict[str, Any] = {"recipe": answer.recipe}
    for name in QueryOptions.__slots__:
        value = getattr(options, name)
        if name not in _UNLOGGED and value != getattr(plain, name):
            chosen[name] = value._asdict() if hasattr(value, "_asdict") else value
    return {**chosen, **answer.tuned}


def _own_settings(
    results: Results, options: QueryOptions, hashed: Callable[[str], str], votes: bool
) -> dict[str, Any]:
    """Filters and task of one query, which setting picked its hits, and whether `votes` changed them."""
    query = results.query
    where = [*options.where, *([] if query.where is None else [query.where])]
    found: dict[str, Any] = {"where": [hashed(w) for w in where]} if where else {}
    if results.interleaved is not None:
        found["interleaved"] = dict(results.interleaved)
    if votes:
        found["votes"] = True
    return found if query.task is None else {**found, "task": query.task}
