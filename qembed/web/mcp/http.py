"""Streamable HTTP as the transport: several clients, with the safety rules of `serve --http`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from qembed.web.http.address import Address, listen
from qembed.web.http.errors import HttpError, too_busy, too_long
from qembed.web.http.guard import check_request, cors_headers
from qembed.web.http.protocol import server_config, sweep
from qembed.web.http.settings import HttpSettings
from qembed.web.mcp.protocol import Face

PATH = "/mcp"
HEALTH = "/healthz"
SHUTDOWN_SECONDS = 2
"""Time that begun requests have at the end; streams to clients have no end of their own."""
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Any]]


class Application:
    """ASGI application: guard, path, then the SDK. `active`: requests that are being answered."""

    def __init__(self, settings: HttpSettings, manager: StreamableHTTPSessionManager) -> None:
        self._settings = settings
        self._manager = manager
        self.active = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]}
        method, path = scope["method"], scope["path"]
        more = {**SECURITY, **cors_headers(self._settings, method, headers)}
        self.active += 1
        try:
            try:
                check_request(self._settings, path, method, headers)
                if self.active > self._settings.limits.requests:
                    raise too_busy("too many requests are being answered", 429, "too_many")
                if path == HEALTH:
                    await _send(send, 200, {"status": "ok"}, more)
                    return
                if path.rstrip("/") != PATH:
                    raise HttpError(404, "not_found", f"there is {PATH} and {HEALTH} here")
                if method == "OPTIONS":
                    await _send(send, 204, None, more)
                    return
            except HttpError as e:
                await _send(send, e.status, e.to_json(), {**more, **e.headers})
                return

            refused = False

            async def with_headers(message: Any) -> None:
                nonlocal refused
                if message["type"] == "http.response.start":
                    refused = message["status"] == 413
                    message = {**message, "headers": [*message["headers"], *_encoded(more)]}
                if not refused:
                    await send(message)
                elif message["type"] == "http.response.start":  # the SDK's words say no limit
                    e = too_long(self._settings.limits.body)
                    await _send(send, e.status, e.to_json(), {**more, **e.headers})

            await self._manager.handle_request(dict(scope), receive, with_headers)
        finally:
            self.active -= 1


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()]


async def _send(send: Send, status: int, body: Any, headers: Mapping[str, str]) -> None:
    data = b"" if body is None else json.dumps(body).encode("ascii")
    kind = {} if body is None else {"Content-Type": "application/json"}
    length = {} if body is None else {"Content-Length": str(len(data))}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": _encoded({**headers, **kind, **length}),
        }
    )
    await send({"type": "http.response.body", "body": data})


def serve_http(face: Face, settings: HttpSettings, started: Callable[[Address], None]) -> str:
    """Answer until a signal comes; return the reason of the end. `started` is called with the address.

    Raises StorageError if the address cannot be had.
    """
    sock, address = listen(settings.address)
    try:
        asyncio.run(_serve(face, settings, sock, lambda: started(address)))
    finally:
        sock.close()
    return "told to"


async def _serve(
    face: Face, settings: HttpSettings, sock: Any, started: Callable[[], None]
) -> None:
    manager = StreamableHTTPSessionManager(face.server, max_request_body_size=settings.limits.body)
    server = uvicorn.Server(
        server_config(Application(settings, manager), settings.limits, SHUTDOWN_SECONDS)
    )
    # uvicorn raises a signal again that it caught: here that says nothing new
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    async with manager.run():
        sweeping = asyncio.create_task(sweep(server.server_state.connections))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.005)
        if server.started:
            started()
        try:
            await serving
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
