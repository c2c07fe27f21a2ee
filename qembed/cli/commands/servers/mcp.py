"""`qembed mcp`: the index as tools of agents."""

from __future__ import annotations

import os
import shlex
import sys
from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.commands.servers.http_options import (
    AllowHostOption,
    AllowOriginOption,
    TokenOption,
    check_http_options,
    http_settings,
)
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
    token: TokenOption = None,
    allow_host: AllowHostOption = None,
    allow_origin: AllowOriginOption = None,
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
    from qembed.inputs import is_there
    from qembed.paths import REMOTE
    from qembed.pipeline.feedback.log_setting import log_wish
    from qembed.pipeline.locate import find_index, has_index
    from qembed.pipeline.project.project_file import find_project
    from qembed.web.mcp.run import require_packages, serve_agents
    from qembed.web.mcp.settings import McpSettings, client_of

    talk = Console(quiet, verbose)
    check_http_options(http, token, allow_host, allow_origin)
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
    # refuses a value of the environment before the first agent meets it
    log_wish(log, settings.project_log)
    if print_config is not None:
        from qembed.web.mcp.print_config import FILES, client_config

        given = {"--log": log, "--no-log": log is False, "--structured": structured}
        options = [name for name, is_given in given.items() if is_given]
        options += [
            x for n, v in (("--client", client), ("--session", session)) if v for x in (n, v)
        ]
        out(client_config(print_config.value, index, options))
        talk.say(f"for {FILES[print_config.value]}")
        if not (is_there(index / REMOTE) or has_index(index)):
            makes = f"qembed index PATH --index {shlex.quote(str(index))}"
            talk.warn(f"no index at {index} yet (make it: {makes})")
        return
    require_packages(http is not None)
    where = None
    if http is not None:
        where = http_settings(http, token, allow_host, allow_origin, talk, "mcp")
    reason = serve_agents(index, settings, where, talk.say, talk.detail, servers=not no_server)
    talk.detail(f"stopped: {reason}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # requests that nobody waits for any more must not keep the process
