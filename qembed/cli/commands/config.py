"""`qembed config`: which settings hold here, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import FormatOption, IndexOption, OutputFormat

if TYPE_CHECKING:
    from qembed.pipeline.config.effective_settings import EffectiveSetting
    from qembed.pipeline.project.project_file import Project


def config(
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
) -> None:
    """Say which settings hold here, and from where.

    A project shares settings in .qembed.toml, or in the table tool.qembed of its pyproject.toml. An option
    comes before the environment, this before the project, this before what the index remembers; a model that
    is not the index's is not used, but told. Exits with 2 if a value of the project is one that a command
    would refuse.

    \b
    qembed config
    qembed config --format json | jq -r '.settings[] | select(.name == "model") | .value'
    """
    from qembed.pipeline.config.effective_settings import effective_settings

    project, settings, mistakes = effective_settings(index_dir)
    if format is OutputFormat.json:
        rows = [
            {"name": s.name, "value": s.value, "from": s.source, "note": s.note} for s in settings
        ]
        path = str(project.path) if project else None
        unused = str(project.unused) if project and project.unused else None
        body = {"schema": 1, "project": path, "unused": unused, "settings": rows}
        out(dumps({**body, "mistakes": mistakes}))
    else:
        _print(project, settings)
    for mistake in mistakes:
        Console().problem(mistake)
    if mistakes:
        raise typer.Exit(ExitCode.CANNOT_RUN)


def _print(project: Project | None, settings: Sequence[EffectiveSetting]) -> None:
    """Print the settings in columns."""
    out(f"project: {project.path if project else 'no .qembed.toml here or above'}")
    if project and project.unused:
        out(project.unused_line)
    shown = [
        (s.name, _shown(s.places or s.value), f"{s.source}{f'; {s.note}' if s.note else ''}")
        for s in settings
    ]
    name, value = (max(len(row[i]) for row in shown) for i in (0, 1))
    for row in shown:
        out(f"{row[0]:{name}}  {row[1]:{min(value, 40)}}  {row[2]}".rstrip())


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)
