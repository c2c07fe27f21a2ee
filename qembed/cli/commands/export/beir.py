"""`qembed export beir`: documents in BEIR's form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.export.export_options import ForceOption, run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def beir(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to write to.")],
    force: ForceOption = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write documents as a corpus in BEIR's form: corpus.jsonl in a folder, to which queries are added.

    \b
    qembed export beir help-beir
    qembed eval --beir help-beir

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.beir import BeirTarget

    run(
        BeirTarget(folder, force),
        index_dir,
        format,
        Console(quiet),
        by_document=True,
        files=[folder / "corpus.jsonl"],
    )
