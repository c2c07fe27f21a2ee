"""`qembed tune`: the settings that judged queries choose for the index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import RerankCommand
from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.option_checks import check_tune, on_command_line
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    ModelOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
    WaitOption,
    reranker_spec,
)
from qembed.cli.tuned import tuned_text
from qembed.hints import with_index


def tune(
    ctx: typer.Context,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Queries, BEIR or TREC form.", show_default=False),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judgments, BEIR or TREC form.", show_default=False),
    ] = None,
    index_dir: IndexOption = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="AXIS,…",
            help="Try only these: instruction, mode, fusion, rerank, document.",
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instructions to try, one a line.", show_default=False),
    ] = None,
    write_candidates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the instructions that were tried, the best first, for --candidates.",
            show_default=False,
        ),
    ] = None,
    propose: Annotated[
        str | None,
        typer.Option(
            metavar="URL#MODEL",
            help="Let a language model propose instructions; it sees a third of the queries.",
            show_default=False,
        ),
    ] = None,
    rerank: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Try this reranker too, its share and its number of candidates. Repeatable.",
            parser=reranker_spec,
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Parts for the cross-validation.")] = 5,
    apply: Annotated[
        str | None,
        typer.Option(
            metavar="anyway|never",
            help="Write the choice whatever its gain, or never. Default: if it is beyond chance.",
            show_default=False,
        ),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back what was chosen for the index.")
    ] = False,
    wait: WaitOption = 10.0,
    model: ModelOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report: .html or .json.", show_default=False),
    ] = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Choose the index's settings by judged queries, and say what new queries gain.

    \b
    qembed tune --queries q.jsonl --qrels qrels.tsv --report tuning.html
    qembed tune --queries q.jsonl --qrels qrels.tsv --only mode,fusion --apply never
    qembed tune --queries q.jsonl --qrels qrels.tsv --candidates instructions.txt --rerank late
    qembed tune --undo

    Exit codes: 0 the gain is beyond chance, or anyway wrote the choice; 3 no gain beyond chance, nothing
    is written; 75 another writer holds the lock.
    """
    from qembed.cli.render.tuning import overridden_lines, show, verdict
    from qembed.pipeline.locate import find_index

    talk = Console(quiet, verbose)
    for line in check_tune(on_command_line(ctx), ctx.params):
        talk.warn(line)
    root = find_index(index_dir)
    if undo:
        from qembed.pipeline.retrieval.tuned_setting import take_back

        taken = take_back(root, wait)
        if format is OutputFormat.json:
            out(dumps({"schema": 1, "undone": None if taken is None else taken["options"]}))
        elif taken is None:
            out("there is nothing to take back")
        else:
            out(f"taken back: {tuned_text(taken['options'])}")
        return
    from qembed.evaluation.report.tuning import check_tuning_path, write_tuning
    from qembed.pipeline.experiments.tuning.tune import TuneOptions
    from qembed.pipeline.experiments.tuning.tune import tune as run

    options = TuneOptions(
        queries,
        qrels,
        only,
        candidates,
        rerank or (),
        folds,
        apply or "beyond-chance",
        model,
        propose,
        write_candidates,
        wait,
    )
    if report is not None:
        check_tuning_path(report)
    with talk.progress(committing=StopSignals()) as progress:
        found = run(root, options, progress)
    body = found.to_json()
    body["warnings"] = [with_index(w) for w in body["warnings"]]
    for warning in found.warnings:
        talk.warn(warning)
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        show(body)
    if report is not None:
        write_tuning(body, report)
        talk.say(f"report: {report}")
    talk.seconds(body["seconds"])
    if found.failure is not None:
        raise found.failure
    for line in overridden_lines(body["chosen"]) if body["applied"] else ():
        talk.warn(line)
    if body["earlier"] and not body["applied"]:
        talk.say(f"what was chosen before stays: {tuned_text(body['earlier'])}")
    if not (body["better"] or body["applied"]):
        talk.say(f"{verdict(body)}: nothing is written")
        raise typer.Exit(ExitCode.GATE)


app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.command("tune", cls=RerankCommand)(tune)
