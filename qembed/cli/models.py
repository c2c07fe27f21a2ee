"""qembed models"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.common import dumps, out

app = typer.Typer(no_args_is_help=True, help="What is known of models, and what they are given.")


class Format(StrEnum):
    """How it is printed."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="text or json.")]


@app.command("list")
def list_models(format: FormatOption = Format.text) -> None:
    """List the families whose templates qembed knows.

    \b
    qembed models list
    """
    from qembed.pipeline.about import known_models

    found = known_models()
    if format is Format.json:
        out(dumps({"schema": 1, "models": found}))
        return
    for m in found:
        out(f"{m['name']}\n    query    {m['query']!r}\n    passage  {m['passage']!r}")


@app.command("show")
def show(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="minilm, a folder, a hub id, …")],
    task: Annotated[str | None, typer.Option(metavar="NAME|TEXT", help="The task.")] = None,
    query: Annotated[str, typer.Option(metavar="TEXT", help="A query to show.")] = "your words",
    format: FormatOption = Format.text,
) -> None:
    """Show, byte for byte, what a query and a passage become. Needs no weights.

    \b
    qembed models show minilm --query "late parcel"
    qembed models show Qwen/Qwen3-Embedding-0.6B --task code --query "sort a list"
    """
    from qembed.pipeline.about import show_model

    found = show_model(spec, task, query)
    if format is Format.json:
        out(dumps({"schema": 1, **found}))
        return
    for key, value in found.items():
        out(f"{key:10} {value!r}" if key in ("query", "passage") else f"{key:10} {value}")
