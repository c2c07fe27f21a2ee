"""`qembed export qdrant`: a collection of Qdrant."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.export.export_options import run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def qdrant(
    place: Annotated[
        str, typer.Argument(metavar="URL|FOLDER", help="The server, or the client's own folder.")
    ],
    collection: Annotated[
        str, typer.Option(metavar="NAME", help="The name by which it is searched: an alias there.")
    ],
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write passages with their metadata and vectors into a new collection of Qdrant; the name moves to it.

    A server's key comes from $QEMBED_QDRANT_KEY and is stored nowhere.

    \b
    qembed export qdrant http://localhost:6333 --collection help

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.qdrant import QdrantTarget

    run(QdrantTarget(place, collection), index_dir, format, Console(quiet))
