"""`qembed forget`: delete records without a source."""

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
        list[str],
        typer.Option(metavar="EXPR", help="Which records, as in qembed query. Repeatable."),
    ],
    index_dir: IndexOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, change nothing.")
    ] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Leave nothing of it in the index's files, at once.")
    ] = False,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Delete records without a source. They are found no more when this returns.

    What has a file is deleted there and then refreshed with qembed index. The words of a forgotten record
    lie in the index's files until these are next compacted, or until --purge.

    \b
    qembed forget --where "user_id = 'alice' and kind = 'address'"
    qembed forget --where "user_id = 'bob'" --purge

    Exit codes: 0 done; 2 cannot run; 75 another writer holds the lock.
    """
    from qembed.pipeline.indexing.records import forget as drop
    from qembed.pipeline.locate import index_to_write

    talk = Console(quiet)
    root = index_to_write(index_dir)
    done = drop(root, where, wait=wait, dry_run=dry_run, purge=purge)
    for warning in done.warnings:
        talk.say(f"warning: {warning}")
    if done.elsewhere:
        talk.say(
            f"{counted(done.elsewhere, 'matching document has', 'matching documents have')} a source: "
            f"delete {'it' if done.elsewhere == 1 else 'them'} there, then run qembed index"
        )
    if format is OutputFormat.json:
        body = {
            "schema": 1,
            "index": str(root),
            "generation": done.generation,
            "forgotten": list(done.documents),
            "with_source": done.elsewhere,
            "dry_run": dry_run,
        }
        out(dumps(body))
        return
    if dry_run:
        for name in done.documents:
            out(f"forget\t{name}")
    if quiet:
        return
    verb = "would forget" if dry_run else "forgot"
    out(f"{verb} {counted(len(done.documents), 'record')} · generation {done.generation}")
