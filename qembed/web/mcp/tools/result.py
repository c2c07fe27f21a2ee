"""Calls of tools: what they get besides their arguments, and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qembed.web.mcp.budget import estimate_tokens
from qembed.web.mcp.conversation import Conversation, Signals
from qembed.web.mcp.engine import Engine
from qembed.web.mcp.resources import document_uri
from qembed.web.mcp.settings import McpSettings

LINK_TOKENS = 8
"""Tokens of a link besides its URI and name."""


class Link(NamedTuple):
    """Link to the whole text of a document."""

    document: str

    @property
    def uri(self) -> str:
        """URI of the document."""
        return document_uri(self.document)

    @property
    def tokens(self) -> int:
        """Tokens of the link, estimated."""
        return LINK_TOKENS + estimate_tokens(self.uri) + estimate_tokens(self.document)


@dataclass(frozen=True, slots=True)
class Context:
    """Call of a tool: whose it is. `links`: the client knows links to resources."""

    engine: Engine
    settings: McpSettings
    conversation: Conversation
    signals: Signals
    links: bool = True


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Result of a tool. `structured`: ids, places, numbers, no text. `links`: to whole documents.

    `pictures`: JPEG, each as bytes.
    """

    text: str
    structured: Mapping[str, Any]
    links: Sequence[Link] = field(default=())
    pictures: Sequence[bytes] = field(default=())
