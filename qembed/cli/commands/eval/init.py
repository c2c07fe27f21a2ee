"""`qembed eval init`: starter files of a retrieval test."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, out
from qembed.cli.options import IndexOption, QuietOption
from qembed.inputs import as_argument


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
    talk.warn_all(written.warnings)
    check, workflow = written.paths[-2:]
    quoted = [shlex.quote(as_argument(str(p))) for p in (check, check.parent, workflow)]
    talk.say(f"put your users' questions in the place of the starter's in {written.paths[0]}")
    talk.say(
        f"{check.name} and the workflow fail until there is a baseline; make and commit it: "
        f"sh {quoted[0]} --accept && git add {quoted[1]} {quoted[2]}"
    )
