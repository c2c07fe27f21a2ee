"""`qembed serve`: start, inspect and stop a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qembed.cli.commands.servers.http_options import (
    AllowHostOption,
    AllowOriginOption,
    TokenOption,
    check_http_options,
    http_settings,
)
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.option_checks import on_command_line
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)

if TYPE_CHECKING:
    from qembed.web.http.face import HttpFace

STOP_SECONDS = 15.0
"""Time that a server has to stop."""
END_SECONDS = 30.0
"""Time to wait for the end of a server's requests."""


def serve(
    ctx: typer.Context,
    index_dir: IndexOption = None,
    idle: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Stop after so long without a request; 0: never, the default with --http.",
        ),
    ] = "30m",
    ab: Annotated[
        str | None,
        typer.Option(
            "--ab",
            metavar="A=…,B=…",
            help="Mix two settings in each logged answer, to compare them: 'A=,B=rerank=late mode=hybrid'.",
            show_default=False,
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Answer HTTP too: /search, /openapi.json tells the rest. Without a host: loopback.",
            show_default=False,
        ),
    ] = None,
    token: TokenOption = None,
    allow_host: AllowHostOption = None,
    allow_origin: AllowOriginOption = None,
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
    qembed serve --http 8080
    qembed serve --ab 'A=,B=rerank=late' && qembed feedback report
    qembed serve --stop
    """
    from qembed.errors import UsageError
    from qembed.pipeline.diagnostics.status import parse_age
    from qembed.pipeline.locate import find_index

    talk = Console(quiet, verbose)
    if status and stop:
        raise UsageError("--status or --stop: one of them")
    if ab is not None and (status or stop):
        raise UsageError("--ab begins with a server: not with --status or --stop")
    check_http_options(http, token, allow_host, allow_origin)
    if (http is not None) and (status or stop):
        raise UsageError("--http begins with a server: not with --status or --stop")
    # others know the address and start no server themselves
    forever = http is not None and "idle" not in on_command_line(ctx)
    limit = 0.0 if forever else parse_age(idle, "--idle")
    index = find_index(index_dir)
    if status:
        _status(index, format.value)
    elif stop:
        _stop(index, talk)
    else:
        face = None
        if http is not None:
            from qembed.pipeline.feedback.log_setting import log_wish
            from qembed.web.http.face import HttpFace, require_packages

            require_packages()
            # refuses a value of the environment before the first client meets it
            log_wish(None, None)
            settings = http_settings(http, token, allow_host, allow_origin, talk, "serve")
            face = HttpFace(settings, ctx.obj.get("log") if ctx.obj else None)
        _run(index, limit, ab, face, talk)


def _run(index: Path, idle: float, ab: str | None, face: HttpFace | None, talk: Console) -> None:
    """Serve in this process."""
    from qembed.pipeline.retrieval.interleaving.experiment import parse_experiment
    from qembed.serve.live_index import LiveIndex
    from qembed.serve.server import Server, signals
    from qembed.serve.trial import Trial

    trial = None if ab is None else Trial(parse_experiment(ab))
    live = LiveIndex(index, trial)
    server = Server(live, idle, face)

    def ready(path: Path) -> None:
        talk.say(f"serving {index}, generation {live.generation} (pid {os.getpid()})")
        if trial is not None:
            talk.say(
                f"experiment: {_experiment_line(trial.to_json())} (qembed feedback report tells)"
            )
        if face is not None:
            talk.say(f"HTTP at {face.url}{' (with a token)' if face.settings.token else ''}")
        talk.detail(f"socket: {path}")

    try:
        with signals(server):
            reason = server.run(ready)
    except BaseException:
        if face is not None:
            face.close()
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
    if found.get("http"):
        out(f"http        {found['http']}{' (with a token)' if found.get('http_token') else ''}")
    out(f"requests    {found.get('requests')}, the last {found.get('idle_seconds')} s ago")
    if found.get("experiment"):
        out(f"experiment  {_experiment_line(found['experiment'])}")
    out(f"stops       {f'after {limit:.0f} s without any' if limit else 'when told to'}")
    other = "" if found.get("version") == __version__ else f", not used by this {__version__}"
    out(f"version     {found.get('version')}{other}")


def _experiment_line(found: Mapping[str, Any]) -> str:
    asked = counted(found["queries"], "query", "queries")
    return f"A {found['a']} against B {found['b']}, {asked} so far"


def _stop(index: Path, talk: Console) -> None:
    """Ask the server to stop, by a signal if it does not reply, and wait until it has ended."""
    import contextlib
    import signal
    import time

    from qembed.errors import QembedError
    from qembed.locks import FileLock, LockHeld
    from qembed.serve.client import ServerConnection
    from qembed.serve.protocol import ProtocolError
    from qembed.serve.socket_address import peer, socket_path

    pid: int | None = None
    where = ""
    try:
        with ServerConnection(index) as connection:
            found = peer(connection.socket)
            pid = found[0] if found is not None else None
            reply = connection.ask({"do": "stop"})
            where = f", HTTP at {reply['http']}" if "http" in reply else ""
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
    try:
        with contextlib.suppress(OSError), FileLock(path.with_suffix(".lock"), END_SECONDS):
            pass
    except LockHeld:
        talk.say(f"the server (pid {pid}{where}) takes no requests, and still ends those begun")
        return
    talk.say(f"stopped the server (pid {pid}{where})")
