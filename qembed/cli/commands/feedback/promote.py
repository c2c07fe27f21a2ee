"""`qembed feedback promote`: a setting that won an experiment as the index's defaults."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import CountedKindsOption, kind_names
from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)
from qembed.cli.tuned import tuned_text


def promote(
    setting: Annotated[
        str | None,
        typer.Argument(
            metavar="A|B|SETTING",
            help="A side of the latest experiment, or a setting, as of serve --ab.",
            show_default=False,
        ),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last promotion back: what held before holds.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also if no experiment shows that it is better.")
    ] = False,
    client_kind: CountedKindsOption = None,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Make a setting that won an experiment the defaults of the index.

    \b
    qembed feedback promote B
    qembed feedback promote 'rerank=late mode=hybrid' --anyway
    qembed feedback promote --undo

    Exit codes: 0 done, or it holds already; 2 cannot run; 3 no experiment shows that it is better, nothing
    is written; 75 another writer holds the lock.
    """
    from qembed.errors import UsageError
    from qembed.pipeline.feedback.evidence import promote as promotion
    from qembed.pipeline.feedback.preference_options import preference_options
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    root = find_index(index_dir)
    if undo == (setting is not None):
        raise UsageError("give A, B or a setting, or --undo")
    if setting is None:
        taken = promotion.undo(root, wait)
        if format is OutputFormat.json:
            out(dumps({"schema": 1, "undone": None if taken is None else taken["options"]}))
        elif not quiet:
            out(
                "there is no promotion to take back"
                if taken is None
                else f"taken back: {tuned_text(taken['options']) or 'default'}"
            )
        return
    options = preference_options(kind_names(client_kind))
    body = promotion.promote(root, setting, options, anyway, wait)
    if format is OutputFormat.json:
        out(dumps(body))
    elif body["promoted"] and not quiet:
        out(f"the index answers by {body['setting']} now (--undo takes it back)")
    if body["promoted"]:
        if body["why"]:
            talk.warn(f"promoted without evidence: {body['why']}")
        return
    if "options" in body:
        talk.say(f"{body['setting']}: {body['why']}")
        return
    talk.problem(f"{body['setting']} is not promoted: {body['why']}")
    raise typer.Exit(ExitCode.GATE)
