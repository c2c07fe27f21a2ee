"""`qembed train merge`: a model between two others."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.commands.train.training_options import OutOption
from qembed.cli.console import counted, dumps, out
from qembed.cli.options import FormatOption, OutputFormat, QuietWhileWellOption


class Method(StrEnum):
    """Path from one model's weights to the other's."""

    slerp = "slerp"
    linear = "linear"


def merge(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A model folder, built-in name or hub id.")
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Another model of the same structure.")
    ],
    output: OutOption,
    weight: Annotated[float, typer.Option(help="Share of B: 0 is A, 1 is B.")] = 0.5,
    method: Annotated[
        Method,
        typer.Option(help="Along the sphere (tensor by tensor) or along a straight line."),
    ] = Method.slerp,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Make a model between two others, weight by weight. Tokenizer and settings are A's.

    \b
    qembed train merge minilm ./fine-tuned --weight 0.5 --out half-way
    """
    from qembed.training.merging.merge import merge_models

    done = merge_models(first, second, output, weight=weight, method=method.value)
    if format is OutputFormat.json:
        out(dumps(done.to_json()))
        return
    note = ""
    if method is Method.slerp and done.straight:
        note = f", {done.straight:,} of them nearly parallel, where slerp is a straight line"
    if not quiet:
        out(f"{output}: {counted(done.tensors, 'tensor')} merged{note}")
