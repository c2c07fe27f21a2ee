"""`qembed eval`: measures, gates and reports of a retrieval run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from qembed.cli.command import (
    LazyGroup,
    RerankValue,
    TextArguments,
    file_option,
    help_group,
    option_groups,
)
from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.option_checks import check_eval, on_command_line, unused_candidates
from qembed.cli.options import (
    CandidatesOption,
    Chunking,
    DocumentScoreOption,
    FormatOption,
    Fusion,
    FusionOption,
    IndexOption,
    Mode,
    ModelOption,
    ModeOption,
    NoInstructionOption,
    OutputFormat,
    QuietOption,
    RerankOption,
    Search,
    SearchOption,
    ShareOption,
    TaskOption,
    TemplateOption,
    VerboseOption,
    WhereOption,
)
from qembed.cli.render.report import failures, show
from qembed.cli.tuned import UntunedOption, given_options
from qembed.hints import with_index

if TYPE_CHECKING:
    from qembed.pipeline.experiments.eval_options import EvalOptions
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.retrieval.options import QueryOptions


class EvalGroup(RerankValue, TextArguments, LazyGroup):
    """`eval` measures by itself, and has commands."""

    package = "qembed.cli.commands.eval"
    targets = {  # noqa: RUF012 - a table, never changed
        "diff": ("diff:diff", "Show which queries moved between two reports."),
        "pool": ("pool:pool", "Make a file of candidates to judge, and judgments from it."),
        "init": ("init:init", "Write starter queries and judgments, a check script, a workflow."),
        "sts": ("sts:sts", "Compare a model's cosines with people's grades of sentence pairs."),
    }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse the former `--sts FILE`, give each task of `--mteb` its own option, then parse."""
        if any(word == "--sts" or word.startswith("--sts=") for word in args):
            raise typer.BadParameter(
                "it is a command now: qembed eval sts FILE --model SPEC", ctx, param_hint="--sts"
            )
        if any(word.startswith("--mteb") for word in args):
            from qembed.cli.commands.eval.mteb_tasks import spread_tasks

            args = spread_tasks(args)
        return super().parse_args(ctx, args)


app = typer.Typer(cls=EvalGroup, add_completion=False, rich_markup_mode=None)


def _many(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=f"{text} Repeatable.", show_default=False)


class InputOptions(NamedTuple):
    """Queries, judgments, runs; what is measured of them."""

    queries: Annotated[Path | None, file_option("Queries, BEIR or TREC form.")] = None
    qrels: Annotated[Path | None, file_option("Judgments, BEIR or TREC form.")] = None
    beir: Annotated[
        Path | None,
        file_option("A BEIR folder: its corpus is indexed first, in the cache folder.", "DIR"),
    ] = None
    split: Annotated[str, typer.Option(help="Which judgments of a BEIR folder.")] = "test"
    run: Annotated[
        list[Path] | None,
        _many("FILE", "Score this run instead of making one; more are compared with the first."),
    ] = None
    mteb: Annotated[
        list[str] | None,
        _many("TASK", "Run this task or benchmark of mteb, or a BEIR folder or STS file as one."),
    ] = None
    mteb_prompts: Annotated[
        bool,
        typer.Option("--mteb-prompts", help="Put the prompts of mteb's tasks into the template."),
    ] = False
    index_dir: IndexOption = None
    measures: Annotated[
        str | None,
        typer.Option(
            metavar="M",
            help="ir-measures names. Default: 'nDCG@10 RR@10 R@100 P@5 Success@1 Judged@10'.",
        ),
    ] = None
    ablate: Annotated[
        list[str] | None,
        _many("NAME[,NAME]", "Try instruction, mode, rerank, search or dim; a,b is a grid."),
    ] = None


@help_group("Gates (exit 3)")
class GateOptions(NamedTuple):
    """Gates, and the report they compare with."""

    fail_under: Annotated[list[str] | None, _many("M=V", "Exit 3 if measure M is below V.")] = None
    query_floor: Annotated[
        list[str] | None, _many("M=V", "Exit 3 if any query's M is below V; they are listed.")
    ] = None
    baseline: Annotated[
        Path | None, file_option("An earlier report to compare with.", "REPORT.json")
    ] = None
    max_drop: Annotated[
        list[str] | None, _many("M=V", "Exit 3 if M fell by more than V (or V% of what it was).")
    ] = None
    max_drop_significant: Annotated[
        list[str] | None, _many("M", "Exit 3 if M fell beyond chance.")
    ] = None
    alpha: Annotated[float, typer.Option(help="Level of significance.")] = 0.05
    common: Annotated[
        bool,
        typer.Option(
            "--common",
            help="With --baseline: compare on the queries that are the same in both, "
            "whatever else differs.",
        ),
    ] = False


@help_group("Retrieval, as in qembed query")
class RetrievalOptions(NamedTuple):
    """Options of `query` that a run is made with."""

    mode: ModeOption = Mode.auto
    where: WhereOption = None
    rerank: RerankOption = None
    rerank_share: ShareOption = None
    candidates: CandidatesOption = 100
    search: SearchOption = Search.auto
    ef: Annotated[
        int | None, typer.Option(min=1, help="Breadth of the graph search.", show_default=False)
    ] = None
    fusion: FusionOption = Fusion.sum
    model: ModelOption = None
    task: TaskOption = None
    no_instruction: NoInstructionOption = False
    template: TemplateOption = None
    document_score: DocumentScoreOption = "best"
    untuned: UntunedOption = False

    def query_options(self, ctx: Any = None) -> QueryOptions:
        """Return the options of retrieval. `ctx`: of the command, None to leave out what `tune` chose."""
        from qembed.pipeline.retrieval.options import QueryOptions

        return QueryOptions(
            task=self.task,
            instruction=not self.no_instruction,
            template=self.template,
            mode=self.mode.value,
            fusion=self.fusion.value,
            where=tuple(self.where or ()),
            search=self.search.value,
            ef=self.ef,
            rerank=self.rerank,
            rerank_share=self.rerank_share,
            candidates=self.candidates,
            document_score=self.document_score,
            given=None if ctx is None else given_options(ctx, self.untuned),
        )


