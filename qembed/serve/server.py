"""Server of an index: its life from the lock to the last reply."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, UsageError, refusal
from qembed.locks import FileLock, LockHeld
from qembed.paths import CACHE_HINT, cache_folder
from qembed.serve.caller import Caller
from qembed.serve.connection import KEEPALIVE_SECONDS, Connection
from qembed.serve.dispatcher import Dispatcher
from qembed.serve.event_loop import EventLoop
from qembed.serve.face import Face
from qembed.serve.handlers import Request
from qembed.serve.live_index import LiveIndex
from qembed.serve.protocol import HELLO, pack
from qembed.serve.socket_address import ShortSocketPath, is_other_user, is_private, socket_path
from qembed.version import __version__

MAX_CONNECTIONS = 256
"""Connections at a time; further ones are closed, and their clients do the work themselves."""
SHUTDOWN_SECONDS = 5.0
"""Time that running requests have when the server stops: their clients do the work themselves."""
SWITCH_SECONDS = 0.001
"""Time after which the interpreter leaves a thread for another that waits. Python's own is five times as
long: the thread that encodes would wait until several answers are made before it begins the next batch."""


class Server:
    """Serves an index until it is idle for `idle` seconds (0: never), told to stop, or signalled.

    `face`: a further way to ask it.
    """

    def __init__(self, index: LiveIndex, idle: float, face: Face | None = None) -> None:
        self.index = index
        self.idle = idle
        self.face = face
        self.path = socket_path(index.root)
        self.started = time.time()
        self._connections: set[Connection] = set()
        self._dispatcher = Dispatcher(index, MAX_CONNECTIONS, self._call_soon, self._close)
        self._hello_frame = b""
        self._guard = threading.Lock()
        self._last_request = time.monotonic()
        self._stop = threading.Event()
        self._stopping = 0.0
        self._socket_id = (0, 0)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def run(self, ready: Callable[[Path], None]) -> str:
        """Load the index, serve, and return the reason of the stop. `ready` is called with the socket.

        Raises what a query would, StorageError, and UsageError if the index is served already.
        """
        with self._locked(), _quick_switches():
            self.index.load()
            return self._serve(ready)

    def _serve(self, ready: Callable[[Path], None]) -> str:
        self._hello_frame = pack(self._hello())
        with self._listening() as listener:
            self._loop = EventLoop(listener, self._accept, self._submit, self._close)
            self.index.pending = self._loop.pending
            if self.face is not None:
                self.face.start(self)
            ready(self.path)
            threading.Thread(target=self._send_keepalives, daemon=True).start()
            self._last_request = self._looked = time.monotonic()
            reason = self._loop.run(self._stop_reason, self._job_done)
            self._loop.stop_reading()
            if self.face is not None:
                self.face.stop()
        self._stopping = time.monotonic()
        self._loop.run(lambda: None if self._is_busy() else "done", self._job_done)
        if self.face is not None:
            self.face.close()
        self._loop.close()
        return reason

    def _job_done(self) -> None:
        if self.face is not None and not self._loop.pending():
            self.face.flush()
        self._dispatcher.job_done()

    def _is_busy(self) -> bool:
        """True if a request is being answered that has time left."""
        since = time.monotonic() - self._stopping
        of_face = self.face is not None and self.face.is_busy() and since < self.face.grace
        return of_face or (bool(self._connections) and since < SHUTDOWN_SECONDS)

    def ask(self, caller: Caller, operation: str, request: Request) -> None:
        """Answer a face's request, now or later. May be called by any thread."""
        self._last_request = time.monotonic()
        self._dispatcher.ask(caller, operation, request)

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self._dispatcher.requests

    def touch(self) -> None:
        """Count idle time from now on."""
        self._last_request = time.monotonic()

    def _call_soon(self, job: Callable[[], None]) -> None:
        self._loop.call_soon(job)

    def _submit(self, connection: Connection, message: dict[str, Any]) -> None:
        """Answer a message that the server itself understands, or submit it to the dispatcher."""
        operation = message.get("do")
        if operation == "stop":
            of_face = {} if self.face is None else self.face.status()
            self._dispatcher.reply(connection, {"stopping": True, **of_face})
            self.stop()
        elif operation == "status":
            self._dispatcher.reply(connection, self.status())
        else:
            self._dispatcher.submit(connection, message)

    def stop(self) -> None:
        """End `run` at its next tick. May be called by any thread."""
        self._stop.set()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Make the socket's folder private and hold the lock of this index's server.

        Raises StorageError if the folder cannot be used, UsageError if another server holds the lock.
        """
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_private(folder):
                folder.chmod(0o700)
            if not is_private(folder):
                raise StorageError(f"{folder}: not a folder of this user's own")
            lock = FileLock(self.path.with_suffix(".lock"))
        except LockHeld:
            raise UsageError(
                f"{self.index.root} is served already (qembed serve --status tells by whom, "
                "qembed serve --stop ends it)"
            ) from None
        except OSError as e:
            hint = f" ({CACHE_HINT})" if folder.is_relative_to(cache_folder()) else ""
            raise StorageError(f"cannot serve from {folder}: {refusal(e)}{hint}") from e
        with lock:
            yield

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """A listening socket, in place of one that a dead server left. Removed at the end if still there."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            try:
                self.path.unlink(missing_ok=True)
                with ShortSocketPath(self.path) as short:
                    listener.bind(short)
                self.path.chmod(0o600)
                found = self.path.lstat()
                self._socket_id = found.st_dev, found.st_ino
                listener.listen(MAX_CONNECTIONS)
                listener.setblocking(False)
            except OSError as e:
                raise StorageError(f"cannot listen at {self.path}: {refusal(e)}") from e
            yield listener
        finally:
            if self._has_socket():
                with contextlib.suppress(OSError):
                    self.path.unlink()
            listener.close()

    def _has_socket(self) -> bool:
        """True if clients find this server: its socket may have been deleted."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._socket_id

    def _stop_reason(self) -> str | None:
        """Reason to stop now, None without one."""
        if self._stop.is_set():
            return "told to"
        now = time.monotonic()
        with self._guard:
            busy = bool(self._connections) or (self.face is not None and self.face.is_busy())
            idle = 0.0 if busy else now - self._last_request
        if self.idle and idle > self.idle:
            return f"idle for {self.idle:.0f} s"
        if now - self._looked > KEEPALIVE_SECONDS:
            self._looked = now
            if not self._has_socket():
                return f"{self.path} is gone"
        return None

    # ── connections ──────────────────────────────────────────────────────────────────────────────

    def _accept(self, sock: socket.socket) -> Connection | None:
        """Connection of a socket, greeted; None if there are too many or it is another user's."""
        connection = Connection(sock)
        with self._guard:
            full = len(self._connections) >= MAX_CONNECTIONS
            if not full:
                self._connections.add(connection)
        try:
            if not full and not is_other_user(sock):
                sock.send(self._hello_frame)
                return connection
        except OSError:  # closed already
            pass
        self._close(connection)
        return None

    def _close(self, connection: Connection) -> None:
        with self._guard:
            self._connections.discard(connection)
            if connection.state != "reading":
                self._last_request = time.monotonic()
        connection.socket.close()

    def _send_keepalives(self) -> None:
        while True:
            time.sleep(KEEPALIVE_SECONDS)
            with self._guard:
                connections = list(self._connections)
            for connection in connections:
                connection.send_keepalive()

    def _hello(self) -> dict[str, Any]:
        return {
            "hello": HELLO,
            "version": __version__,
            "pid": os.getpid(),
            "index": str(self.index.root),
        }

    def status(self) -> dict[str, Any]:
        """Description of the running server, JSON values."""
        return {
            **self._hello(),
            "generation": self.index.generation,
            "model": self.index.spec,
            "requests": self._dispatcher.requests,
            "experiment": None if self.index.trial is None else self.index.trial.to_json(),
            "up_seconds": round(time.time() - self.started, 1),
            "idle_seconds": round(time.monotonic() - self._last_request, 1),
            "idle_limit": self.idle,
            "socket": str(self.path),
            **({} if self.face is None else self.face.status()),
        }


@contextmanager
def signals(server: Server) -> Iterator[None]:
    """Stop the server at SIGTERM and SIGINT while the block runs."""

    def handler(*_: object) -> None:
        server.stop()

    caught = (signal.SIGTERM, signal.SIGINT)
    before = {s: signal.signal(s, handler) for s in caught}
    try:
        yield
    finally:
        for s, old in before.items():
            signal.signal(s, old)


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
