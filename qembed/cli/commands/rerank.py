"""qembed rerank"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qembed.cli.commands.query import BudgetOption, TaskOption
from qembed.cli.console import Console, IndexOption, QuietOption, VerboseOption
from qembed.cli.via_server import NoServerOption, regular, through_server


def rerank(
    model: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="late (needs no other weights), a reranker's hub id or folder, "
            "http://host:port/v1#model, or py:module:factory.",
        ),
    ] = "late",
    k: Annotated[
        int | None, typer.Option("-k", help="How many to keep. Default: all.", show_default=False)
    ] = None,
    task: TaskOption = None,
    rerank_budget: BudgetOption = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out what scores below: a probability. Not with late.", show_default=False
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A TREC run to rerank against the index; wants --queries."
        ),
    ] = None,
    queries: Annotated[Path | None, typer.Option(metavar="FILE", help="The run's queries.")] = None,
    index_dir: IndexOption = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Whose token vectors late compares. Default: the index's model, else minilm.",
            show_default=False,
        ),
    ] = None,
    no_server: NoServerOption = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say on stderr what scored and what the scores are.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
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
