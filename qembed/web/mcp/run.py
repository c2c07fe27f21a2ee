"""A server for agents, from its first request to its end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from qembed.errors import UsageError
from qembed.store.manifest import require_index
from qembed.web.http.settings import HttpSettings
from qembed.web.mcp.settings import McpSettings

EXTRA = "pip install 'qembed-search[mcp]'"


def require_packages(http: bool) -> None:
    """Raise UsageError if the SDK is not installed, or with `http` the packages of HTTP."""
    if find_spec("mcp") is None or find_spec("mcp_types") is None:
        raise UsageError(f"qembed mcp wants the MCP SDK, not installed here ({EXTRA})")
    missing = [name for name in ("uvicorn", "h11") if http and find_spec(name) is None]
    if missing:
        raise UsageError(f"--http wants {', '.join(missing)}, not installed here ({EXTRA})")


def serve_agents(
    root: Path,
    settings: McpSettings,
    http: HttpSettings | None,
    say: Callable[[str], None],
    detail: Callable[[str], None],
    *,
    servers: bool = True,
) -> str:
    """Serve the index at `root` over stdio, or at an address; return the reason of the end.

    `servers`: whether the index's running server is asked. Raises UsageError without the packages, NoIndex,
    StorageError if the address cannot be had.
    """
    require_packages(http is not None)
    require_index(root)
    from qembed.web.mcp.conversation import Signals
    from qembed.web.mcp.engine import Engine
    from qembed.web.mcp.protocol import Face

    engine = Engine(root, detail, servers)
    signals = Signals(root, say)
    face = Face(engine, settings, signals, alone=http is None)

    if http is None and sys.stdin is not None and sys.stdin.isatty():
        say(f"serving {root} to a client that writes to stdin (Ctrl-D ends it)")

    def warm() -> None:
        threading.Thread(target=engine.warm, name="warm", daemon=True).start()

    try:
        if http is None:
            from qembed.web.mcp.stdio import serve_stdio

            return serve_stdio(face, warm)
        from qembed.web.mcp.http import PATH, serve_http

        token = " (with a token)" if http.token else ""

        def started(address: object) -> None:
            say(f"serving {root} at {getattr(address, 'url', '')}{PATH}{token} (pid {os.getpid()})")
            warm()

        return serve_http(face, http, started)
    finally:
        signals.close()
