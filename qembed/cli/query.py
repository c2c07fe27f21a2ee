"""qembed query"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.common import IndexOption, ModelOption, QuietOption, Talk, VerboseOption


class Format(StrEnum):
    """What comes out."""

    text = "text"
    json = "json"
    jsonl = "jsonl"
    tsv = "tsv"
    trec = "trec"
    paths = "paths"


class Mode(StrEnum):
    """Which search answers."""

    auto = "auto"
    dense = "dense"


class Search(StrEnum):
    """How vectors are searched."""

    auto = "auto"
    exact = "exact"
    graph = "graph"


class By(StrEnum):
    """What a hit is."""

    passage = "passage"
    document = "document"


TaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|TEXT", help="The task put into the model's instruction: a name or a sentence."
    ),
]
NoInstructionOption = Annotated[
    bool,
    typer.Option("--no-instruction", help="Encode the bare query, whatever the model's profile."),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(metavar="STRING", help="Instead of the model's: with {query}, perhaps {task}."),
]
ModeOption = Annotated[Mode, typer.Option(help="Which search answers.")]
SearchOption = Annotated[
    Search, typer.Option(help="Every vector, the graph, or whichever is faster here.")
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="[SPEC]",
        help="Look at the best candidates again: with late (the default, needs no other weights), "
        "a cross-encoder's hub id or folder, or py:module:factory.",
    ),
]
CandidatesOption = Annotated[int, typer.Option(help="How many a rerank looks at.")]


def query(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="The query, or - for queries on stdin: one a line, or JSON lines.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    mode: ModeOption = Mode.auto,
    search: SearchOption = Search.auto,
    rerank: RerankOption = None,
    candidates: CandidatesOption = 100,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out hits below this score.", show_default=False)
    ] = None,
    by: Annotated[By, typer.Option(help="One hit a passage, or a document's best.")] = By.passage,
    format: Annotated[Format, typer.Option("--format", help="How hits are printed.")] = Format.text,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say on stderr what was encoded and how it was found.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    r"""Search by meaning.

    \b
    qembed query "where is my parcel"
    qembed query "retry with backoff" --format paths | xargs -r less
    qembed query "late refund" --format jsonl | jq -r .document
    qembed query - --format trec < questions.txt > run.trec
    """
    from qembed.cli.render import show
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.queries import parse_queries
    from qembed.pipeline.retrieve import Asked, open_retriever
    from qembed.types import Query

    talk = Talk(quiet, verbose)
    if text is None:
        raise typer.BadParameter("give a TEXT, or - to read queries from stdin", param_hint="TEXT")
    queries = parse_queries(sys.stdin.buffer) if text == "-" else [Query("1", text)]
    asked = Asked(
        k=k,
        task=task,
        instruction=not no_instruction,
        template=template,
        mode=mode.value,
        search=search.value,
        rerank=rerank,
        candidates=candidates,
        min_score=min_score,
        by=by.value,
    )
    retriever = open_retriever(find_index(index_dir), asked, model)
    answer = retriever.answer(queries)
    if answer.truncated:
        talk.say(f"{answer.truncated} of {len(queries)} queries were longer than the model reads")
    if explain:
        for r in answer.results:
            talk.say(f"query {r.query.id}: encoded {r.instruction or r.query.text!r}")
        talk.say(f"search: {answer.plan}")
        if answer.reranker:
            talk.say(f"rerank: {answer.reranker}, {candidates} candidates")
    show(answer, retriever, format.value)
    talk.seconds(retriever.session.seconds)
