"""`qembed feedback export`: the log for other programs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import kind_names
from qembed.cli.console import Console, counted, out
from qembed.cli.options import IndexOption, QuietOption
from qembed.cli.query_log import Kind


class Form(StrEnum):
    """Form of an export."""

    ubi = "ubi"
    bulk = "ubi-bulk"
    letor = "letor"


def export(
    format: Annotated[
        Form,
        typer.Option(
            "--format",
            help="ubi: rows of UBI 1.3.0, one a line; ubi-bulk: for _bulk; letor: graded documents.",
        ),
    ] = Form.ubi,
    client_kind: Annotated[
        list[Kind] | None,
        typer.Option(help="Only rows of these clients. Repeatable.", show_default=False),
    ] = None,
    index_dir: IndexOption = None,
    quiet: QuietOption = False,
) -> None:
    """Print the log: queries and events of UBI, or LETOR's lines for learning to rank.

    \b
    qembed feedback export | jq -c 'select(.action_name)' > ubi_events.jsonl
    qembed feedback export --format ubi-bulk | curl -s host/_bulk -H 'Content-Type: application/x-ndjson' --data-binary @-
    qembed feedback export --format letor --client-kind person > train.txt
    """  # noqa: E501 - one command
    from qembed.pipeline.feedback.export_log import Export
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    found = Export(find_index(index_dir), format.value, kind_names(client_kind))
    written = 0
    for line in found.lines():
        out(line)
        written += 1
    if found.unread:
        talk.warn(f"lines of the log that are no rows: {found.unread:,} (qembed verify)")
    if found.unplaced:
        talk.warn(f"events without a position, which the schema of UBI refuses: {found.unplaced:,}")
    if format is Form.letor and len(found.found_kinds) > 1:
        kinds = " and ".join(sorted(found.found_kinds))
        talk.warn(f"events of several kinds of clients are mixed: {kinds} (--client-kind chooses)")
    if format is Form.letor:
        talk.say(f"{counted(written, 'document')} of {counted(found.queries, 'query', 'queries')}")
    else:
        rows = f"{counted(found.queries, 'query', 'queries')}, {counted(found.events, 'event')}"
        talk.say(f"exported {rows}")
