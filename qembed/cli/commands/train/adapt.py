"""`qembed train adapt`: a model adapted to the index's corpus, without judgments."""

from __future__ import annotations

import shlex
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
    KeepOption,
    LoraOption,
    ModelOption,
    RateOption,
    ReplayFromOption,
    ReplayOption,
    SeedOption,
    StepsOption,
    TemperatureOption,
    TokensOption,
)
from qembed.cli.commands.train.training_run import training_run
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)
from qembed.cli.render.training import show_training


class Objective(StrEnum):
    """Objectives without labels."""

    tsdae = "tsdae"
    simcse = "simcse"
    mlm = "mlm"


class Loss(StrEnum):
    """Losses of made queries."""

    mnr = "mnr"
    softmax = "softmax"
    triplet = "triplet"
    margin_mse = "margin-mse"
    distill = "distill"


def adapt(
    output: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="Folder of the new model.", show_default=False),
    ] = None,
    index_dir: IndexOption = None,
    objective: Annotated[
        Objective | None,
        typer.Option(help="What is learned from bare passages.", show_default=False),
    ] = None,
    generate: Annotated[
        str | None,
        file_option(
            "Train on queries made of the corpus (corpus) or by a language model.",
            "corpus|URL#MODEL",
        ),
    ] = None,
    made: Annotated[
        Path | None, file_option("Train on made queries of this file, as they are.")
    ] = None,
    write_made: Annotated[
        Path | None, file_option("Write the made queries here; without --out, nothing is trained.")
    ] = None,
    round_trip: Annotated[
        int, typer.Option(help="A made query must find its passage among so many.")
    ] = 10,
    most: Annotated[
        int, typer.Option(help="Passages that are read, or queries made of the corpus, at most.")
    ] = 2_000,
    loss: Annotated[
        Loss | None,
        typer.Option(
            help="The loss for made queries. Default: mnr, margin-mse with --teacher.",
            show_default=False,
        ),
    ] = None,
    teacher: Annotated[
        str | None, file_option("A reranker whose scores of made queries are learned.", "SPEC")
    ] = None,
    temperature: TemperatureOption = None,
    queries: Annotated[Path | None, file_option("Queries to judge by, BEIR or TREC form.")] = None,
    qrels: Annotated[Path | None, file_option("Their judgments, BEIR or TREC form.")] = None,
    model: ModelOption = None,
    epochs: Annotated[int, typer.Option(help="Passes over the passages or queries.")] = 1,
    batch: BatchOption = 16,
    lr: RateOption = 2e-5,
    freeze: FreezeOption = 0,
    lora: LoraOption = 0,
    replay: ReplayOption = 0.0,
    replay_from: ReplayFromOption = None,
    anchor: AnchorOption = 0.0,
    max_tokens: TokensOption = None,
    save_steps: StepsOption = None,
    held_out: Annotated[
        float, typer.Option(help="Share of the queries whose documents are not trained on.")
    ] = 0.3,
    keep: KeepOption = None,
    anyway: AnywayOption = False,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Adapt the index's model to its passages, without judgments; exit 3 if it got worse.

    \b
    qembed train adapt --objective tsdae --out adapted
    qembed train adapt --generate corpus --teacher minilm-l12 --out adapted
    qembed train adapt --generate http://localhost:8000/v1#llm --write-made made.jsonl

    Exit codes: 0 written; 2 cannot run; 3 worse on held-out queries, not written.
    """
    from qembed.pipeline.locate import find_index
    from qembed.training.adapting.run import AdaptJob, adapt_encoder
    from qembed.training.training_loop import TrainingOptions

    chosen = loss or (Loss.margin_mse if teacher is not None else Loss.mnr)
    options = TrainingOptions(
        loss=chosen.value,
        epochs=epochs,
        batch=batch,
        learning_rate=lr,
        seed=seed,
        freeze=freeze,
        lora=lora,
        max_tokens=max_tokens,
        save_steps=save_steps,
        temperature=temperature,
        anchor=anchor,
    )
    job = AdaptJob(
        root=find_index(index_dir),
        out=output,
        objective=None if objective is None else objective.value,
        generate=generate,
        made=made,
        write_made=write_made,
        best=round_trip,
        most=most,
        queries=queries,
        qrels=qrels,
        model=model,
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
        body = adapt_encoder(job, progress, talk.warn)
    if "found" in (counts := body["settings"]):
        talk.say(
            f"{counted(counts['made'], 'query', 'queries')} made, {counts['found']:,} find their passage"
        )
    if body["verdict"] is None:
        if format is OutputFormat.json:
            out(dumps(body))
        option = shlex.quote(str(body["made"]))
        talk.say(
            f"wrote {body['made']} (read it, then: qembed train adapt --made {option} --out …)"
        )
        return
    if body["verdict"]["proxy"]:
        talk.say(
            "there are no judgments (--queries, --qrels): the queries below were made of the corpus, a proxy"
        )
    show_training(body, format, talk)
