"""Settings of a server for agents."""

from __future__ import annotations

from typing import Any, NamedTuple

from qembed.pipeline.feedback.log_setting import KINDS, Client, parse_client

MAX_K = 100
DEPTH = 1000
"""Hits that cursors lead to."""
MAX_TOKENS = 50_000
LEAST_TOKENS = 100


class McpSettings(NamedTuple):
    """Settings of one server. `log`: whether queries are logged, None: as the environment or the index says.

    `project_log`: setting `log` of the project file. `client`, `session`: who asks, in the log; None: what
    the client calls itself, and an id for each connection. `structured`: results have structured content too.
    """

    log: bool | None = None
    project_log: Any = None
    client: str | None = None
    session: str | None = None
    structured: bool = False


def client_of(settings: McpSettings, name: str, session: str) -> Client:
    """Client of a connection, an agent unless a kind is named. `name`: its own. Raises UsageError."""
    text = settings.client
    if text is None or (text.strip() and text.partition(":")[0] not in KINDS):
        text = f"agent:{text or name}"
    return parse_client(text, settings.session or session)
