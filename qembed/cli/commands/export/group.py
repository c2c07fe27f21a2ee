"""`qembed export`: the group of its commands, one for each kind of target."""

from __future__ import annotations

import typer

from qembed.cli.command import LazyGroup


class ExportGroup(LazyGroup):
    """Group of exports, imported on demand."""

    package = "qembed.cli.commands.export"
    targets = {  # noqa: RUF012 - a table, never changed
        "milvus": ("milvus:milvus", "Bring a collection of Milvus to the index's state."),
    }


app = typer.Typer(
    cls=ExportGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


@app.callback()
def export() -> None:
    """Give passages and vectors to other engines and programs."""
