"""`qembed feedback log`: the index's setting on logging queries."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)


class LogModes(StrEnum):
    """Settings of an index."""

    on = "on"
    off = "off"
    hashed = "hashed"


def log(
    mode: Annotated[
        LogModes | None,
        typer.Argument(
            help="on, off, or hashed: queries without their texts. Default: say what holds.",
            show_default=False,
        ),
    ] = None,
    explore: Annotated[
        bool | None,
        typer.Option(
            "--explore/--no-explore",
            help="Exchange neighbours at random in logged answers, to learn how ranks are looked at.",
            show_default=False,
        ),
    ] = None,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Say whether queries of the index are logged and what the log has, or decide it.

    \b
    qembed feedback log on
    qembed feedback log --format json | jq .queries

    Exit codes: 0 done; 2 cannot run; 75 another writer holds the lock.
    """
    from qembed.cli.render.feedback import log_line
    from qembed.pipeline.diagnostics.status import describe
    from qembed.pipeline.feedback.log_setting import log_override, set_index_log
    from qembed.pipeline.locate import find_index

    root = find_index(index_dir)
    if mode is not None or explore is not None:
        set_index_log(root, None if mode is None else mode.value, explore, wait)
    found = describe(root)["feedback"]
    if format is OutputFormat.json:
        out(dumps({"schema": 1, "index": str(root), **found}))
    elif not quiet:
        out(log_line(found))
    if other := log_override(found["log"]):
        Console(quiet).say(f"here {other} decides, not the index")
