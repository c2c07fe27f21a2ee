"""`qembed export jsonl`: a passage a line."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.export.export_options import ForceOption, OutputArgument, run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def jsonl(
    path: OutputArgument,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Write each passage's vector, too.")
    ] = False,
    force: ForceOption = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write passages as JSON Lines: id, document, place, title, text and metadata.

    \b
    qembed export jsonl passages.jsonl --vectors

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.jsonl import JsonLinesTarget

    run(JsonLinesTarget(path, vectors, force), index_dir, format, Console(quiet), files=[path])
