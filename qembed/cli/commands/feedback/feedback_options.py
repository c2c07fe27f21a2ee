"""Options that commands of `qembed feedback` share, and what they say of events that a log took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import OutputFormat
from qembed.cli.query_log import Kind

if TYPE_CHECKING:
    from qembed.pipeline.feedback.take_records import Taken

CountedKindsOption = Annotated[
    list[Kind] | None,
    typer.Option(
        help="Whose events count. Repeatable. Default: person and agent, apart.", show_default=False
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--client",
        metavar="[KIND:]ID",
        help="Who did or says it: person, agent or test, and an id. Or: $QEMBED_CLIENT.",
        show_default=False,
    ),
]
ClickSeedOption = Annotated[
    int, typer.Option("--seed", help="Of the test whether clicks follow documents.")
]


def kind_names(kinds: Iterable[Kind] | None) -> list[str]:
    """Names of the chosen kinds of clients; empty for the default."""
    return [kind.value for kind in kinds or ()]


def show_taken(taken: Taken, format: OutputFormat, talk: Console) -> None:
    """Print what a log took and name what it refused. Raises typer.Exit if it refused something."""
    from qembed.cli.render.feedback import say_refused, taken_line

    say_refused(taken, talk)
    talk.warn_all(taken.warnings)
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **taken.to_json()}))
    elif not talk.quiet:
        out(taken_line(taken))
    if taken.refused:
        raise typer.Exit(ExitCode.SOME_FAILED)
