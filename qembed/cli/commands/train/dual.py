"""`qembed train dual`: a model of pictures and texts, trained on pictures with captions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.train.training_options import (
    AnywayNoBetterOption,
    HeldOutOption,
    OutOption,
    RateOption,
    SeedOption,
)
from qembed.cli.commands.train.training_run import training_run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, OutputFormat, QuietOption, VerboseOption
from qembed.cli.render.training import show_training


def dual(
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS", help="JSON lines of image and text, perhaps group and split."
        ),
    ],
    output: OutOption,
    model: Annotated[str, typer.Option(metavar="SPEC", help="Model of texts.")] = "minilm",
    image_tower: Annotated[
        str,
        typer.Option(
            "--image-tower",
            metavar="TOWER",
            help="compact, torchvision:NAME, or a folder of a transformers vision model.",
        ),
    ] = "compact",
    train_text: Annotated[
        bool, typer.Option("--train-text", help="The model of texts learns too.")
    ] = False,
    size: Annotated[
        int, typer.Option(help="Pixels of a picture's side, for a tower without a size.")
    ] = 48,
    epochs: Annotated[int, typer.Option(help="Passes over the pairs, at most.")] = 12,
    patience: Annotated[
        int, typer.Option(help="Epochs without a better dev measure before it stops.")
    ] = 8,
    batch: Annotated[
        int, typer.Option(help="Pairs that are told apart in a step; memory holds 128 of them.")
    ] = 256,
    lr: RateOption = 2e-3,
    held_out: HeldOutOption = 0.2,
    anyway: AnywayNoBetterOption = False,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a tower of pictures beside a model of texts; it is written if held-out texts find pictures by it.

    \b
    qembed train dual pairs.jsonl --out pictures
    qembed index photos --model ./pictures

    Exit codes: 0 written; 2 cannot run; 3 no better beyond chance, not written.
    """
    from qembed.training.dual.fit import FitOptions
    from qembed.training.dual.run import DualJob, train_dual

    options = FitOptions(epochs, batch, lr, patience, seed)
    job = DualJob(
        pairs=pairs,
        out=output,
        model=model,
        tower=image_tower,
        train_text=train_text,
        size=size,
        held_out=held_out,
        anyway=anyway,
        fit=options,
    )
    talk = Console(quiet, verbose)
    with training_run(talk) as progress:
        body = train_dual(job, progress)
    show_training(body, format, talk, "qembed index PATH --model")
