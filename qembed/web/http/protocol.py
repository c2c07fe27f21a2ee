"""Connections with limits: how many there are, how long a client may take to send and to receive.

uvicorn limits idle time between requests only. A client that sends the head of its request byte by byte, or
never takes its answer, would hold its connection for good. And it closes the connection of a client that has
sent its request and closed its own side, without an answer. And the answer to a request of which a part is
still on its way is lost where the connection is closed at once: the system resets it then.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from qembed.web.http.address import BACKLOG
from qembed.web.http.errors import HttpError, too_busy
from qembed.web.http.settings import Limits

SWEEP_SECONDS = 1.0
"""Interval between two looks at all connections."""
HALF_CLOSED_SECONDS = 1.0
"""Time for the answer to a client that sends no more: whether it waits or has left looks the same."""
LINGER_BYTES = 32 << 20
"""Most of a request that is read after its answer where the connection ends, for `Limits.read` at most."""
_OF_BROWSERS = (b"origin", b"sec-fetch-mode")
"""Headers that no other clients send."""
_ARRIVED = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


class JoiningTransport:
    """Transport that sends what is written in one turn of the loop at once.

    uvicorn writes the head and the body of an answer by themselves. Each write lets another thread take the
    interpreter, and wakes the client.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_arriving: Callable[[], bool],
    ) -> None:
        self._transport, self._loop = transport, loop
        self._is_arriving = is_arriving
        self._parts: list[bytes] = []
        self.lingering = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send at the end of this turn."""
        if data and not self.lingering:
            if not self._parts:
                self._loop.call_soon(self.flush)
            self._parts.append(data)

    def flush(self) -> None:
        """Send what was written."""
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(data)

    def is_closing(self) -> bool:
        """True once `close` was called."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Send what was written, then close; while a request arrives the way out alone, if called once."""
        self.flush()
        if self.lingering or self._transport.is_closing() or not self._is_arriving():
            self._transport.close()
            return
        self.lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()


class LimitedProtocol(H11Protocol):
    """A connection. `limits`: set by `protocol_class`.

    `waiting_since`: the loop's time since which a request arrives, None between requests. `unsent`: bytes of
    answers that the client has not taken, and since when it has taken none. `half_closed`: the client sends
    no more. `dropped`: bytes of a request that came after its answer, the last one here.
    """

    limits: Limits = Limits()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.waiting_since: float | None = None
        self.unsent = (0, 0.0)
        self.half_closed = False
        self.dropped = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; refuse what is too much."""
        self.joining = JoiningTransport(
            transport, self.loop, lambda: self.conn.their_state is h11.SEND_BODY
        )
        super().connection_made(self.joining)  # type: ignore[arg-type]
        self.waiting_since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self._refuse(too_busy(f"{self.limits.connections} connections are open"))

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note whether a request is still arriving. Drop them once it is answered."""
        if self.joining.lingering:
            self.dropped += len(data)
            if self.dropped > LINGER_BYTES:
                self.transport.abort()
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # rubbish after a request that was answered
            self.transport.abort()
        if self.conn.their_state in _ARRIVED:
            self.waiting_since = None
        elif self.waiting_since is None:
            self.waiting_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Go on to the next request. The rest of a body that was refused is still to arrive."""
        super().on_response_complete()
        arriving = self.conn.their_state is h11.SEND_BODY
        self.waiting_since = self.loop.time() if arriving else None
        if self.half_closed and not self._is_answering():
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the way back open for a moment if a whole request waits for its answer.

        Not to a browser, which has left then: it gives up a search as soon as one types on.
        """
        self.joining.flush()  # an answer of this turn: the transport drops what is written once it closes
        by_browser = any(name in _OF_BROWSERS for name, _ in self.headers or ())
        if by_browser or not self._is_answering() or self.conn.their_state not in _ARRIVED:
            return False
        if not self.half_closed:
            self.half_closed = True
            self.loop.call_later(HALF_CLOSED_SECONDS, self._end_half_closed)
        return True

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_half_closed(self) -> None:
        """Take the client for gone, so that the work for it is dropped."""
        if self._is_answering() and not self.cycle.response_started:
            self.transport.abort()

    def is_too_slow(self, now: float) -> bool:
        """True if the client takes too long. `now`: the loop's time."""
        if self.waiting_since is not None and now - self.waiting_since > self.limits.read:
            # an endpoint that reads a body tells so itself, a moment earlier
            return self.cycle is None or self.cycle.response_complete
        size = self.transport.get_write_buffer_size()
        if not size or size < self.unsent[0] or not self.unsent[0]:
            self.unsent = (size, now)
        return size > 0 and now - self.unsent[1] > self.limits.send

    def cut_off(self) -> None:
        """Close; say why to a client that has sent a part of a head."""
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun and self.conn.our_state is h11.IDLE and not self.transport.is_closing():
            seconds = self.limits.read
            self._refuse(
                HttpError(408, "slow_request", f"the head took longer than {seconds:g} seconds")
            )
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            raise h11.LocalProtocolError(msg)
        self._refuse(HttpError(400, "not_http", "that is no HTTP request"))

    def _refuse(self, error: HttpError) -> None:
        """Answer with an error and close."""
        body = json.dumps(error.to_json()).encode("ascii")
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Connection": "close",
            **error.headers,
        }
        phrase = {400: "Bad Request", 408: "Request Timeout"}.get(
            error.status, "Service Unavailable"
        )
        head = f"HTTP/1.1 {error.status} {phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(head.encode("ascii") + b"\r\n" + body)
        self.transport.close()


def protocol_class(limits: Limits) -> type[LimitedProtocol]:
    """Class of connections with these limits."""
    return type("LimitedProtocol", (LimitedProtocol,), {"limits": limits})


def server_config(application: Any, limits: Limits, grace: int) -> uvicorn.Config:
    """Settings of uvicorn for an ASGI application behind connections with limits, silent itself.

    `grace`: seconds that begun requests have at the end.
    """
    # uvicorn's words on bad requests are not ours: who serves counts them
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        application,
        loop="asyncio",
        http=protocol_class(limits),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=grace,
    )


async def sweep(connections: set[Any]) -> None:
    """Cut off connections that are too slow, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = loop.time()
        for connection in list(connections):
            if connection.is_too_slow(now):
                connection.cut_off()
