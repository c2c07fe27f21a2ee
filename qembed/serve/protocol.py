"""What goes over the socket: frames of four bytes length (big-endian) and a JSON object in UTF-8.

    server  {"hello": 1, "version": "0.1.0", "pid": 7, "index": "/…", …}    at once
    client  {"do": "query", "version": "0.1.0", …}                          one request, at once too
    server  {"wait": true}                                                  each second, while it works
    server  {"out": "…", "err": ["…"], "code": 0}                           the answer, or
            {"refused": "why"}                                              the client does it itself

One request a connection: what a command line needs, and nothing to keep in step.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any

HELLO = 1
MAX_REQUEST = 4 << 20
MAX_REPLY = 256 << 20
HEADER_BYTES = 4
READ_BYTES = 1 << 18
"""Bytes that are read at a time: memory grows with what arrives, not with what was announced."""


class ProtocolError(Exception):
    """The other side is gone, silent, or says what this protocol does not know."""


def pack(body: dict[str, Any]) -> bytes:
    """One frame. ASCII, so that lone surrogates (file names that are no UTF-8) survive."""
    data = json.dumps(body, ensure_ascii=True, default=str).encode("ascii")
    return len(data).to_bytes(HEADER_BYTES, "big") + data


def send(to: socket.socket, body: dict[str, Any]) -> None:
    """Raises Broken."""
    try:
        to.sendall(pack(body))
    except OSError as e:
        raise ProtocolError(str(e) or type(e).__name__) from e


class Frames:
    """Makes frames of the bytes that arrive; what belongs to the next one waits."""

    def __init__(self) -> None:
        self._got = bytearray()

    def add(self, part: bytes) -> None:
        """What has arrived. Raises Broken for nothing: that is the end."""
        if not part:
            raise ProtocolError("closed")
        self._got += part

    def take(self, limit: int) -> dict[str, Any] | None:
        """The next frame, None as long as it is not whole. Raises Broken."""
        if len(self._got) < HEADER_BYTES:
            return None
        end = HEADER_BYTES + int.from_bytes(self._got[:HEADER_BYTES], "big")
        if end > HEADER_BYTES + limit:
            raise ProtocolError(f"{end - HEADER_BYTES:,} bytes announced, {limit:,} are allowed")
        if len(self._got) < end:
            return None
        data = self._got[HEADER_BYTES:end]
        del self._got[:end]
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as e:
            raise ProtocolError(f"not JSON: {e}") from e
        if not isinstance(body, dict):
            raise ProtocolError("a JSON object is wanted")
        return body

    def receive(self, sock: socket.socket, limit: int, seconds: float) -> dict[str, Any]:
        """The next frame, whole within `seconds`. Raises Broken."""
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
