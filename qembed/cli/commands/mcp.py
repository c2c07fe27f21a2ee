"""`qembed mcp`: the index as tools of agents."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console, out
from qembed.cli.options import IndexOption, NoServerOption, QuietOption, VerboseOption


class ConfiguredClient(StrEnum):
    """Client whose settings are printed."""

    claude = "claude"
    cursor = "cursor"
    vscode = "vscode"


def mcp(
    index_dir: IndexOption = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Answer HTTP at /mcp instead of stdin and stdout. Without a host: loopback.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What HTTP requests must bring along, or: $QEMBED_HTTP_TOKEN, which others do not see. "
            "Beyond loopback wanted.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name that HTTP requests may address. Repeatable.",
            show_default=False,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Pages that may ask from a browser, such as https://app.example.org. Repeatable.",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--no-log",
            help="Log searches, and what is read and cited of them. Default: $QEMBED_LOG, the project's or "
            "the index's setting.",
            show_default=False,
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="[KIND:]ID",
            help="Who asks, in the log. Or: $QEMBED_CLIENT. Default: agent, and the client's own name.",
            show_default=False,
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="What searches belong to, in the log. Or: $QEMBED_SESSION. Default: the connection.",
            show_default=False,
        ),
    ] = None,
    structured: Annotated[
        bool,
        typer.Option(
            "--structured",
            help="For programs: structured content too, which some agents read instead of the text.",
        ),
    ] = False,
    print_config: Annotated[
        ConfiguredClient | None,
        typer.Option(
            help="Print the JSON for a client's settings, and do no more.", show_default=False
        ),
    ] = None,
    no_server: NoServerOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Let agents search, read and give feedback, over the Model Context Protocol.

    \b
    qembed mcp --print-config claude > .mcp.json
    qembed mcp --log
    qembed mcp --http 8090
    """
    from qembed.errors import UsageError
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.project import find_project
    from qembed.web.mcp.run import require_sdk, serve_agents
    from qembed.web.mcp.settings import McpSettings, client_of

    talk = Console(quiet, verbose)
    named = {"--token": token, "--allow-host": allow_host, "--allow-origin": allow_origin}
    if http is None and (alone := [o for o, v in named.items() if v]):
        raise UsageError(f"{', '.join(alone)}: goes with --http")
    if print_config is not None and http is not None:
        raise UsageError("--print-config is for stdin and stdout: not with --http")
    index = find_index(index_dir)
    project = find_project()
    client, session = (
        client or os.environ.get("QEMBED_CLIENT") or None,
        session or os.environ.get("QEMBED_SESSION") or None,
    )
    settings = McpSettings(
        log, project.get("log") if project else None, client, session, structured
    )
    client_of(settings, "", "")
    if print_config is not None:
        from qembed.web.mcp.print_config import FILES, client_config

        given = {"--log": log, "--no-log": log is False, "--structured": structured}
        options = [name for name, is_given in given.items() if is_given]
        options += [
            x for n, v in (("--client", client), ("--session", session)) if v for x in (n, v)
        ]
        out(client_config(print_config.value, index, options))
        talk.say(f"for {FILES[print_config.value]}")
        return
    require_sdk()
    where = None
    if http is not None:
        from qembed.web.http.settings import make_settings

        hosts, origins = tuple(allow_host or ()), tuple(allow_origin or ())
        where = make_settings(http, token, hosts, origins)
        if token is not None:
            talk.warn("--token: others on this machine see it (ps); QEMBED_HTTP_TOKEN=… hides it")
    reason = serve_agents(index, settings, where, talk.say, talk.detail, servers=not no_server)
    talk.detail(f"stopped: {reason}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # requests that nobody waits for any more must not keep the process
