"""`qembed export lancedb`: a table of LanceDB."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.export.export_options import ForceOption, run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def lancedb(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The database's folder.")],
    table: Annotated[str, typer.Option(metavar="NAME", help="The table.")],
    force: ForceOption = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write passages, metadata and vectors as a table of LanceDB.

    \b
    qembed export lancedb vectors.lance --table help

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.lancedb import LanceTarget

    run(LanceTarget(folder, table, force), index_dir, format, Console(quiet))