@help_group("Index of --beir, as in qembed index")
class BeirIndexOptions(NamedTuple):
    """Options of the index that `--beir` makes."""

    chunker: Annotated[Chunking | None, typer.Option(help="auto: passages, none: whole.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Longest passage, in tokens.")] = None
    overlap: Annotated[
        int | None, typer.Option(help="Tokens that neighbouring passages share.")
    ] = None
    dim: Annotated[int | None, typer.Option(help="Cut vectors to so many dimensions.")] = None

    def index_options(self, model: str | None) -> IndexOptions:
        """Return the options of indexing with this model."""
        from qembed.pipeline.indexing.options import IndexOptions
        from qembed.pipeline.recipe import RecipeOptions

        chunker = self.chunker.value if self.chunker else None
        return IndexOptions(
            recipe=RecipeOptions(model, self.dim, chunker, self.max_tokens, self.overlap)
        )


@help_group("Output")
class ReportOptions(NamedTuple):
    """Options of what is measured beside the run, printed and written."""

    format: FormatOption = OutputFormat.text
    report: Annotated[
        list[Path] | None, _many("FILE", "Write a report: .json, .md, .html or .xml (JUnit).")
    ] = None
    save_run: Annotated[Path | None, file_option("Write the run in TREC form.")] = None
    latency: Annotated[
        int, typer.Option(metavar="N", min=0, help="Time N single queries first; 0: none.")
    ] = 5
    quiet: QuietOption = False
    verbose: VerboseOption = False


@app.callback(invoke_without_command=True)
@option_groups
def evaluate(
    ctx: typer.Context,
    inputs: InputOptions,
    gates: GateOptions,
    retrieval: RetrievalOptions,
    beir_index: BeirIndexOptions,
    reports: ReportOptions,
) -> None:
    """Measure retrieval, and fail a build when it got worse.

    \b
    qembed eval --queries q.jsonl --qrels qrels.tsv
    qembed eval --queries q.jsonl --qrels qrels.tsv --rerank late --fail-under nDCG@10=0.80
    qembed eval --queries q.jsonl --qrels qrels.tsv --ablate instruction --report report.html
    qembed eval --beir scifact/ --chunker none --search exact
    qembed eval --run bm25.trec --run dense.trec --qrels qrels.tsv
    qembed eval --mteb SciFact STSBenchmark --model bge-small

    Exit codes: 0 done; 2 cannot run; 3 a gate failed.
    """
    if ctx.invoked_subcommand is not None:
        return
    talk, given = Console(reports.quiet, reports.verbose), on_command_line(ctx)
    talk.warn_all(check_eval(given, ctx.params))
    if inputs.mteb or inputs.mteb_prompts:
        from qembed.cli.commands.eval.mteb_tasks import run_tasks

        run_tasks(inputs, gates, retrieval, beir_index, reports)
        return
    from qembed.pipeline.experiments.evaluate import run_evaluation
    from qembed.pipeline.locate import find_index

    options = _eval_options(ctx, inputs, gates, retrieval, beir_index, reports)
    with talk.progress(committing=StopSignals()) as progress:
        result = run_evaluation(options, lambda: find_index(inputs.index_dir), progress)
    # causes are said below, with the failed gates
    talk.warn_all(w for w in result.body["warnings"] if w not in result.body["causes"])
    tries = result.body["settings"].get("rerank"), inputs.run, "rerank" in str(options.ablate)
    talk.warn_all([] if any(tries) else unused_candidates(given))
    if reports.format is OutputFormat.json:
        out(dumps(result.body))
    else:
        show(result.body)
    talk.seconds(result.body["settings"].get("seconds", {}))
    if not result.passed:
        for line in failures(result.body, reports.format):
            talk.say(line)
        if result.reports:
            talk.say(f"reports: {', '.join(map(str, result.reports))}")
    for error in result.failures[:-1]:
        talk.problem(str(error))
    if result.failures:
        raise result.failures[-1]
    if not result.passed:
        raise typer.Exit(ExitCode.GATE)


def _eval_options(
    ctx: typer.Context,
    inputs: InputOptions,
    gates: GateOptions,
    retrieval: RetrievalOptions,
    beir_index: BeirIndexOptions,
    reports: ReportOptions,
) -> EvalOptions:
    from qembed.pipeline.experiments.eval_options import EvalOptions

    return EvalOptions(
        queries=inputs.queries,
        qrels=inputs.qrels,
        beir=inputs.beir,
        split=inputs.split,
        runs=inputs.run or (),
        measures=inputs.measures,
        ablate=inputs.ablate or (),
        query=retrieval.query_options(ctx),
        model=retrieval.model,
        index=beir_index.index_options(retrieval.model),
        fail_under=gates.fail_under or (),
        query_floor=gates.query_floor or (),
        baseline=gates.baseline,
        max_drop=gates.max_drop or (),
        max_drop_significant=gates.max_drop_significant or (),
        alpha=gates.alpha,
        common=gates.common,
        latency=reports.latency,
        save_run=reports.save_run,
        reports=reports.report or (),
        reword=with_index,
    )
