"""One connection of a server, from hello to reply.

`read` and `send_nowait` never block: the event loop's thread calls them for all connections. The part of a
reply that the client does not take at once is sent by a thread that may block.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from qembed.serve.protocol import MAX_REQUEST, READ_BYTES, Frames, ProtocolError, pack, send

READ_SECONDS = 10.0
"""Time limit of a client to send its request, and to take its reply."""
KEEPALIVE_SECONDS = 1.0
"""Interval between two frames to a client that waits."""


class Connection:
    """A socket and the state of its request.

    `state`: reading, queue (waiting for other requests) or work. `read_deadline`: monotonic time until which
    the request must be complete.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.state: Literal["reading", "queue", "work"] = "reading"
        self.read_deadline = time.monotonic() + READ_SECONDS
        self._sending = threading.Lock()
        self._replied = False
        self._frames = Frames()

    def read(self) -> dict[str, Any] | None:
        """The request, None while it is incomplete. Raises ProtocolError, OSError."""
        self._frames.add(self.socket.recv(READ_BYTES))
        return self._frames.take(MAX_REQUEST)

    def mark_running(self) -> None:
        """Mark the request as running."""
        self.state = "work"

    def send_keepalive(self) -> None:
        """Send the state to a waiting client. Errors are ignored: the reply will meet them."""
        with self._sending:
            if self.state != "reading" and not self._replied:
                self.socket.settimeout(KEEPALIVE_SECONDS)
                with contextlib.suppress(ProtocolError, OSError):
                    send(self.socket, {"wait": self.state})

    def send_nowait(self, body: Mapping[str, Any]) -> bytes:
        """Send the reply without blocking. Returns the bytes left to `send_rest`. Raises OSError."""
        frame = pack(body)
        with self._sending:
            self._replied = True
            self.socket.setblocking(False)
            try:
                return frame[self.socket.send(frame) :]
            except BlockingIOError:
                return frame

    def send_rest(self, rest: bytes) -> None:
        """Send the bytes that `send_nowait` could not send, blocking. Raises OSError."""
        with self._sending:
            self.socket.settimeout(READ_SECONDS)
            self.socket.sendall(rest)

    def is_closed(self) -> bool:
        """True if the client has closed the connection."""
        poll = select.poll()  # with a timeout set, recv waits whatever its flags
        poll.register(self.socket, select.POLLIN)
        try:
            return bool(poll.poll(0)) and self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True
