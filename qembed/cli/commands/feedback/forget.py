"""`qembed feedback forget`: delete rows of the log."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)


def forget(
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="Which queries and events, as in qembed query --where. Repeatable, all must hold.",
            show_default=False,
        ),
    ] = None,
    unreadable: Annotated[
        bool,
        typer.Option("--unreadable", help="Also what qembed verify finds wrong in the log."),
    ] = False,
    index_dir: IndexOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, change nothing.")
    ] = False,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Delete queries and events from the log, and the events of deleted queries.

    Fields: kind (query or event), query, query_id, event_id, action, object_id, client_id, client_kind,
    session_id, user_id, application, source, time.

    \b
    qembed feedback forget --where "client_id = 'alice'"
    qembed feedback forget --where "time < '2026-01-01' and client_kind = 'test'"

    Exit codes: 0 done; 2 cannot run; 75 another process changes the log.
    """
    from qembed.errors import UsageError
    from qembed.pipeline.feedback.forget_records import forget_records
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    if not where and not unreadable:
        raise UsageError("which rows: --where EXPR, or --unreadable")
    root = find_index(index_dir)
    done = forget_records(root, where or [], unreadable=unreadable, dry_run=dry_run, wait=wait)
    talk.warn_all(done.warnings)
    if format is OutputFormat.json:
        body = {
            "schema": 1,
            "index": str(root),
            "queries": done.queries,
            "events": done.events,
            "unreadable": done.unread,
            "warnings": done.warnings,
            "dry_run": dry_run,
        }
        out(dumps(body))
        return
    if quiet:
        return
    parts = [counted(done.queries, "query", "queries"), counted(done.events, "event")]
    if done.unread:
        parts.append(counted(done.unread, "line that is no row", "lines that are no rows"))
    out(f"{'would forget' if dry_run else 'forgot'} {', '.join(parts)}")
