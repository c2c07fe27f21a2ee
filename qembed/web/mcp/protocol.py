"""Protocol: tools and documents as a server of the MCP SDK, in all of its revisions."""

from __future__ import annotations

import base64
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from qembed.errors import QembedError
from qembed.pipeline.retrieval.documents.read import DocumentRequest
from qembed.version import __version__
from qembed.web.http.errors import HttpError
from qembed.web.http.parameters import Parameters, nearest
from qembed.web.mcp.conversation import Conversation, Signals
from qembed.web.mcp.engine import Engine
from qembed.web.mcp.next_steps import error_text, resource_error_text
from qembed.web.mcp.resources import TEMPLATE, document_of
from qembed.web.mcp.settings import McpSettings, client_of
from qembed.web.mcp.texts import utf8_text, with_utf8_texts
from qembed.web.mcp.tools.result import Context, ToolResult
from qembed.web.mcp.tools.table import INSTRUCTIONS, TOOLS, ToolEntry

T = TypeVar("T")
Request: TypeAlias = ServerRequestContext[Any, Any]

THREADS = 8
"""Calls that are answered at a time; others wait."""
FIRST_WITH_LINKS = "2025-06-18"
"""Revision that knows links to resources in a tool's result."""
RESOURCE_NOT_FOUND = -32002
SESSION_HEADER = "mcp-session-id"
SESSIONS = 10_000
"""Conversations over HTTP that are remembered."""
BUG = "the server met a bug: its stderr has the traceback"
TEXT = "text/plain"


class Face:
    """Tools of one process. `alone`: there is one client, so that all its requests are one conversation."""

    def __init__(
        self, engine: Engine, settings: McpSettings, signals: Signals, *, alone: bool
    ) -> None:
        self._engine, self._settings, self._signals = engine, settings, signals
        self._alone = alone
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()
        self._threads: anyio.CapacityLimiter | None = None
        self.server: Server[Any] = Server(
            "qembed",
            version=__version__,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    # ── tools ────────────────────────────────────────────────────────────────────────────────────

    async def _list_tools(self, ctx: Request, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(name, t) for name, t in TOOLS.items()])

    async def _call_tool(
        self, ctx: Request, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            known = ", ".join(TOOLS)
            said = f"there is no tool {params.name[:50]!r} (there are {known})"
            call = " or ".join(nearest([params.name], list(TOOLS))) or "one of them"
            raise MCPError(types.INVALID_PARAMS, f"{said}\n\nNext: call {call}.")
        # numbers and truth values as texts mean what they say: models write them so
        given = Parameters(params.arguments or {}, texts=True)
        try:
            result = await self._in_thread(partial(tool.answer, given, self._context(ctx)))
        except (QembedError, HttpError) as e:
            return _failure(error_text(params.name, e))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return _failure(BUG)
        return self._result(result)

    def _result(self, result: ToolResult) -> types.CallToolResult:
        links = [
            types.ResourceLink(name=utf8_text(link.document), uri=link.uri, mime_type=TEXT)
            for link in result.links
        ]
        pictures = [
            types.ImageContent(data=base64.b64encode(p).decode("ascii"), mime_type="image/jpeg")
            for p in result.pictures
        ]
        text = types.TextContent(text=utf8_text(result.text))
        content: list[types.ContentBlock] = [text, *pictures, *links]
        if not self._settings.structured:
            return types.CallToolResult(content=content)
        return types.CallToolResult(
            content=content, structured_content=with_utf8_texts(result.structured)
        )

    # ── resources ────────────────────────────────────────────────────────────────────────────────

    async def _list_resources(self, ctx: Request, params: Any) -> types.ListResourcesResult:
        # an index may have a million documents: search finds them
        return types.ListResourcesResult(resources=[])

    async def _list_templates(self, ctx: Request, params: Any) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            name="document",
            uri_template=TEMPLATE,
            description="Text of a document, by the id that search gives, percent-encoded.",
            mime_type=TEXT,
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, ctx: Request, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        context = self._context(ctx)
        try:
            document = document_of(params.uri)
            request = DocumentRequest(document)
            found = await self._in_thread(partial(self._engine.document, request))
        except QembedError as e:
            raise MCPError(
                RESOURCE_NOT_FOUND, resource_error_text(e), {"uri": params.uri}
            ) from None
        except Exception:
            traceback.print_exc(file=sys.stderr)
            raise MCPError(types.INTERNAL_ERROR, BUG) from None
        event = context.conversation.opened(document)
        if event is not None:
            self._signals.add(event)
        text = types.TextResourceContents(
            uri=params.uri, mime_type=TEXT, text=utf8_text(found.text)
        )
        return types.ReadResourceResult(contents=[text])

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)

    def _context(self, ctx: Request) -> Context:
        return Context(
            self._engine,
            self._settings,
            self._conversation(ctx),
            self._signals,
            links=ctx.protocol_version >= FIRST_WITH_LINKS,
        )

    def _conversation(self, ctx: Request) -> Conversation:
        """Conversation that a request belongs to; one of its own where nothing says so."""
        key = "" if self._alone else getattr(ctx.request, "headers", {}).get(SESSION_HEADER)
        if key is not None and (known := self._conversations.get(key)) is not None:
            return known
        about = ctx.session.client_params
        name = about.client_info.name if about is not None else ""
        made = Conversation(
            client_of(self._settings, name, os.urandom(6).hex()), lasting=key is not None
        )
        if key is not None:
            self._conversations[key] = made
            while len(self._conversations) > SESSIONS:
                self._conversations.popitem(last=False)
        return made


def _described(name: str, tool: ToolEntry) -> types.Tool:
    annotations = types.ToolAnnotations(
        title=tool.title,
        read_only_hint=tool.read_only,
        destructive_hint=False,
        idempotent_hint=tool.read_only,
        open_world_hint=False,
    )
    return types.Tool(
        name=name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema(),
        annotations=annotations,
    )


def _failure(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=utf8_text(text))], is_error=True)
