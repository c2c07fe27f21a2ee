"""`qembed rerank`: score hits or a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console
from qembed.cli.hit_format import (
    HIT_FORMATS,
    HitFormat,
    NullOption,
    VimgrepOption,
    hit_format,
)
from qembed.cli.option_checks import check_rerank, on_command_line
from qembed.cli.options import (
    MODEL_GROUP,
    OUTPUT_GROUP,
    RERANKERS,
    BudgetOption,
    IndexOption,
    NoServerOption,
    QuietOption,
    ShareOption,
    TaskOption,
    VerboseOption,
)
from qembed.cli.streams import standard_input
from qembed.cli.tuned import UntunedOption, is_given
from qembed.cli.via_server import ask_server, is_regular

RUN_GROUP = "A run instead of hits"


def rerank(
    ctx: typer.Context,
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
    format: Annotated[
        HitFormat | None,
        typer.Option(
            "--format", help=f"{HIT_FORMATS} Default: jsonl, of a run trec.", show_default=False
        ),
    ] = None,
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
    rerank_share: ShareOption = None,
    vimgrep: VimgrepOption = False,
    null: NullOption = False,
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
    untuned: UntunedOption = False,
) -> None:
    """Put hits in a better order.

    \b
    qembed query "late refund" -k 100 --format jsonl | qembed rerank -k 10 --format text
    qembed rerank --run bm25.trec --queries queries.jsonl > better.trec
    """
    from qembed.cli.render.query_output import HitOutput, print_hits, print_run
    from qembed.errors import UsageError
    from qembed.pipeline.locate import find_index, find_optional_index
    from qembed.pipeline.retrieval.options import parse_budget
    from qembed.pipeline.retrieval.reranking.request import (
        RerankedHits,
        RerankedRun,
        RerankOptions,
        RerankRequest,
        RunRequest,
        parse_hits,
    )

    talk = Console(quiet, verbose)
    default = HitFormat.jsonl if run is None else HitFormat.trec
    shown = hit_format(format, vimgrep, null, default)
    for line in check_rerank(on_command_line(ctx), ctx.params):
        talk.warn(line)
    output = HitOutput(shown.value, explain, null=null)
    tuned = not untuned and not is_given(ctx, "model")
    budget = parse_budget(rerank_budget)
    options = RerankOptions(model, task, k, budget, min_score, rerank_share, tuned)
    if run is not None:
        if queries is None:
            raise UsageError("--run wants --queries FILE: a run does not hold the queries' words")
        index = find_index(index_dir)
        files = RunRequest(run, queries, options, hits=shown is not HitFormat.trec)
        served = None
        if not no_server and is_regular(run) and is_regular(queries):
            served = ask_server(index, "rerank run", files, talk)
        if served is not None:
            print_run(RerankedRun.from_json(served), output, talk)
            return
        from qembed.pipeline.retrieval.reranking.rerank import rerank_run_files
        from qembed.pipeline.retrieval.session import Session

        with talk.progress() as progress:
            progress.phase("read", "", None)
            found_run = rerank_run_files(files, lambda: Session(index), progress)
        print_run(found_run, output, talk)
        return
    request = RerankRequest(parse_hits(standard_input("rerank without --run")), options, encoder)
    found = find_optional_index(index_dir)
    served = None
    if not no_server and found is not None:
        served = ask_server(found, "rerank", request, talk)
    if served is not None:
        print_hits(RerankedHits.from_json(served), output, talk)
        return
    from qembed.pipeline.retrieval.reranking.rerank import rerank_hits

    with talk.progress() as progress:
        answer = rerank_hits(request, found, progress)
    print_hits(answer, output, talk)
