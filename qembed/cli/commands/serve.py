"""`qembed serve`: start, inspect and stop a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)

STOP_SECONDS = 15.0
"""Time that a server has to stop."""


def serve(
    index_dir: IndexOption = None,
    idle: Annotated[
        str, typer.Option(metavar="TIME", help="Stop after so long without a request; 0: never.")
    ] = "30m",
    status: Annotated[
        bool, typer.Option("--status", help="Say which server there is; 2 if there is none.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the server there is.")] = False,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Keep model and index loaded: query and rerank find this by themselves and answer at once.

    \b
    nohup qembed serve > /dev/null &
    qembed serve --status
    qembed serve --stop
    """
    from qembed.errors import UsageError
    from qembed.pipeline.diagnostics.status import parse_age
    from qembed.pipeline.locate import find_index

    talk = Console(quiet, verbose)
    if status and stop:
        raise UsageError("--status or --stop: one of them")
    limit = parse_age(idle, "--idle")
    index = find_index(index_dir)
    if status:
        _status(index, format.value)
    elif stop:
        _stop(index, talk)
    else:
        _run(index, limit, talk)


def _run(index: Path, idle: float, talk: Console) -> None:
    """Serve in this process."""
    from qembed.serve.live_index import LiveIndex
    from qembed.serve.server import Server, signals

    live = LiveIndex(index)
    server = Server(live, idle)

    def ready(path: Path) -> None:
        talk.say(f"serving {index}, generation {live.generation} (pid {os.getpid()})")
        talk.detail(f"socket: {path}")

    try:
        with signals(server):
            reason = server.run(ready)
    except BaseException:
        live.close()
        raise
    talk.say(f"stopped: {reason}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # requests that exceeded their time must not keep the process


def _status(index: Path, format: str) -> None:
    """Print what the server reports of itself. Raises QembedError without one."""
    from qembed.errors import QembedError
    from qembed.serve.client import ServerConnection
    from qembed.serve.protocol import ProtocolError
    from qembed.version import __version__

    try:
        with ServerConnection(index) as connection:
            found = connection.ask({"do": "status"})
    except ProtocolError as e:
        raise QembedError(f"{e} for {index} (start one: qembed serve &)") from None
    if format == "json":
        out(dumps({"schema": 1, "running": True, **found}))
        return
    limit = found.get("idle_limit")
    out(f"index       {found.get('index')}, generation {found.get('generation')}")
    out(f"model       {found.get('model')}")
    out(f"pid         {found.get('pid')}, up {found.get('up_seconds')} s")
    out(f"requests    {found.get('requests')}, the last {found.get('idle_seconds')} s ago")
    out(f"stops       {f'after {limit:.0f} s without any' if limit else 'when told to'}")
    other = "" if found.get("version") == __version__ else f", not used by this {__version__}"
    out(f"version     {found.get('version')}{other}")


def _stop(index: Path, talk: Console) -> None:
    """Ask the server to stop, by a signal if it does not reply, and wait until its socket is gone."""
    import contextlib
    import signal
    import time

    from qembed.errors import QembedError
    from qembed.serve.client import ServerConnection
    from qembed.serve.protocol import ProtocolError
    from qembed.serve.socket_address import peer, socket_path

    pid: int | None = None
    try:
        with ServerConnection(index) as connection:
            found = peer(connection.socket)
            pid = found[0] if found is not None else None
            connection.ask({"do": "stop"})
    except ProtocolError as e:
        if pid is None:
            talk.say(f"nothing to stop: {e} for {index}")
            return
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    path, until = socket_path(index), time.monotonic() + STOP_SECONDS
    while os.path.lexists(path):
        if time.monotonic() > until:
            raise QembedError(f"the server (pid {pid}) does not stop (kill -9 {pid})")
        time.sleep(0.02)
    talk.say(f"stopped the server (pid {pid})")
