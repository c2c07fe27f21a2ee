"""Client of a server: what `query` and `rerank` try first.

Imports only what the command line has imported anyway, and socket. Without a server of this version for this
index, or if anything goes wrong, there is no answer and the command does the work itself.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qembed.serve.messages import Refused, answer_of, call_json
from qembed.serve.protocol import HELLO, MAX_REPLY, MAX_REQUEST, Frames, ProtocolError, pack
from qembed.serve.socket_address import ShortSocketPath, is_other_user, is_private, socket_path
from qembed.version import __version__

HELLO_SECONDS = 2.0
"""Time limit of a server to say hello."""
SILENCE_SECONDS = 10.0
"""Time without a frame after which the server is given up."""
QUEUE_SECONDS = 5.0
"""Time in the queue after which this process is likely to be faster."""


class NoServer(ProtocolError):
    """No server has a socket for this index."""


class ServerConnection:
    """A connection to the server of an index. Raises ProtocolError if there is none.

    `hello`: the server's first frame; empty before the first reply.
    """

    def __init__(self, index: Path) -> None:
        self.hello: dict[str, Any] = {}
        path = socket_path(index)
        if not os.path.lexists(path):  # the usual case
            raise NoServer("no server")
        if not is_private(path.parent):
            raise ProtocolError(f"{path.parent} is not this user's alone")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._frames = Frames()
        try:
            self.socket.settimeout(HELLO_SECONDS)
            with ShortSocketPath(path) as short:
                self.socket.connect(short)
            if is_other_user(self.socket):
                raise ProtocolError("another user's server")
        except (OSError, ProtocolError) as e:
            self.close()
            raise ProtocolError(f"no answer ({e})") from e

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> ServerConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send the one message of this connection and receive the reply. Raises ProtocolError.

        It is sent before the server's hello has arrived, so that neither side wakes up twice.
        """
        self.send(message)
        return self.receive()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send the message, for a later `receive`. Raises ProtocolError."""
        frame = pack(message)
        if len(frame) > MAX_REQUEST:
            raise ProtocolError("more than a server takes")
        try:
            self.socket.sendall(frame)
        except OSError as e:
            raise ProtocolError(f"no answer ({e})") from e

    def receive(self) -> dict[str, Any]:
        """The reply. Raises ProtocolError for a server that is silent or has a long queue."""
        try:
            self.hello = self._frames.receive(self.socket, MAX_REQUEST, HELLO_SECONDS)
        except ProtocolError as e:
            raise ProtocolError(f"no answer ({e})") from e
        until = time.monotonic() + QUEUE_SECONDS
        while True:
            reply = self._frames.receive(self.socket, MAX_REPLY, SILENCE_SECONDS)
            if "wait" not in reply:
                return reply
            if reply["wait"] == "queue" and time.monotonic() > until:
                raise ProtocolError("busy")


def ask(
    index: Path, operation: str, request: Mapping[str, Any], detail: Callable[[str], None]
) -> dict[str, Any] | None:
    """The server's answer to a request, as JSON values; None if this process must do the work.

    `detail` is called with a line that says who answers. Raises what the work raised.
    """
    try:
        with ServerConnection(index) as connection:
            reply = connection.ask(call_json(operation, request))
            hello = connection.hello
            if hello.get("hello") != HELLO or hello.get("version") != __version__:
                raise ProtocolError(
                    f"it is of version {hello.get('version')}, this is {__version__}"
                )
            answer = answer_of(reply)
            detail(f"answered by the server (pid {hello.get('pid')})")
            return answer
    except NoServer:
        return None
    except (ProtocolError, Refused, OSError, KeyError, TypeError, ValueError) as e:
        detail(f"not through the server: {e}")
        return None
