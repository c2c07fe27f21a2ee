"""Help of a command with its options in groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typer.core import TyperGroup

from qembed.cli.help.width import fold, help_columns, name_columns

UNGROUPED = 13
"""Options, --help among them, that a command's help lists without groups."""
FIRST_GROUP = "Options"
"""Heading of the options that name no group (`rich_help_panel`); they are the common ones."""


class GroupedHelp:
    """Mixin of a command: long help lists options by `rich_help_panel`, groups in order of appearance.

    Typer's own groups need rich, which this help does without.
    """

    get_params: Callable[[Any], list[Any]]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, as wide as the terminal: Typer's has 50 columns at least."""
        columns = help_columns()
        formatter.width = columns - 2
        super().format_help(ctx, formatter)  # type: ignore[misc]
        text = formatter.getvalue()
        formatter.buffer = ["\n".join(fold(line, columns) for line in text.split("\n"))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then options by group, into the help; then a group's commands."""
        arguments: list[tuple[str, str]] = []
        options: list[tuple[str, tuple[str, str]]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                arguments.append(record)
            else:
                group = getattr(
                    param, "rich_help_panel", None
                )  # --help itself has no such attribute
                options.append((group or FIRST_GROUP, record))
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": arguments, FIRST_GROUP: []}
        grouped = len(options) > UNGROUPED
        for group, record in options:
            sections.setdefault(group if grouped else FIRST_GROUP, []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records, name_columns(help_columns()))
        if isinstance(self, TyperGroup):
            self.format_commands(ctx, formatter)
