"""Messages of a client over stdio, those that the SDK cannot read too: each request gets an answer.

The SDK (2.3) drops a line that its parser refuses, and the client waits for ever: one that is no JSON, and
one with half of a surrogate pair in a text, which JSON allows and UTF-8 does not.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from qembed.web.mcp.texts import with_utf8_texts


class ReadableMessages:
    """Stream of messages in place of the SDK's `stream`. What stays unreadable is refused through `write`."""

    def __init__(self, stream: Any, write: Any) -> None:
        self._stream, self._write = stream, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> ReadableMessages:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *of: Any) -> Any:
        return await self._stream.__aexit__(*of)

    def __aiter__(self) -> ReadableMessages:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def receive(self) -> SessionMessage:
        """Receive the next message that can be read."""
        while True:
            item = await self._stream.receive()
            if isinstance(item, SessionMessage):
                return item
            found = read_again(item)
            if isinstance(found, SessionMessage):
                return found
            await self._write.send(SessionMessage(found))


def read_again(error: Exception) -> SessionMessage | types.JSONRPCError:
    """Read the line that an error of the SDK's parser is about; the refusal of one that is no message."""
    try:
        line = error.errors()[0]["input"] if isinstance(error, ValidationError) else ""
        value = with_utf8_texts(json.loads(line))
        return SessionMessage(types.jsonrpc_message_adapter.validate_python(value, by_name=False))
    except (ValueError, TypeError, RecursionError):
        said = types.ErrorData(
            code=types.PARSE_ERROR, message="that line is no message of JSON-RPC"
        )
        return types.JSONRPCError(jsonrpc="2.0", id=None, error=said)
