"""What `query` and `rerank` do once there is an index open: in this process or in the server's.

A request is what the command line said, as JSON values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from qembed.cli.console import Console, dumps
from qembed.cli.render.hits import Screen, show
from qembed.pipeline.retrieval.options import QueryOptions, parse_budget
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.types import Query

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.pipeline.retrieval.answer import RerankSummary
    from qembed.pipeline.retrieval.rerank import RerankOptions
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Scorer

Request = Mapping[str, Any]


def asked_of(request: Request) -> QueryOptions:
    """How to answer a query. Raises UsageError."""
    return QueryOptions(
        **request["asked"],
        snippets=request["format"] == "text",
        where=tuple(request["where"]),
        rerank_budget=parse_budget(request["rerank_budget"]),
    )


def queries_of(request: Request) -> list[Query]:
    """The queries."""
    return [Query(*q) for q in request["queries"]]


def how_of(request: Request) -> RerankOptions:
    """How to rerank. Raises UsageError."""
    from qembed.pipeline.retrieval.rerank import RerankOptions

    return RerankOptions(**request["how"], budget=parse_budget(request["rerank_budget"]))


def answer_query(retriever: Retriever, request: Request, screen: Screen, talk: Console) -> None:
    """Searches, prints the hits, says what there is to say."""
    queries, asked = queries_of(request), retriever.options
    with talk.counter(len(queries) * asked.candidates if asked.rerank else 0, "pairs") as track:
        answer = retriever.answer(queries, track if asked.rerank else None)
    show(answer, request["format"], screen)
    if answer.note:
        talk.say(answer.note)
    for warning in answer.warnings:
        talk.say(f"warning: {warning}")
    if answer.truncated:
        count = f"{len(answer.truncated)} of {len(queries)}"
        talk.say(f"{count} queries were longer than the model reads")
        for text in answer.truncated:
            talk.detail(f"cut short: {text[:80]!r}")
    if request["explain"]:
        for r in answer.results:
            talk.say(f"query {r.query.id}: encoded {r.instruction or r.query.text!r}")
            if why := answer.why.get(r.query.id):
                talk.say(f"query {r.query.id}: {why}")
        talk.say(f"search: {answer.plan}")
    say_reranked(talk, answer.reranked, request["explain"])
    talk.seconds(answer.seconds)


def rerank_lines(
    lines: Sequence[dict[str, Any]],
    how: RerankOptions,
    opened: Callable[[], tuple[Model, Scorer]],
    request: Request,
    file: TextIO,
    talk: Console,
) -> None:
    """Prints the lines in their new order."""
    from qembed.pipeline.retrieval.rerank import rerank_hits

    with talk.counter(len(lines), "pairs") as track:
        better, reranked = rerank_hits(lines, how, opened, track)
    for line in better:
        file.write(dumps(line) + "\n")
    say_reranked(talk, reranked, request["explain"])


def rerank_a_run(
    session: Callable[[], AbstractContextManager[Session]],
    request: Request,
    file: TextIO,
    talk: Console,
) -> None:
    """Prints a run in its new order."""
    from qembed.evaluation import read_queries, read_run, write_run
    from qembed.pipeline.retrieval.rerank import check_rerank_options, rerank_run

    how = how_of(request)
    check_rerank_options(how)
    found = read_run(Path(request["run"]))
    with talk.counter(sum(len(d) for d in found.values()), "pairs") as track:
        queries = read_queries(Path(request["queries"]))
        with session() as opened:
            better, done = rerank_run(opened, found, queries, how, track)
    write_run(better, file, warn=lambda text: talk.say(f"warning: {text}"))
    say_reranked(talk, done, request["explain"])


def say_reranked(talk: Console, reranked: RerankSummary | None, explain: bool) -> None:
    """What a rerank did: always if pairs were left out or cut short, else when asked."""
    if reranked is None:
        return
    if reranked.note:
        talk.say(reranked.note)
    if reranked.scored < reranked.pairs:
        talk.say(
            f"rerank: {reranked.scored} of {reranked.pairs} pairs scored within --rerank-budget; the "
            "others follow in the order they had"
        )
    if explain:
        talk.say(
            f"rerank: {reranked.spec} ({reranked.kind}), {reranked.scored} of {reranked.pairs} pairs "
            f"scored; scores are {reranked.meaning}"
        )
    if reranked.truncated:
        talk.say(f"{len(reranked.truncated)} pairs were longer than the reranker reads")
        for query, passage in reranked.truncated:
            talk.detail(f"cut short: {query[:60]!r} with {passage[:60]!r}")
