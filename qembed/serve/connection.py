"""One connection of a server, from hello to answer.

Reading and offering never wait: the thread that does them serves all connections. What is left of an answer
that the client does not take at once is for a thread that may wait.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import Any

from qembed.serve.protocol import MAX_REQUEST, READ_BYTES, Frames, ProtocolError, pack, send

READ_SECONDS = 10.0
"""Seconds a client has to send its request, and to take its answer."""
PULSE_SECONDS = 1.0
"""Seconds between two signs of life to a client that waits."""


class Connection:
    """The socket, and what is being done: reading, queue or work."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.state = "reading"
        self._sending = threading.Lock()
        self._answered = False
        self._frames = Frames()
        self.until = time.monotonic() + READ_SECONDS

    def read(self) -> dict[str, Any] | None:
        """The request, None as long as it is not whole. Raises Broken, OSError."""
        self._frames.add(self.socket.recv(READ_BYTES))
        return self._frames.take(MAX_REQUEST)

    def pulse(self) -> None:
        """A sign of life while the client waits. A client that does not take it is given up."""
        with self._sending:
            if self.state != "reading" and not self._answered:
                self.socket.settimeout(PULSE_SECONDS)
                with contextlib.suppress(ProtocolError, OSError):
                    send(self.socket, {"wait": self.state})

    def working(self) -> None:
        """It no longer waits for others."""
        self.state = "work"

    def offer(self, body: dict[str, Any]) -> bytes:
        """The last frame; gives back what the client does not take at once. Raises OSError."""
        frame = pack(body)
        with self._sending:
            self._answered = True
            self.socket.setblocking(False)
            try:
                return frame[self.socket.send(frame) :]
            except BlockingIOError:
                return frame

    def finish(self, rest: bytes) -> None:
        """What was given back. Raises OSError."""
        with self._sending:
            self.socket.settimeout(READ_SECONDS)
            self.socket.sendall(rest)

    def gone(self) -> bool:
        """Whether the client hung up."""
        poll = select.poll()  # not recv: with a timeout set it waits, whatever its flags say
        poll.register(self.socket, select.POLLIN)
        try:
            return bool(poll.poll(0)) and self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True
