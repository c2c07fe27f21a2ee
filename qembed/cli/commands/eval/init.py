"""`qembed eval init`: starter files of a retrieval test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, out
from qembed.cli.options import IndexOption, QuietOption


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where, below the index's folder.")
    ] = Path("retrieval"),
    index_dir: IndexOption = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Write starter queries and judgments, a check script and a GitHub workflow.

    \b
    qembed eval init && sh retrieval/check.sh --accept
    """
    from qembed.pipeline.experiments.scaffold import write_scaffold
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    written = write_scaffold(find_index(index_dir), folder, force=force)
    for path in written.paths:
        out(str(path))
    if written.missing:
        talk.warn(f"the workflow cannot install qembed yet: {written.missing}")
    talk.say(
        f"put your users' questions in the place of the starter's in {folder}/queries.jsonl; then "
        f"sh {folder}/check.sh --accept makes the first baseline, and without --accept compares with it"
    )
