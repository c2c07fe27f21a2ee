"""A command through the server, if there is one: what both sides must agree on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer

from qembed.cli.console import Console

_TERMINAL = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE",
             "TTY_INTERACTIVE")  # fmt: skip
"""What rich looks at."""


def regular(path: Path) -> bool:
    """Whether another process that opens this path reads the same."""
    return path.is_file() and not str(path).startswith(("/dev/", "/proc/"))


def _screen() -> dict[str, Any]:
    """What the text for a terminal depends on."""
    environ = {name: os.environ[name] for name in _TERMINAL if name in os.environ}
    columns = None
    for fd in (0, 1, 2):  # in rich's order
        try:
            columns = os.get_terminal_size(fd).columns
            break
        except OSError:
            continue
    return {"terminal": sys.stdout.isatty(), "environ": environ, "columns": columns}


def through_server(index: Path, do: str, request: dict[str, Any], talk: Console) -> bool:
    """Whether a server answered; then the answer is written. Raises typer.Exit with its code."""
    from qembed.serve.client import ask

    body = {**request, "quiet": talk.quiet, "verbose": talk.verbose, "screen": _screen()}
    reply = ask(index, do, body, talk.detail)
    if reply is None:
        return False
    sys.stdout.write(reply.out)
    sys.stdout.flush()
    for line in reply.err:
        print(line, file=sys.stderr)  # noqa: T201
    if reply.code:
        raise typer.Exit(reply.code)
    return True
