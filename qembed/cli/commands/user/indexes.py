"""`qembed indexes`: names for indexes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import Command, Group
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import FormatOption, OutputFormat, QuietOption

app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode=None, invoke_without_command=True
)


@app.callback()
def list_indexes(ctx: typer.Context, format: FormatOption = OutputFormat.text) -> None:
    """Names for indexes: --index takes them, and so does $QEMBED_INDEX.

    \b
    qembed indexes
    qembed indexes add notes ~/notes/.qembed
    qembed query "late refund" --index notes --index work

    Exit codes: 0 done; 2 cannot run; 75 another process is writing.
    """
    if ctx.invoked_subcommand is not None:
        return
    from qembed.pipeline.diagnostics.named_indexes import describe_named

    found = describe_named()
    if format is OutputFormat.json:
        out(dumps({"schema": 1, "indexes": [i.to_json() for i in found]}))
        return
    if not found:
        out("no index has a name (qembed indexes add NAME DIR)")
        return
    width = max(len(i.name) for i in found)
    for i in found:
        said = i.problem or (
            f"{counted(i.documents, 'document')}, {counted(i.passages, 'passage')}, {i.model}"
        )
        out(f"{i.name:{width}}  {i.path}  {said}")


@app.command("add", cls=Command)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name: letters, digits, - _ .")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="The index, or the folder that holds it. Default: the index here or above.",
            show_default=False,
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Name an index.

    \b
    qembed indexes add notes
    qembed indexes add manuals ~/manuals/.qembed
    """
    import shlex

    from qembed.errors import NoIndex
    from qembed.pipeline.locate import find_index, has_index
    from qembed.pipeline.user_config.named_indexes import add_name

    root = find_index(folder)
    if not has_index(root):
        option = shlex.quote(str(root))
        raise NoIndex(f"no index at {root} (make it first: qembed index PATH --index {option})")
    add_name(name, root)
    Console(quiet).say(f"{name} is {root}")


@app.command("remove", cls=Command)
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name.")],
    quiet: QuietOption = False,
) -> None:
    """Take a name away; the index stays.

    \b
    qembed indexes remove work
    """
    from qembed.pipeline.user_config.named_indexes import remove_name

    root = remove_name(name)
    Console(quiet).say(f"{name} is no name any more; {root} is as it was")
