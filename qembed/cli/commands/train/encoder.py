"""`qembed train encoder`: a model trained on judgments, and the verdict on it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option
from qembed.cli.commands.train.training_options import (
    AnchorOption,
    AnywayOption,
    BatchOption,
    FreezeOption,
    HeldOutOption,
    KeepOption,
    ListsOption,
    LoraOption,
    ModelOption,
    OutOption,
    QrelsOption,
    QueriesOption,
    RateOption,
    ReplayFromOption,
    ReplayOption,
    SeedOption,
    StepsOption,
    TemperatureOption,
    TokensOption,
)
from qembed.cli.commands.train.training_run import training_run
from qembed.cli.console import Console
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)
from qembed.cli.render.training import show_training
from qembed.errors import UsageError


class Loss(StrEnum):
    """Losses, the common ones first."""

    mnr = "mnr"
    softmax = "softmax"
    triplet = "triplet"
    cosine = "cosine"
    cosent = "cosent"
    margin_mse = "margin-mse"
    distill = "distill"


class Anchor(StrEnum):
    """Weights that are held where they are."""

    distance = "distance"
    ewc = "ewc"


def encoder(
    output: OutOption,
    queries: QueriesOption = None,
    qrels: QrelsOption = None,
    lists: ListsOption = None,
    rounds: Annotated[
        int,
        typer.Option(help="Mine and train so many times, each with the weights of the one before."),
    ] = 1,
    write_lists: Annotated[
        Path | None, file_option("Write the lists that were trained on last.")
    ] = None,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    loss: Annotated[Loss, typer.Option(help="The loss.")] = Loss.mnr,
    teacher: Annotated[
        str | None, file_option("A reranker to learn from, for margin-mse and distill.", "SPEC")
    ] = None,
    temperature: TemperatureOption = None,
    replay: ReplayOption = 0.0,
    replay_from: ReplayFromOption = None,
    anchor: AnchorOption = 0.0,
    anchor_by: Annotated[
        Anchor, typer.Option(help="All weights alike, or those more that old lists need.")
    ] = Anchor.distance,
    epochs: Annotated[int, typer.Option(help="Passes over the lists.")] = 2,
    batch: BatchOption = 16,
    lr: RateOption = 2e-5,
    freeze: FreezeOption = 0,
    lora: LoraOption = 0,
    matryoshka: Annotated[
        str | None,
        typer.Option(metavar="N,N", help="Train fewer dimensions too.", show_default=False),
    ] = None,
    max_tokens: TokensOption = None,
    save_steps: StepsOption = None,
    held_out: HeldOutOption = 0.2,
    keep: KeepOption = None,
    anyway: AnywayOption = False,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train the index's model on judgments; it is written if held-out queries do not get worse (else exit 3).

    \b
    qembed train encoder --queries q.jsonl --qrels train.tsv --out better
    qembed index --rebuild --model ./better

    Exit codes: 0 written; 2 cannot run; 3 worse on held-out queries, not written.
    """
    from qembed.pipeline.locate import find_index
    from qembed.training.encoder.run import EncoderJob, train_encoder
    from qembed.training.training_loop import TrainingOptions

    options = TrainingOptions(
        loss=loss.value,
        epochs=epochs,
        batch=batch,
        learning_rate=lr,
        seed=seed,
        freeze=freeze,
        lora=lora,
        dims=_dims(matryoshka),
        max_tokens=max_tokens,
        save_steps=save_steps,
        temperature=temperature,
        anchor=anchor,
        anchor_by=anchor_by.value,
    )
    job = EncoderJob(
        root=find_index(index_dir),
        out=output,
        queries=queries,
        qrels=qrels,
        model=model,
        lists=lists,
        rounds=rounds,
        write_lists=write_lists,
        teacher=teacher,
        replay=replay,
        replay_from=replay_from,
        held_out=held_out,
        keep=keep,
        anyway=anyway,
        options=options,
    )
    talk = Console(quiet, verbose)
    with training_run(talk) as progress:
        body = train_encoder(job, progress, talk.warn)
    show_training(body, format, talk)


def _dims(text: str | None) -> tuple[int, ...]:
    """Parse the value of `--matryoshka`. Raises UsageError."""
    if text is None:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--matryoshka {text}: dimensions such as 256,128 are wanted") from None
