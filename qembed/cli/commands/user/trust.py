"""`qembed trust`: what of a project file may run code or send texts away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.options import FormatOption, OutputFormat, QuietOption
from qembed.errors import UsageError


def trust(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="The folder of the project. Default: the current one, or one above it.",
            show_default=False,
        ),
    ] = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take the trust in this project file away.")
    ] = False,
    list_all: Annotated[
        bool, typer.Option("--list", help="List what is trusted, of all folders.")
    ] = False,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Trust the values of a project file that run code (py:) or send texts to a server.

    Without it they are refused. The values that are there now are trusted, in this folder: another value,
    or a copy of the file elsewhere, is not. Look at them first: qembed config.

    \b
    qembed trust
    qembed trust --list
    qembed trust --revoke

    Exit codes: 0 done; 2 cannot run; 75 another process is writing.
    """
    from qembed.pipeline.project.project_file import find_project
    from qembed.pipeline.user_config import trust as trusting

    talk = Console(quiet)
    if revoke and list_all:
        raise UsageError("--revoke and --list contradict one another")
    if list_all:
        found = {
            where: {key: trusting.shown_spec(value) for key, value in trusted.items()}
            for where, trusted in trusting.trusted_values().items()
        }
        if format is OutputFormat.json:
            out(dumps({"schema": 1, "trusted": found}))
        elif not found:
            out("nothing is trusted")
        else:
            for where, trusted in found.items():
                for key, value in trusted.items():
                    out(f"{where}  {key} = {value}")
        return
    project = find_project(None if folder is None else folder.absolute())
    if project is None:
        raise UsageError(f"no project file in {folder or 'this folder'} or above it (.qembed.toml)")
    place = project.path.parent
    if revoke:
        gone = trusting.revoke(place)
        talk.say(f"{len(gone)} trusted before in {project.path}, none now")
        return
    values = [
        (key, setting.value, project.place(key))
        for key, setting in project.settings.items()
        if key in trusting.TRUSTED_KEYS and trusting.danger_of(setting.value) is not None
    ]
    trusting.trust(place, values)
    for key, value, at in values:
        talk.say(f"trusted: {at}: {key} = {value} {trusting.danger_of(value)}")
    if not values:
        talk.say(f"nothing in {project.path} runs code or sends texts away")
    if format is OutputFormat.json:
        out(
            dumps(
                {"schema": 1, "project": str(project.path), "trusted": {k: v for k, v, _ in values}}
            )
        )
