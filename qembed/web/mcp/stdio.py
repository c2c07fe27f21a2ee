"""Standard input and output as the transport: one client, which started this process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from mcp.server.stdio import stdio_server

from qembed.errors import UsageError
from qembed.web.mcp.incoming import ReadableMessages
from qembed.web.mcp.protocol import Face


def serve_stdio(face: Face, started: Callable[[], None]) -> str:
    """Answer until stdin ends or a signal comes; return the reason of the end.

    stdout carries the protocol alone: what else is printed meanwhile goes to stderr. `started` is called once
    requests are read. Raises UsageError if stdin is closed.
    """
    if sys.stdin is None:
        raise UsageError("stdin is closed, and mcp reads from it (--http does not)")
    return asyncio.run(_serve(face, started))


async def _serve(face: Face, started: Callable[[], None]) -> str:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    server = face.server

    async def talk() -> None:
        async with stdio_server() as (read, write):
            loop.call_soon(started)
            messages = ReadableMessages(read, write)
            await server.run(messages, write, server.create_initialization_options())

    talking = asyncio.create_task(talk())
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait((talking, waiting), return_when=asyncio.FIRST_COMPLETED)
    if talking.done():
        waiting.cancel()
        _raise_bug(talking.exception())
        return "the client has left"
    talking.cancel()
    await asyncio.wait((talking,), timeout=1.0)
    return "told to"


def _raise_bug(error: BaseException | None) -> None:
    """Raise an error, unless it says that the client has left."""
    if isinstance(error, BaseExceptionGroup):
        error = error.split(OSError)[1]
    if error is not None and not isinstance(error, OSError):
        raise error
