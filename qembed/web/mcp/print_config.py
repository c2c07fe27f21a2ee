"""Entry for a client's settings, with absolute paths: clients start servers in folders of their own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CLIENTS = ("claude", "cursor", "vscode")
NAME = "qembed"
FILES = {
    "claude": ".mcp.json of a project, or claude_desktop_config.json of the desktop program",
    "cursor": ".cursor/mcp.json of a project, or ~/.cursor/mcp.json",
    "vscode": ".vscode/mcp.json of a workspace",
}
"""Client -> the file that its JSON belongs in."""


def command_line() -> list[str]:
    """Command that starts this qembed from anywhere."""
    started = Path(sys.argv[0])
    if started.name.startswith("qembed") and started.is_file():
        return [str(started.absolute())]
    beside = Path(sys.executable).with_name("qembed")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("qembed")
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "qembed"]  # noqa: PTH100


def client_config(client: str, index: Path, options: Sequence[str]) -> str:
    """JSON for the settings of one of CLIENTS. `options`: further ones of `qembed mcp`."""
    command, *rest = command_line()
    entry: dict[str, Any] = {
        **({"type": "stdio"} if client == "vscode" else {}),
        "command": command,
        "args": [*rest, "mcp", "--index", str(index), *options],
    }
    outer = "servers" if client == "vscode" else "mcpServers"
    return json.dumps({outer: {NAME: entry}}, indent=2, ensure_ascii=False)
