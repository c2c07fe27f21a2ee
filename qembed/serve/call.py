"""One connection of a server, from hello to answer."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Any

from qembed.serve.protocol import Broken, send

READING = 10.0
"""Seconds a client has to send its request, and to take its answer."""
PULSE = 1.0
"""Seconds between two signs of life to a client that waits."""


class Call:
    """The socket, and what is being done: reading, queue or work."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.state = "reading"
        self._sending = threading.Lock()
        self._answered = False

    def pulse(self) -> None:
        """A sign of life while the client waits. A client that does not take it is given up."""
        with self._sending:
            if self.state != "reading" and not self._answered:
                self.socket.settimeout(PULSE)
                with contextlib.suppress(Broken, OSError):
                    send(self.socket, {"wait": self.state})

    def working(self) -> None:
        """It no longer waits for others."""
        self.state = "work"

    def answer(self, body: dict[str, Any]) -> None:
        """The last frame."""
        with self._sending:
            self._answered = True
            self.socket.settimeout(READING)
            send(self.socket, body)

    def gone(self) -> bool:
        """Whether the client hung up."""
        poll = select.poll()  # not recv: with a timeout set it waits, whatever its flags say
        poll.register(self.socket, select.POLLIN)
        try:
            return bool(poll.poll(0)) and self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True
