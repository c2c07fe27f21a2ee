"""Options that several trainings have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option

OutOption = Annotated[Path, typer.Option("--out", metavar="PATH", help="Folder of the new model.")]
QueriesOption = Annotated[Path | None, file_option("Queries, BEIR or TREC form.")]
QrelsOption = Annotated[Path | None, file_option("Judgments, BEIR or TREC form.")]
ListsOption = Annotated[Path | None, file_option("Lists of train mine. Default: mined now.")]
ModelOption = Annotated[
    str | None, file_option("Model to begin with. Default: the index's.", "SPEC")
]
BatchOption = Annotated[int, typer.Option(help="Rows of a step.")]
RateOption = Annotated[float, typer.Option("--lr", help="Highest learning rate.")]
FreezeOption = Annotated[
    int, typer.Option(help="Lowest layers that stay, with the embeddings; -1: train all.")
]
LoraOption = Annotated[int, typer.Option(help="Rank of LoRA adapters; 0: none.")]
AnchorOption = Annotated[
    float, typer.Option(help="Strength of the penalty of leaving the first weights.")
]
ReplayOption = Annotated[float, typer.Option(help="Share of old lists in the training.")]
ReplayFromOption = Annotated[Path | None, file_option("Lists of an earlier training.")]
TemperatureOption = Annotated[
    float | None,
    typer.Option(
        help="Divides a teacher's scores. Default: 0.3 for distill, 1 for margin-mse.",
        show_default=False,
    ),
]
TokensOption = Annotated[
    int | None,
    typer.Option("--max-tokens", help="Cut texts to so many tokens.", show_default=False),
]
StepsOption = Annotated[
    int | None,
    typer.Option(
        "--save-steps", help="Steps between checkpoints. Default: an epoch.", show_default=False
    ),
]
HeldOutOption = Annotated[
    float, typer.Option("--held-out", help="Share of the queries that the verdict is about.")
]
KeepOption = Annotated[
    Path | None, file_option("A BEIR folder: what must not be forgotten.", "DIR")
]
AnywayOption = Annotated[
    bool, typer.Option("--anyway", help="Write the model also if it is worse.")
]
AnywayNoBetterOption = Annotated[
    bool, typer.Option("--anyway", help="Write the model also if it is no better.")
]
SeedOption = Annotated[int, typer.Option(help="Of everything that is drawn.")]
