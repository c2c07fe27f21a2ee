"""qembed query"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console, IndexOption, ModelOption, QuietOption, VerboseOption
from qembed.cli.optional_value import OptionalRerank
from qembed.cli.via_server import NoServerOption, through_server


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
    lexical = "lexical"
    hybrid = "hybrid"


class Fusion(StrEnum):
    """How two searches become one."""

    sum = "sum"
    rrf = "rrf"


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
ModeOption = Annotated[
    Mode,
    typer.Option(
        help="By meaning, by words, by both in equal parts, or by both as the query suggests."
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EXPR",
        help="Only documents like this: user_id = 'alice' and date >= '2026-01-01'. Repeatable.",
        show_default=False,
    ),
]
FusionOption = Annotated[
    Fusion, typer.Option(help="Both searches' scores added, or their reciprocal ranks.")
]
SearchOption = Annotated[
    Search, typer.Option(help="Every vector, the graph, or whichever is faster here.")
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="[SPEC]",
        help="Look at the best candidates again: with late (the default, needs no other weights), "
        "a reranker's hub id or folder, http://host:port/v1#model, or py:module:factory.",
    ),
]
CandidatesOption = Annotated[int, typer.Option(help="How many a rerank looks at.")]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Stop scoring after 2s, 500ms, …: the best candidates are scored first, the rest follow "
        "unscored. Loading the model does not count.",
        show_default=False,
    ),
]


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
    where: WhereOption = None,
    fusion: FusionOption = Fusion.sum,
    rerank: RerankOption = None,
    candidates: CandidatesOption = 100,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out hits below this score: a cosine or, with a reranker, its probability. "
            "Not with late.",
            show_default=False,
        ),
    ] = None,
    rerank_budget: BudgetOption = None,
    by: Annotated[By, typer.Option(help="One hit a passage, or a document's best.")] = By.passage,
    context: Annotated[
        int, typer.Option(help="Show so many neighbouring passages on both sides of a hit.")
    ] = 0,
    diversity: Annotated[
        float,
        typer.Option(help="0 to 1: rather something else than the same again; .3 is a good start."),
    ] = 0.0,
    format: Annotated[Format, typer.Option("--format", help="How hits are printed.")] = Format.text,
    no_server: NoServerOption = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say on stderr what was encoded and how it was found.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Search by meaning.

    \b
    qembed query "where is my parcel"
    qembed query "retry with backoff" --format paths | xargs -r less
    qembed query "late refund" --format jsonl | jq -r .document
    qembed query - --format trec < questions.txt > run.trec
    """
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.request import parse_queries
    from qembed.types import Query

    talk = Console(quiet, verbose)
    if text is None:
        raise typer.BadParameter("give a TEXT, or - to read queries from stdin", param_hint="TEXT")
    queries = parse_queries(sys.stdin.buffer) if text == "-" else [Query("1", text)]
    request = {
        "queries": [[q.id, q.text, q.task, q.where] for q in queries],
        "asked": {
            "k": k,
            "task": task,
            "instruction": not no_instruction,
            "template": template,
            "mode": mode.value,
            "search": search.value,
            "rerank": rerank,
            "candidates": candidates,
            "min_score": min_score,
            "by": by.value,
            "fusion": fusion.value,
            "diversity": diversity,
            "context": context,
        },
        "where": list(where or ()),
        "rerank_budget": rerank_budget,
        "model": model,
        "reranker": rerank,
        "format": format.value,
        "explain": explain,
    }
    index = find_index(index_dir)
    if not no_server and through_server(index, "query", request, talk):
        return
    from qembed.cli.query_output import answer_query, asked_of
    from qembed.cli.render.hits import Screen
    from qembed.pipeline.retrieval.retriever import open_retriever

    with open_retriever(index, asked_of(request), model) as retriever:
        answer_query(retriever, request, Screen.here(), talk)


app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.command("query", cls=OptionalRerank)(query)
