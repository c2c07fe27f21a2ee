"""`qembed export pgvector`: a script for psql."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.export.export_options import ForceOption, OutputArgument, run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def pgvector(
    path: OutputArgument,
    table: Annotated[
        str, typer.Option(metavar="NAME", help="The table, replaced if there is one.")
    ],
    force: ForceOption = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write a script for psql that fills a table of PostgreSQL with pgvector, in one transaction.

    \b
    qembed export pgvector help.sql --table help && psql mydb -f help.sql

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.pgvector import PgvectorTarget

    run(PgvectorTarget(path, table, force), index_dir, format, Console(quiet), files=[path])
