"""qembed serve"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
)

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.serve.live_index import SessionAccess

STOPPING = 15.0
"""Seconds that a server told to stop has."""
QUICK = 4
QUICK_ROWS = 50_000
"""Queries, and passages to look at, for which all other requests may wait: some milliseconds."""


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
    limit = parse_age(idle)
    index = find_index(index_dir)
    if status:
        _status(index, format.value)
    elif stop:
        _stop(index, talk)
    else:
        _run(index, limit, talk)


def _run(index: Path, idle: float, talk: Console) -> None:
    from qembed.serve.live_index import LiveIndex
    from qembed.serve.server import Server, signals

    warm = LiveIndex(index)
    server = Server(warm, {"query": _query, "rerank": _rerank}, {"query": _quick}, idle)

    def ready(path: Path) -> None:
        talk.say(f"serving {index}, generation {warm.generation} (pid {os.getpid()})")
        talk.detail(f"socket: {path}")

    try:
        with signals(server):
            why = server.run(ready)
    except BaseException:
        warm.close()
        raise
    talk.say(f"stopped: {why}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # requests that did not end within their time must not keep it


def _status(index: Path, format: str) -> None:
    from qembed.errors import QembedError
    from qembed.serve.client import ServerConnection
    from qembed.serve.protocol import ProtocolError
    from qembed.version import __version__

    try:
        with ServerConnection(index) as line:
            found = line.ask({"do": "status"})
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
    """Asks, and if it does not heed that, signals; waits until the socket is gone."""
    import contextlib
    import signal
    import time

    from qembed.errors import QembedError
    from qembed.serve.client import ServerConnection
    from qembed.serve.protocol import ProtocolError
    from qembed.serve.socket_address import peer, socket_path

    pid: int | None = None
    try:
        with ServerConnection(index) as line:
            found = peer(line.socket)
            pid = found[0] if found is not None else None
            line.ask({"do": "stop"})
    except ProtocolError as e:
        if pid is None:
            talk.say(f"nothing to stop: {e} for {index}")
            return
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    path, until = socket_path(index), time.monotonic() + STOPPING
    while os.path.lexists(path):
        if time.monotonic() > until:
            raise QembedError(f"the server (pid {pid}) does not stop (kill -9 {pid})")
        time.sleep(0.02)
    talk.say(f"stopped the server (pid {pid})")


# ── in the server ────────────────────────────────────────────────────────────────────────────────


class Heard(Console):
    """Talk that is brought to the client."""

    def __init__(self, quiet: bool, verbose: bool) -> None:
        super().__init__(quiet, verbose)
        self.bars = False
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """One line, unless told to be quiet."""
        if not self.quiet:
            self.lines.append(f"qembed: {text}")


class Sheet(StringIO):
    """What the client's stdout gets. `terminal`: whether that is one."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """As the client's stdout says."""
        return self._terminal


Started = Callable[[], None]
Request = Mapping[str, Any]


def _answered(request: Request, work: Callable[[Sheet, Heard], None]) -> dict[str, Any]:
    """What the command would have written, up to an error of ours, and its exit code."""
    from qembed.errors import QembedError

    talk = Heard(request["quiet"], request["verbose"])
    sheet = Sheet(request["screen"]["terminal"])
    code = 0
    try:
        work(sheet, talk)
    except QembedError as e:
        talk.lines.append(f"qembed: {e}")
        code = e.exit_code
    return {"out": sheet.getvalue(), "err": talk.lines, "code": code}


def _quick(request: Request, session: Session) -> Sequence[str] | None:
    """What a query's answer needs encoded, if the rest takes but milliseconds."""
    from qembed.cli.query_output import asked_of, queries_of
    from qembed.pipeline.retrieval.retriever import Retriever

    asked, queries = asked_of(request), queries_of(request)
    more = asked.rerank or asked.where or asked.diversity or asked.context
    # as text, a passage's sentences are encoded too
    if more or asked.search == "graph" or request["format"] == "text":
        return None
    if len(queries) > QUICK or session.search.rows > QUICK_ROWS:
        return None
    return list(dict.fromkeys(Retriever(session, asked).texts_to_encode(queries)))


def _query(request: Request, warm: SessionAccess, started: Started) -> dict[str, Any]:
    from qembed.cli.query_output import answer_query, asked_of, queries_of
    from qembed.cli.render.hits import Screen
    from qembed.pipeline.retrieval.retriever import Retriever

    def work(sheet: Sheet, talk: Heard) -> None:
        asked, queries = asked_of(request), queries_of(request)
        screen = Screen(sheet, Path(request["folder"]), _environ(request["screen"]))
        spent = warm.pre_encode(lambda session: Retriever(session, asked).texts_to_encode(queries))
        with warm.lease(started) as session:
            session.timer["encode"] += spent
            answer_query(Retriever(session, asked), request, screen, talk)

    return _answered(request, work)


def _environ(screen: Mapping[str, Any]) -> dict[str, str]:
    """The client's terminal, as rich finds it out: a dumb one has 80 columns whatever it says."""
    environ: dict[str, str] = dict(screen["environ"])
    if screen["columns"] and environ.get("TERM", "").lower() not in ("dumb", "unknown"):
        environ.setdefault("COLUMNS", str(screen["columns"]))
    return environ


def _rerank(request: Request, warm: SessionAccess, started: Started) -> dict[str, Any]:
    from qembed.cli.query_output import how_of, rerank_a_run, rerank_lines
    from qembed.errors import RecipeMismatch
    from qembed.models import Model
    from qembed.pipeline.retrieval.rerank import check_rerank_options, parse_hits
    from qembed.serve.dispatcher import Refused
    from qembed.types import Scorer

    def work(sheet: Sheet, talk: Heard) -> None:
        if "run" in request:
            rerank_a_run(lambda: warm.lease(started), request, sheet, talk)
            return
        how = how_of(request)
        check_rerank_options(how)
        lines = parse_hits(BytesIO(request["lines"].encode("utf-8", "surrogateescape")))
        with warm.lease(started) as session:

            def opened() -> tuple[Model, Scorer]:
                try:
                    return session.loaded.untruncated_reranker(how.spec)
                except RecipeMismatch:  # no matter for lines that bring their text along
                    raise Refused("its index was made with another model") from None

            rerank_lines(lines, how, opened, request, sheet, talk)

    return _answered(request, work)
