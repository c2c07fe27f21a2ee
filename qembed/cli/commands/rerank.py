"""`qembed rerank`: score hits or a run again."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qembed.cli.console import Console
from qembed.cli.options import (
    MODEL_GROUP,
    OUTPUT_GROUP,
    RERANKERS,
    BudgetOption,
    IndexOption,
    NoServerOption,
    QuietOption,
    TaskOption,
    VerboseOption,
)
from qembed.cli.via_server import regular, through_server

RUN_GROUP = "A run instead of hits"


def rerank(
    model: Annotated[str, typer.Option(metavar="SPEC", help=RERANKERS)] = "late",
    k: Annotated[
        int | None, typer.Option("-k", help="How many to keep. Default: all.", show_default=False)
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out what scores below: a probability. Not with late.", show_default=False
        ),
    ] = None,
    index_dir: IndexOption = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TREC run to rerank against the index; wants --queries.",
            rich_help_panel=RUN_GROUP,
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The run's queries.", rich_help_panel=RUN_GROUP),
    ] = None,
    task: TaskOption = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Whose token vectors late compares. Default: the index's model, else minilm.",
            show_default=False,
            rich_help_panel=MODEL_GROUP,
        ),
    ] = None,
    rerank_budget: BudgetOption = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say on stderr what scored and what the scores are.",
            rich_help_panel=OUTPUT_GROUP,
        ),
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_server: NoServerOption = False,
) -> None:
    """Put hits in a better order.

    \b
    qembed query "late refund" -k 100 --format jsonl | qembed rerank -k 10
    qembed rerank --run bm25.trec --queries queries.jsonl > better.trec
    """
    from qembed.errors import NoIndex, UsageError
    from qembed.pipeline.locate import find_index, model_spec

    talk = Console(quiet, verbose)
    request: dict[str, Any] = {
        "how": {"spec": model, "task": task, "k": k, "min_score": min_score},
        "rerank_budget": rerank_budget,
        "reranker": model,
        "model": encoder,
        "explain": explain,
    }
    if run is not None:
        if queries is None:
            raise UsageError("--run wants --queries FILE: a run does not hold the queries' words")
        index = find_index(index_dir)
        files = {"run": str(run), "queries": str(queries), "paths": True, "model": None}
        readable = regular(run) and regular(queries) and not no_server
        if readable and through_server(index, "rerank", {**request, **files}, talk):
            return
        from qembed.cli.query_output import rerank_a_run
        from qembed.pipeline.retrieval.session import Session

        rerank_a_run(lambda: Session(index), {**request, **files}, sys.stdout, talk)
        return
    data = sys.stdin.buffer.read()
    remembered, found = None, None
    try:
        found = find_index(index_dir)
        text = data.decode("utf-8", "surrogateescape")
        if not no_server and through_server(found, "rerank", {**request, "lines": text}, talk):
            return
    except NoIndex:
        if encoder is None and index_dir is not None:
            raise
    from qembed.cli.query_output import how_of, rerank_lines
    from qembed.pipeline.retrieval.rerank import check_rerank_options, opener, parse_hits
    from qembed.store.manifest import read as read_manifest

    how = how_of(request)
    check_rerank_options(how)
    lines = parse_hits(io.BytesIO(data))
    if encoder is None and found is not None:
        try:
            remembered = read_manifest(found).spec
        except NoIndex:
            if index_dir is not None:
                raise
    opened = opener(how, model_spec(encoder, remembered))
    rerank_lines(lines, how, opened, request, sys.stdout, talk)
