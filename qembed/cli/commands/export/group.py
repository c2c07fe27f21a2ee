"""`qembed export`: the group of its commands, one for each kind of target."""

from __future__ import annotations

import typer

from qembed.cli.command import LazyGroup


class ExportGroup(LazyGroup):
    """Group of exports, imported on demand."""

    package = "qembed.cli.commands.export"
    targets = {  # noqa: RUF012 - a table, never changed
        "milvus": ("milvus:milvus", "Bring a collection of Milvus to the index's state."),
        "qdrant": ("qdrant:qdrant", "Write a collection of Qdrant."),
        "lancedb": ("lancedb:lancedb", "Write a table of LanceDB."),
        "pgvector": ("pgvector:pgvector", "Write a script that fills a table of PostgreSQL."),
        "parquet": ("parquet:parquet", "Write passages and vectors as Parquet."),
        "jsonl": ("jsonl:jsonl", "Write passages as JSON Lines."),
        "beir": ("beir:beir", "Write documents as a corpus in BEIR's form."),
    }


app = typer.Typer(
    cls=ExportGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


@app.callback()
def export() -> None:
    """Give passages and vectors to other engines and programs."""
