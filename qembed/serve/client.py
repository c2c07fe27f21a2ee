"""What `query` and `rerank` try first: a server for this index, of this version, with time for us.

Light: nothing is imported here that the command line would not have imported anyway, socket aside. Whatever
goes wrong, the answer is None and the command does the work itself.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.serve.protocol import HELLO, MAX_REPLY, MAX_REQUEST, Frames, ProtocolError, pack
from qembed.serve.socket_address import (
    ShortSocketPath,
    is_other_user,
    is_private,
    relevant_environment,
    socket_path,
)
from qembed.version import __version__

GREETING = 2.0
"""Seconds for a living server to say hello."""
SILENCE = 10.0
"""Seconds without a sign of life after which it is given up."""
PATIENCE = 5.0
"""Seconds in the queue behind others, after which one's own process is likely to be faster."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the command would have written, and its exit code."""

    out: str
    err: list[str]
    code: int


class ServerConnection:
    """A connection to the server of an index. Raises Broken if there is none.

    `hello`: what it says of itself; empty before the first answer.
    """

    def __init__(self, index: Path) -> None:
        self.hello: dict[str, Any] = {}
        path = socket_path(index)
        if not os.path.lexists(path):  # the usual case: no server
            raise ProtocolError("no server")
        if not is_private(path.parent):
            raise ProtocolError(f"{path.parent} is not this user's alone")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._frames = Frames()
        try:
            self.socket.settimeout(GREETING)
            with ShortSocketPath(path) as short:
                self.socket.connect(short)
            if is_other_user(self.socket):
                raise ProtocolError("another user's server")
        except (OSError, ProtocolError) as e:
            self.close()
            raise ProtocolError(f"no answer ({e})") from e

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def __enter__(self) -> ServerConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Sends the one request and waits as long as the server shows that it works. Raises Broken.

        It is sent before the server has said hello, so that neither side is woken twice.
        """
        self.send(request)
        return self.answer()

    def send(self, request: dict[str, Any]) -> None:
        """The one request, for a later `answer`. Raises Broken."""
        frame = pack(request)
        if len(frame) > MAX_REQUEST:
            raise ProtocolError("more than a server takes")
        try:
            self.socket.sendall(frame)
        except OSError as e:
            raise ProtocolError(f"no answer ({e})") from e

    def answer(self) -> dict[str, Any]:
        """What the server says to it, which must show in the meantime that it works. Raises Broken."""
        try:
            self.hello = self._frames.receive(self.socket, MAX_REQUEST, GREETING)
        except ProtocolError as e:
            raise ProtocolError(f"no answer ({e})") from e
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._frames.receive(self.socket, MAX_REPLY, SILENCE)
            if "wait" not in answer:
                return answer
            if answer["wait"] == "queue" and time.monotonic() > until:
                raise ProtocolError("busy")


def ask(index: Path, do: str, body: dict[str, Any], detail: Callable[[str], None]) -> Reply | None:
    """The server's answer, None if there is no server or it cannot answer. `detail` is told which."""
    try:
        with ServerConnection(index) as line:
            here = {
                "version": __version__,
                "folder": os.getcwd(),  # noqa: PTH109
                "environ": relevant_environment(),
            }
            answer = line.ask({"do": do, **here, **body})
            if line.hello.get("hello") != HELLO or line.hello.get("version") != __version__:
                theirs = line.hello.get("version")
                raise ProtocolError(f"it is of version {theirs}, this is {__version__}")
            if "refused" in answer:
                raise ProtocolError(str(answer["refused"]))
            reply = Reply(str(answer["out"]), [str(e) for e in answer["err"]], int(answer["code"]))
            detail(f"answered by the server (pid {line.hello.get('pid')})")
            return reply
    except (ProtocolError, OSError, KeyError, TypeError, ValueError) as e:
        if str(e) != "no server":
            detail(f"not through the server: {e}")
        return None
