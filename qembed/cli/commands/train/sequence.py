"""`qembed train sequence`: a model of sequences, from bare sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option
from qembed.cli.commands.train.training_options import (
    AnywayNoBetterOption,
    BatchOption,
    OutOption,
    RateOption,
    SeedOption,
    StepsOption,
)
from qembed.cli.commands.train.training_run import training_run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, OutputFormat, QuietOption, VerboseOption
from qembed.cli.render.training import show_training


def sequence(
    corpus: Annotated[
        list[Path], typer.Argument(metavar="CORPUS ...", help="Files and folders of sequences.")
    ],
    output: OutOption,
    units: Annotated[
        str | None,
        typer.Option(
            metavar="residue|kmer:K|atom|gate",
            help="Tokens of a new model.",
            show_default=False,
        ),
    ] = None,
    alphabet: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|LETTERS",
            help="protein, dna, rna, smiles, gate, or letters. Default: what the sequences are.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None, file_option("A trained model of sequences to go on with.", "SPEC")
    ] = None,
    width: Annotated[int, typer.Option(help="Dimensions of a new model.")] = 64,
    layers: Annotated[int, typer.Option(help="Layers of a new model.")] = 2,
    max_tokens: Annotated[int, typer.Option(help="Tokens that it reads.")] = 512,
    masked: Annotated[int, typer.Option(help="Epochs of masked prediction; 0: none.")] = 1,
    next_unit: Annotated[
        int, typer.Option("--next-unit", help="Epochs of prediction of the next unit; 0: none.")
    ] = 0,
    views: Annotated[int, typer.Option(help="Epochs of two views of a sequence; 0: none.")] = 4,
    crop: Annotated[int, typer.Option(help="Units of the longest view and window.")] = 128,
    exchange: Annotated[float, typer.Option(help="Mean share of a view's units exchanged.")] = 0.15,
    hide: Annotated[float, typer.Option(help="Share of a view's units hidden.")] = 0.05,
    batch: BatchOption = 64,
    lr: RateOption = 2e-3,
    save_steps: StepsOption = None,
    held_out: Annotated[
        float, typer.Option("--held-out", help="Share of the sequences that the verdict is about.")
    ] = 0.05,
    anyway: AnywayNoBetterOption = False,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a model of sequences without labels; exit 3 if views find held-out ones no better than before.

    \b
    qembed train sequence proteins.fasta --units residue --out proteins-model
    qembed train sequence genomes/ --units kmer:3 --out dna-model
    qembed train sequence chips/ --units gate --out gates-model

    Exit codes: 0 written; 2 cannot run; 3 no better on held-out sequences, not written.
    """
    from qembed.training.sequence.augment import Augmentation
    from qembed.training.sequence.new_model import ModelSize
    from qembed.training.sequence.run import SequenceJob, train_sequence
    from qembed.training.sequence.stages import Stages

    job = SequenceJob(
        corpus=corpus,
        out=output,
        units=units,
        alphabet=alphabet,
        model=model,
        size=ModelSize(width, layers, max_tokens),
        stages=Stages(masked, next_unit, views, batch, lr, seed, save_steps),
        views=Augmentation(longest=crop, exchanged=exchange, hidden=hide),
        held_out=held_out,
        anyway=anyway,
    )
    talk = Console(quiet, verbose)
    with training_run(talk) as progress:
        body = train_sequence(job, progress, talk.warn)
    talk.say(
        "there are no judgments: views of held-out sequences were to find them, a proxy (qembed eval judges)"
    )
    show_training(body, format, talk, "qembed index CORPUS --model")
