"""`qembed feedback`: the group of its commands."""

from __future__ import annotations

import typer

from qembed.cli.command import LazyGroup


class FeedbackGroup(LazyGroup):
    """Group of what is done with an index's log, imported on demand."""

    package = "qembed.cli.commands.feedback"
    targets = {  # noqa: RUF012 - a table, never changed
        "log": ("log:log", "Say whether queries are logged, or decide it for this index."),
        "add": ("add:add", "Log what was done with an answer."),
        "import": ("import_rows:import_rows", "Log queries and events of other programs (UBI)."),
        "export": ("export:export", "Print the log as UBI, or as data for learning to rank."),
        "agent": ("agent:agent", "Log what agents did, from their traces."),
        "pairs": ("pairs:pairs", "Write preferences of the log, to train on."),
        "learn": ("learn:learn", "Learn a better order of hits from the log."),
        "never": ("never:never", "Never show a document for a query, or allow it again."),
        "report": ("report:report", "Report what was done with answers."),
        "promote": ("promote:promote", "Make a setting that won an experiment the default."),
        "forget": ("forget:forget", "Delete queries and events from the log."),
    }


app = typer.Typer(
    cls=FeedbackGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


@app.callback()
def feedback() -> None:
    """Keep what people and agents do with answers."""
