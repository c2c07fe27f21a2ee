"""Options of commands that answer HTTP: who may ask, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.errors import UsageError

if TYPE_CHECKING:
    from qembed.cli.console import Console
    from qembed.web.http.settings import HttpSettings

TokenOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="What HTTP requests must bring along, or: $QEMBED_HTTP_TOKEN, which others do not see. "
        "Beyond loopback wanted.",
        show_default=False,
    ),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A further name that HTTP requests may address. Repeatable.",
        show_default=False,
    ),
]
AllowOriginOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Pages that may ask from a browser, such as https://app.example.org. Repeatable.",
        show_default=False,
    ),
]


def check_http_options(
    http: str | None,
    token: str | None,
    hosts: Sequence[str] | None,
    origins: Sequence[str] | None,
) -> None:
    """Raise UsageError for options that go with --http, without it."""
    named = {"--token": token, "--allow-host": hosts, "--allow-origin": origins}
    if http is None and (alone := [o for o, v in named.items() if v]):
        raise UsageError(f"{', '.join(alone)}: goes with --http")


def http_settings(
    at: str,
    token: str | None,
    hosts: Sequence[str] | None,
    origins: Sequence[str] | None,
    talk: Console,
    command: str,
) -> HttpSettings:
    """Settings of the options of a command, with a warning on a token that others see. Raises UsageError."""
    from qembed.web.http.settings import make_settings

    settings = make_settings(
        at,
        token,
        tuple(hosts or ()),
        tuple(origins or ()),
        loud=talk.verbose,
        quiet=talk.quiet,
        command=command,
    )
    if token is not None:
        talk.warn("--token: others on this machine see it (ps); QEMBED_HTTP_TOKEN=… hides it")
    return settings
