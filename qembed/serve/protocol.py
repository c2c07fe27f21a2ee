"""Frames on a server's socket: four bytes of length, big-endian, and a JSON object in UTF-8.

server  {"hello": 2, "version": "0.1.0", "pid": 7, "index": "/…"}     at once
client  a message                                                       one a connection, at once too
server  {"wait": "queue"} or {"wait": "work"}                           each second until the reply
server  a reply                                                         see messages.py
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

HELLO = 2
"""Version of the messages."""
MAX_REQUEST = 4 << 20
MAX_REPLY = 256 << 20
HEADER_BYTES = 4
READ_BYTES = 1 << 18
"""Bytes read at a time: memory grows with what arrives, not with the announced length."""


class ProtocolError(Exception):
    """The other side closed the connection, is silent, or sent no frame of this protocol."""


def pack(body: Mapping[str, Any]) -> bytes:
    """One frame. In ASCII, so that lone surrogates survive: file names that are not UTF-8."""
    data = json.dumps(body, ensure_ascii=True, default=str).encode("ascii")
    return len(data).to_bytes(HEADER_BYTES, "big") + data


def send(to: socket.socket, body: Mapping[str, Any]) -> None:
    """Send one frame. Raises ProtocolError."""
    try:
        to.sendall(pack(body))
    except OSError as e:
        raise ProtocolError(str(e) or type(e).__name__) from e


class Frames:
    """Buffer that splits arriving bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, part: bytes) -> None:
        """Add bytes that arrived. Raises ProtocolError for none: the connection is closed."""
        if not part:
            raise ProtocolError("closed")
        self._buffer += part

    def take(self, limit: int) -> dict[str, Any] | None:
        """The next frame, None while it is incomplete. Raises ProtocolError, also above `limit` bytes."""
        if len(self._buffer) < HEADER_BYTES:
            return None
        end = HEADER_BYTES + int.from_bytes(self._buffer[:HEADER_BYTES], "big")
        if end > HEADER_BYTES + limit:
            raise ProtocolError(f"{end - HEADER_BYTES:,} bytes announced, {limit:,} are allowed")
        if len(self._buffer) < end:
            return None
        data = self._buffer[HEADER_BYTES:end]
        del self._buffer[:end]
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as e:
            raise ProtocolError(f"not JSON: {e}") from e
        if not isinstance(body, dict):
            raise ProtocolError("a JSON object is wanted")
        return body

    def receive(self, sock: socket.socket, limit: int, seconds: float) -> dict[str, Any]:
        """The next frame. Raises ProtocolError if it is not complete within `seconds`."""
        until = time.monotonic() + seconds
        while (body := self.take(limit)) is None:
            left = until - time.monotonic()
            if left <= 0:
                raise ProtocolError("too slow")
            try:
                sock.settimeout(left)
                part = sock.recv(READ_BYTES)
            except OSError as e:
                raise ProtocolError(str(e) or type(e).__name__) from e
            self.add(part)
        return body
