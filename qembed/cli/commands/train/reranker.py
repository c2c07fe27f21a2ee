"""`qembed train reranker`: a cross-encoder trained on judgments or preferences, and the verdict on it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option
from qembed.cli.commands.train.training_options import (
    AnchorOption,
    AnywayOption,
    FreezeOption,
    HeldOutOption,
    KeepOption,
    ListsOption,
    LoraOption,
    OutOption,
    QrelsOption,
    QueriesOption,
    RateOption,
    ReplayOption,
    SeedOption,
    StepsOption,
    TokensOption,
)
from qembed.cli.commands.train.training_run import training_run
from qembed.cli.console import Console, counted
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)
from qembed.cli.render.training import show_training


class Loss(StrEnum):
    """Losses, the common ones first."""

    lambda_ = "lambda"
    ranknet = "ranknet"
    hinge = "hinge"
    binary = "binary"


def reranker(
    output: OutOption,
    queries: QueriesOption = None,
    qrels: QrelsOption = None,
    lists: ListsOption = None,
    preferences: Annotated[
        Path | None, file_option('JSON lines of "query", "chosen" and "rejected".')
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Preferences of the index's log, as feedback pairs.")
    ] = False,
    index_dir: IndexOption = None,
    model: Annotated[
        str, typer.Option(metavar="SPEC", help="The cross-encoder to begin with.")
    ] = "minilm-l12",
    loss: Annotated[
        Loss | None,
        typer.Option(help="The loss. Default: lambda; of preferences ranknet.", show_default=False),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the lists.")] = 1,
    batch: Annotated[int, typer.Option(help="Queries of a step; of binary: pairs.")] = 8,
    lr: RateOption = 2e-5,
    freeze: FreezeOption = 0,
    lora: LoraOption = 0,
    replay: ReplayOption = 0.0,
    replay_from: Annotated[
        Path | None, file_option("Lists or preferences of an earlier training.")
    ] = None,
    anchor: AnchorOption = 0.0,
    max_tokens: TokensOption = None,
    save_steps: StepsOption = None,
    candidates: Annotated[
        int, typer.Option(help="Documents of a query that the verdict is about.")
    ] = 20,
    held_out: HeldOutOption = 0.2,
    keep: KeepOption = None,
    anyway: AnywayOption = False,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a reranker on judgments; it is written if held-out queries do not get worse (else exit 3).

    \b
    qembed train reranker --queries q.jsonl --qrels train.tsv --out better
    qembed train reranker --feedback --out better
    qembed query "how do refunds work" --rerank ./better

    Exit codes: 0 written; 2 cannot run; 3 worse on held-out queries, or nothing can be learned of the log:
    not written.
    """
    from qembed.pipeline.locate import find_index
    from qembed.training.reranker.job import RerankerJob
    from qembed.training.reranker.run import train_reranker
    from qembed.training.training_loop import TrainingOptions

    preferring = preferences is not None or feedback
    chosen = loss or (Loss.ranknet if preferring else Loss.lambda_)
    alone = preferring and not feedback and queries is None and qrels is None and keep is None
    job = RerankerJob(
        root=None if alone else find_index(index_dir),
        out=output,
        queries=queries,
        qrels=qrels,
        model=model,
        lists=lists,
        preferences=preferences,
        replay=replay,
        replay_from=replay_from,
        feedback=feedback,
        candidates=candidates,
        held_out=held_out,
        keep=keep,
        anyway=anyway,
        options=TrainingOptions(
            loss=chosen.value,
            epochs=epochs,
            batch=batch,
            learning_rate=lr,
            seed=seed,
            freeze=freeze,
            lora=lora,
            max_tokens=max_tokens,
            save_steps=save_steps,
            anchor=anchor,
        ),
    )
    talk = Console(quiet, verbose)
    with training_run(talk) as progress:
        body = train_reranker(job, progress, talk.warn)
    if of_log := body["settings"]["feedback"]:
        from qembed.cli.render.preferences import clicks_line, kind_words, left_out_line

        made, asked = (
            counted(of_log["pairs"], "pair"),
            counted(of_log["queries"], "query", "queries"),
        )
        talk.say(f"the log has {made} of {asked}, {kind_words(of_log['kinds'])}")
        for line in (left_out_line(of_log), clicks_line(of_log)):
            if line:
                talk.say(line)
    show_training(body, format, talk, use="qembed query TEXT --rerank")
    verdict = body["verdict"]
    if verdict["search"] is not None and verdict["new"]["after"] < verdict["search"]:
        talk.warn(
            "its order alone is worse than that of the search: --rerank-share mixes the two "
            "(qembed tune measures with which weight)"
        )
