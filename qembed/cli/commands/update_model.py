"""`qembed update-model`: from the verdict of drift to an index with a model of its new texts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)


class Level(StrEnum):
    """Verdict from which on a model is updated."""

    watch = "watch"
    confirm = "confirm"
    update = "update"


def update_model(
    output: Annotated[Path, typer.Option("--out", metavar="PATH", help="Folder of the new model.")],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="New is what came since, as of drift. Default: 30d.",
            show_default=False,
        ),
    ] = None,
    time_field: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Metadata with a document's time, as of drift.", show_default=False
        ),
    ] = None,
    golden: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="QUERIES QRELS",
            help="Judged queries that must not get worse.",
            show_default=False,
        ),
    ] = None,
    judged: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="QUERIES QRELS",
            help="Judged queries to train on, as of train encoder, instead of made ones.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        Level, typer.Option("--from", help="Verdict of drift from which on it begins.")
    ] = Level.confirm,
    whatever: Annotated[
        bool, typer.Option("--whatever", help="Begin whatever the verdict of drift.")
    ] = False,
    replay: Annotated[
        float, typer.Option(help="Share of queries of old documents in the training.")
    ] = 0.5,
    merge: Annotated[
        float,
        typer.Option(
            help="Share of the trained model in the new one, the present one is the rest."
        ),
    ] = 1.0,
    anchor: Annotated[
        float, typer.Option(help="Strength of the penalty of leaving the first weights.")
    ] = 0.0,
    most: Annotated[int, typer.Option(help="Queries made of new documents, at most.")] = 2_000,
    epochs: Annotated[int, typer.Option(help="Passes over the queries.")] = 1,
    batch: Annotated[int, typer.Option(help="Rows of a step.")] = 16,
    lr: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 2e-5,
    freeze: Annotated[
        int, typer.Option(help="Lowest layers that stay, with the embeddings; -1: train all.")
    ] = 0,
    no_rebuild: Annotated[
        bool, typer.Option("--no-rebuild", help="Stop before the index is made anew.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds that the rebuild waits for another writer.")
    ] = 600.0,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train the model on what is new, with replay of the old, and rebuild the index if it is no worse.

    \b
    qembed update-model --since 90d --out models/2026-11
    qembed update-model --golden queries.jsonl qrels.tsv --merge .5 --no-rebuild --out models/try
    qembed update-model --judged train.jsonl train.tsv --golden test.jsonl test.tsv --out models/judged

    Exit codes: 0 done; 2 cannot run; 3 stopped at a gate; 75 another writer holds the lock; 130 interrupted.
    """
    from qembed.pipeline.locate import find_index
    from qembed.training.training_loop import TrainingOptions
    from qembed.training.updating.job import UpdateJob
    from qembed.training.updating.run import update_model

    talk = Console(quiet, verbose)
    job = UpdateJob(
        root=find_index(index_dir),
        out=output,
        since=since,
        time_field=time_field,
        golden=golden,
        judged=judged,
        level=None if whatever else level.value,
        replay=replay,
        merge=merge,
        most=most,
        rebuild=not no_rebuild,
        wait=wait,
        options=TrainingOptions(
            epochs=epochs,
            batch=batch,
            learning_rate=lr,
            freeze=freeze,
            anchor=anchor,
            seed=seed,
        ),
    )
    signals = StopSignals()
    with signals.caught(talk), signals.as_exit(), talk.progress(stop=signals) as progress:
        body = update_model(job, progress, talk.warn)
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for step in body["steps"]:
            out(f"{'passed ' if step['passed'] else 'stopped'}  {step['step']:9} {step['said']}")
    talk.seconds(body["seconds"])
    if body["stopped_at"] is not None:
        talk.problem(f"stopped at {body['stopped_at']}: the index is as it was")
        raise typer.Exit(ExitCode.GATE)
