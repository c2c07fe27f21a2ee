"""`qembed feedback import`: queries and events of other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import show_taken
from qembed.cli.console import Console
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)
from qembed.cli.query_log import Kind
from qembed.cli.streams import standard_input


class OrdinalFrom(StrEnum):
    """Number of the first position."""

    auto = "auto"
    zero = "0"
    one = "1"


def import_rows(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Rows of UBI, a row a line or in _bulk form, also packed; - is stdin.",
            show_default=False,
        ),
    ],
    ordinal_from: Annotated[
        OrdinalFrom,
        typer.Option(help="The first position's number. auto: 0 for an application that has a 0."),
    ] = OrdinalFrom.auto,
    client_kind: Annotated[Kind, typer.Option(help="Whose rows these are.")] = Kind.person,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Log queries and events of other programs, in the form of UBI (User Behavior Insights) 1.3.0.

    What is in the log already is not logged again; what cannot be taken is listed.

    \b
    qembed feedback import ubi_queries.jsonl ubi_events.jsonl
    curl -s host/ubi_events/_search?size=10000 | jq -c .hits.hits[] | qembed feedback import -

    Exit codes: 0 done; 2 cannot run; 4 done, but some rows were not taken; 75 another process changes the
    log.
    """
    from qembed.pipeline.feedback.import_ubi import import_ubi
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    taken = import_ubi(
        find_index(index_dir),
        files,
        lambda: standard_input().read(),
        ordinal_from.value,
        client_kind.value,
        wait,
    )
    show_taken(taken, format, talk)
