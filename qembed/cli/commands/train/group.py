"""`qembed train`: the group of its commands."""

from __future__ import annotations

import typer

from qembed.cli.command import LazyGroup


class TrainGroup(LazyGroup):
    """Group of trainings, imported on demand."""

    package = "qembed.cli.commands.train"
    targets = {  # noqa: RUF012 - a table, never changed
        "mine": ("mine:mine", "Make training lists from judgments and an index."),
        "encoder": ("encoder:encoder", "Train a model on judgments, and judge it on others."),
        "adapt": ("adapt:adapt", "Train a model on a corpus without judgments, and judge it."),
        "reranker": ("reranker:reranker", "Train a reranker on judgments, and judge it on others."),
        "dual": ("dual:dual", "Train a model of pictures and texts on pictures with captions."),
        "sequence": (
            "sequence:sequence",
            "Train a model of proteins, DNA, molecules or circuits on bare sequences.",
        ),
        "merge": ("merge:merge", "Make a model between two others, weight by weight."),
    }


app = typer.Typer(cls=TrainGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def train() -> None:
    """Make a better model, and find out whether it is one."""
