"""`qembed eval sts`: a model's cosines beside people's grades of sentence pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    ModelOption,
    NoInstructionOption,
    OutputFormat,
    QuietOption,
    TaskOption,
    TemplateOption,
    VerboseOption,
)
from qembed.cli.render.report import failed_gates, show_gates


def sts(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Pairs: a TSV of sentence1, sentence2, score."),
    ],
    model: ModelOption = None,
    dim: Annotated[int | None, typer.Option(help="Cut vectors to so many dimensions.")] = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="Spearman=V", help="Exit 3 if the correlation is below V.", show_default=False
        ),
    ] = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare a model's cosines with people's grades of sentence pairs: Spearman's correlation.

    \b
    qembed eval sts stsb-test.tsv --model minilm
    qembed eval sts stsb-test.tsv --model minilm --fail-under Spearman=0.80

    Exit codes: 0 done; 2 cannot run; 3 below --fail-under.
    """
    from qembed.pipeline.experiments.sts import evaluate_sts
    from qembed.pipeline.locate import model_spec

    talk = Console(quiet, verbose)
    with talk.progress() as progress:
        body = evaluate_sts(
            file,
            model_spec(model),
            dim=dim,
            task=task,
            template=template,
            instruction=not no_instruction,
            fail_under=tuple(fail_under or ()),
            progress=progress,
        )
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for name, value in body["measures"].items():
            out(f"{name}  {value:.4f}")
        out(f"pairs     {body['pairs']}")
        show_gates(body["gates"])
    talk.warn_all(body["warnings"])
    if body["settings"]["truncated"]:
        cut = counted(body["settings"]["truncated"], "sentence was", "sentences were")
        talk.say(f"{cut} longer than the model reads")
    talk.detail(f"encoded {body['settings']['encoded']!r} with {body['settings']['model']}")
    for line in failed_gates(body["gates"], format):
        talk.say(line)
    if not all(g["ok"] for g in body["gates"]):
        raise typer.Exit(ExitCode.GATE)
