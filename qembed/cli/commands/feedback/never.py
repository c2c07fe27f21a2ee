"""`qembed feedback never`: a document is not shown for a query any more."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import ActorOption
from qembed.cli.console import Console, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)
from qembed.cli.query_log import client_options


def never(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The query, as it was asked.")],
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document's id.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="Allow it again, as far as this client forbade it.")
    ] = False,
    client: ActorOption = None,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Never show a document for a query; works at once, for everybody who asks it.

    \b
    qembed feedback never "where is my parcel" old-terms.md
    qembed feedback never "where is my parcel" old-terms.md --undo

    Exit codes: 0 done; 2 cannot run; 75 another process changes the log.
    """
    from qembed.pipeline.feedback.log_setting import parse_client
    from qembed.pipeline.feedback.never_show import never_show
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    who, where = client_options(client, None)
    said = parse_client(who, where)
    taken = never_show(find_index(index_dir), query, document, said, undo=undo, wait=wait)
    if said.kind == "test":
        talk.warn("votes of test clients change no answer")
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **taken.to_json()}))
    elif not quiet:
        shown = "may be shown again" if undo else "is not shown any more"
        out(f"{document} {shown} for {query!r}")
