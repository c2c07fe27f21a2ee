"""qembed eval; its own commands are in eval_diff, eval_pool and eval_init."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qembed.cli.commands.eval import diff, init, pool
from qembed.cli.commands.eval import sts as eval_sts
from qembed.cli.commands.index import Chunking
from qembed.cli.commands.query import (
    CandidatesOption,
    Fusion,
    FusionOption,
    Mode,
    ModeOption,
    NoInstructionOption,
    RerankOption,
    Search,
    SearchOption,
    TaskOption,
    TemplateOption,
    WhereOption,
)
from qembed.cli.console import (
    Console,
    IndexOption,
    ModelOption,
    QuietOption,
    StopSignals,
    VerboseOption,
    dumps,
    out,
)
from qembed.cli.exit_codes import ExitCode
from qembed.cli.optional_value import fill_in
from qembed.cli.render.report import failures, show


class Format(StrEnum):
    """How the report is printed."""

    text = "text"
    json = "json"


class Group(TyperGroup):
    """`qembed eval` itself takes `--rerank [SPEC]`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fills in what was left out, then parses as ever."""
        return super().parse_args(ctx, fill_in(args))


app = typer.Typer(cls=Group, add_completion=False, rich_markup_mode=None)


def _many(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=f"{text} Repeatable.", show_default=False)


def _file(text: str, metavar: str = "FILE") -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False)


@app.callback(invoke_without_command=True)
def evaluate(
    ctx: typer.Context,
    queries: Annotated[Path | None, _file("Queries, BEIR or TREC form.")] = None,
    qrels: Annotated[Path | None, _file("Judgments, BEIR or TREC form.")] = None,
    beir: Annotated[
        Path | None,
        _file("A BEIR folder: its corpus is indexed first, in the cache folder.", "DIR"),
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgments of --beir.")] = "test",
    run: Annotated[
        list[Path] | None,
        _many("FILE", "Score this run instead of making one; more are compared with the first."),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(
            help="ir-measures names, separated by blanks.",
            show_default="nDCG@10 RR@10 R@100 P@5 Success@1 Judged@10",
        ),
    ] = None,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    mode: ModeOption = Mode.auto,
    fusion: FusionOption = Fusion.sum,
    where: WhereOption = None,
    search: SearchOption = Search.auto,
    ef: Annotated[
        int | None, typer.Option(help="Breadth of the graph search.", show_default=False)
    ] = None,
    rerank: RerankOption = None,
    candidates: CandidatesOption = 100,
    chunker: Annotated[
        Chunking | None, typer.Option(help="For --beir, as in qembed index.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    overlap: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    dim: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    fail_under: Annotated[list[str] | None, _many("M=V", "Exit 3 if measure M is below V.")] = None,
    query_floor: Annotated[
        list[str] | None, _many("M=V", "Exit 3 if any query's M is below V; they are listed.")
    ] = None,
    baseline: Annotated[
        Path | None, _file("An earlier report to compare with.", "REPORT.json")
    ] = None,
    max_drop: Annotated[
        list[str] | None, _many("M=V", "Exit 3 if M fell by more than V (or V% of what it was).")
    ] = None,
    max_drop_significant: Annotated[
        list[str] | None, _many("M", "Exit 3 if M fell beyond chance.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="What counts as chance.")] = 0.05,
    common: Annotated[
        bool,
        typer.Option(
            "--common",
            help="With --baseline: compare on the queries that are the same in both, "
            "whatever else differs.",
        ),
    ] = False,
    ablate: Annotated[
        list[str] | None,
        _many("NAME[,NAME]", "Try instruction, mode, rerank, search or dim; a,b is a grid."),
    ] = None,
    latency: Annotated[
        int, typer.Option(metavar="N", help="Time N single queries first; 0: none.")
    ] = 5,
    save_run: Annotated[Path | None, _file("Write the run in TREC form.")] = None,
    report: Annotated[
        list[Path] | None, _many("FILE", "Write a report: .json, .md, .html or .xml (JUnit).")
    ] = None,
    sts: Annotated[
        Path | None,
        _file("Instead: Spearman's correlation on pairs, a TSV of sentence1, sentence2, score."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Measure retrieval, and fail a build when it got worse.

    \b
    qembed eval --queries q.jsonl --qrels qrels.tsv
    qembed eval --queries q.jsonl --qrels qrels.tsv --rerank --fail-under nDCG@10=0.80
    qembed eval --queries q.jsonl --qrels qrels.tsv --ablate instruction --report report.html
    qembed eval --beir scifact/ --chunker none --search exact
    qembed eval --run bm25.trec --run dense.trec --qrels qrels.tsv
    qembed eval --sts stsb-test.tsv --model minilm
    """
    if ctx.invoked_subcommand is not None:
        return
    if sts is not None:
        if any((queries, qrels, beir, run, rerank, baseline, ablate, report, save_run)):
            raise typer.BadParameter("--sts goes with the model's options and --fail-under only")
        how = {"dim": dim, "task": task, "template": template, "instruction": not no_instruction}
        eval_sts.sts(
            sts, model, how, tuple(fail_under or ()), format is Format.json, Console(quiet, verbose)
        )
        return
    from qembed.evaluation import DEFAULT
    from qembed.pipeline.experiments.evaluate import EvalOptions, run_evaluation
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.pipeline.retrieval.options import QueryOptions

    talk = Console(quiet, verbose)
    wanted = EvalOptions(
        queries=queries,
        qrels=qrels,
        beir=beir,
        split=split,
        runs=run or (),
        measures=DEFAULT if measures is None else measures,
        asked=QueryOptions(
            task=task,
            instruction=not no_instruction,
            template=template,
            mode=mode.value,
            fusion=fusion.value,
            where=tuple(where or ()),
            search=search.value,
            ef=ef,
            rerank=rerank,
            candidates=candidates,
        ),
        index=IndexOptions(
            recipe=RecipeOptions(
                model, dim, chunker.value if chunker else None, max_tokens, overlap
            )
        ),
        model=model,
        fail_under=fail_under or (),
        query_floor=query_floor or (),
        baseline=baseline,
        max_drop=max_drop or (),
        max_drop_significant=max_drop_significant or (),
        alpha=alpha,
        common=common,
        ablate=ablate or (),
        latency=latency,
        save_run=save_run,
        reports=report or (),
    )
    with StopSignals().caught(talk) as signals, talk.progress(signals) as progress:
        verdict = run_evaluation(wanted, lambda: find_index(index_dir), progress)
    for warning in verdict.warnings:
        talk.say(f"warning: {warning}")
    if format is Format.json:
        out(dumps(verdict.body))
    else:
        show(verdict.body)
    talk.seconds(verdict.body["settings"].get("seconds", {}))
    if not verdict.passed:
        for line in failures(verdict.body):
            talk.say(line)
        raise typer.Exit(ExitCode.GATE)


app.command("diff")(diff.diff)
app.command("pool")(pool.pool)
app.command("init")(init.init)
