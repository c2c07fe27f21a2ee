"""`qembed feedback add`: events of an answer."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import ActorOption, show_taken
from qembed.cli.console import Console
from qembed.cli.option_checks import on_command_line, option
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)
from qembed.cli.query_log import client_options
from qembed.cli.streams import standard_input

_OF_ONE = ("action", "object_id", "position", "seconds", "event_id")


def add(
    ctx: typer.Context,
    query_id: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY_ID",
            help="The logged query (query --log says it), or - for JSON lines of events on stdin.",
            show_default=False,
        ),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(
            help="What was done: click, open, copy, dwell, cite, thumbs_up, thumbs_down, …",
            show_default=False,
        ),
    ] = None,
    object_id: Annotated[
        str | None,
        typer.Option("--object", metavar="ID", help="The document's id.", show_default=False),
    ] = None,
    position: Annotated[
        int | None,
        typer.Option(
            help="The hit's rank, from 1; alone it names the document.", min=1, show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="How long it was looked at.", show_default=False)
    ] = None,
    event_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Given twice it is logged once.", show_default=False),
    ] = None,
    client: ActorOption = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Its session. Or: $QEMBED_SESSION.", show_default=False),
    ] = None,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Log what was done with an answer.

    \b
    qembed feedback add 3f0c2b9a4d5e6f70 --action click --position 2
    qembed feedback add 3f0c2b9a4d5e6f70 --action thumbs_up --object refunds.md
    qembed feedback add - < events.jsonl

    Exit codes: 0 done, also if it is there already; 2 cannot run; 4 done, but some lines were not taken; 75
    another process changes the log.
    """  # fmt: skip
    from qembed.errors import UsageError
    from qembed.pipeline.feedback.add_events import add_event, add_event_lines
    from qembed.pipeline.feedback.log_setting import parse_client
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    if query_id is None:
        raise typer.BadParameter(
            "give a QUERY_ID, or - to read events from stdin", param_hint="QUERY_ID"
        )
    who, where = client_options(client, session)
    named = None if who is None and where is None else parse_client(who, where)
    if query_id == "-":
        if alone := [option(n) for n in _OF_ONE if n in on_command_line(ctx)]:
            raise UsageError(f"{', '.join(alone)}: in JSON lines each event has its own")
        lines = standard_input()
        taken = add_event_lines(find_index(index_dir), lines, named, wait)
    else:
        if action is None:
            raise typer.BadParameter(
                "what was done, such as click, is wanted", param_hint="--action"
            )
        fields = {
            "query_id": query_id,
            "action": action,
            "object": object_id,
            "position": position,
            "seconds": seconds,
            "event_id": event_id,
        }
        taken = add_event(find_index(index_dir), fields, named, wait)
    show_taken(taken, format, talk)
