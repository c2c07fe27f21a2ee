"""What goes over the socket: frames of four bytes length (big-endian) and a JSON object in UTF-8.

    server  {"hello": 1, "version": "0.1.0", "pid": 7, "index": "/…", …}    at once
    client  {"do": "query", …}                                              one request
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
HEAD = 4


class Broken(Exception):
    """The other side is gone, silent, or says what this protocol does not know."""


def pack(body: dict[str, Any]) -> bytes:
    """One frame. ASCII, so that lone surrogates (file names that are no UTF-8) survive."""
    data = json.dumps(body, ensure_ascii=True, default=str).encode("ascii")
    return len(data).to_bytes(HEAD, "big") + data


def send(to: socket.socket, body: dict[str, Any]) -> None:
    """Raises Broken."""
    try:
        to.sendall(pack(body))
    except OSError as e:
        raise Broken(str(e) or type(e).__name__) from e


def receive(sock: socket.socket, limit: int, seconds: float) -> dict[str, Any]:
    """The next frame, whole within `seconds`. Raises Broken."""
    until = time.monotonic() + seconds
    size = int.from_bytes(_exactly(sock, HEAD, until), "big")
    if size > limit:
        raise Broken(f"{size:,} bytes announced, {limit:,} are allowed")
    data = _exactly(sock, size, until)
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise Broken(f"not JSON: {e}") from e
    if not isinstance(body, dict):
        raise Broken("a JSON object is wanted")
    return body


def _exactly(sock: socket.socket, n: int, until: float) -> bytearray:
    """n bytes; memory grows with what arrives, not with what was announced."""
    got = bytearray()
    while len(got) < n:
        left = until - time.monotonic()
        if left <= 0:
            raise Broken("too slow")
        try:
            sock.settimeout(left)
            part = sock.recv(min(n - len(got), 1 << 18))
        except OSError as e:
            raise Broken(str(e) or type(e).__name__) from e
        if not part:
            raise Broken("closed")
        got += part
    return got
