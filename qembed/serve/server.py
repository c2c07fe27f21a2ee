"""The listening side: one thread for all connections and quick answers, others for what takes long."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, UsageError
from qembed.locks import FileLock, LockHeld
from qembed.serve.connection import PULSE_SECONDS, Connection
from qembed.serve.dispatcher import Dispatcher, Handler, Quick
from qembed.serve.event_loop import EventLoop
from qembed.serve.live_index import LiveIndex
from qembed.serve.protocol import HELLO, pack
from qembed.serve.socket_address import ShortSocketPath, is_other_user, is_private, socket_path
from qembed.version import __version__

CONNECTIONS = 256
"""At a time; whoever comes then is hung up on and does the work itself."""
FINISH = 5.0
"""Seconds that requests at work have when the server is told to stop."""


class Server:
    """Serves the index at `warm.root` until idle, told to stop, or signalled."""

    def __init__(
        self,
        warm: LiveIndex,
        handlers: Mapping[str, Handler],
        quick: Mapping[str, Quick],
        idle: float,
    ) -> None:
        self.warm = warm
        self.idle = idle
        self.path = socket_path(warm.root)
        self.started = time.time()
        self._calls: set[Connection] = set()
        self._desk = Dispatcher(warm, handlers, quick, CONNECTIONS, self._later, self._end)
        self._hello_frame = b""
        self._guard = threading.Lock()
        self._last = time.monotonic()
        self._stop = threading.Event()
        self._mine = (0, 0)

    # ── being there ──────────────────────────────────────────────────────────────────────────────

    def run(self, ready: Callable[[Path], None]) -> str:
        """Loads, then listens; why it stopped. `ready` is told the socket.

        Raises what a query would, StorageError, and UsageError if there is a server already.
        """
        with self._locked():
            self.warm.load()
            return self._serve(ready)

    def _serve(self, ready: Callable[[Path], None]) -> str:
        self._hello_frame = pack(self._hello())
        with self._listening() as listener:
            self._loop = EventLoop(listener, self._admit, self._take, self._end)
            self.warm.pending = self._loop.elsewhere
            ready(self.path)
            threading.Thread(target=self._pulses, daemon=True).start()
            self._last = self._looked = time.monotonic()
            why = self._loop.run(self._ended, self._desk.rested)
            self._loop.shut()
        until = time.monotonic() + FINISH
        self._loop.run(
            lambda: "" if self._calls and time.monotonic() < until else "done", self._desk.rested
        )
        self._loop.close()
        return why

    def _later(self, job: Callable[[], None]) -> None:
        self._loop.later(job)

    def _take(self, call: Connection, request: dict[str, Any]) -> None:
        do = request.get("do")
        if do == "stop":
            self._desk.give(call, {"stopping": True})
            self.stop()
        elif do == "status":
            self._desk.give(call, self._status())
        else:
            self._desk.take(call, request)

    def stop(self) -> None:
        """Ends `run` soon."""
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
                f"{self.warm.root} is served already (qembed serve --status tells by whom, "
                "qembed serve --stop ends it)"
            ) from None
        except OSError as e:
            raise StorageError(f"cannot serve from {folder}: {e.strerror or e}") from e
        with lock:
            yield

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """The socket; the one a dead server left is replaced. Removed at the end, if it is still ours."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            try:
                self.path.unlink(missing_ok=True)
                with ShortSocketPath(self.path) as short:
                    listener.bind(short)
                self.path.chmod(0o600)
                found = self.path.lstat()
                self._mine = found.st_dev, found.st_ino
                listener.listen(CONNECTIONS)
                listener.setblocking(False)
            except OSError as e:
                raise StorageError(f"cannot listen at {self.path}: {e.strerror or e}") from e
            yield listener
        finally:
            if self._there():
                with contextlib.suppress(OSError):
                    self.path.unlink()
            listener.close()

    def _there(self) -> bool:
        """Whether clients still find this server: the socket may have been swept away."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._mine

    def _ended(self) -> str | None:
        """Why it is time to stop."""
        if self._stop.is_set():
            return "told to"
        now = time.monotonic()
        with self._guard:
            rested = 0.0 if self._calls else now - self._last
        if self.idle and rested > self.idle:
            return f"idle for {self.idle:.0f} s"
        if now - self._looked > PULSE_SECONDS:
            self._looked = now
            if not self._there():
                return f"{self.path} is gone"
        return None

    def _admit(self, sock: socket.socket) -> Connection | None:
        """Says hello, unless there are too many."""
        call = Connection(sock)
        with self._guard:
            full = len(self._calls) >= CONNECTIONS
            if not full:
                self._calls.add(call)
        try:
            if not full and not is_other_user(sock):
                sock.send(self._hello_frame)
                return call
        except OSError:  # it has gone again
            pass
        self._end(call)
        return None

    def _end(self, call: Connection) -> None:
        with self._guard:
            self._calls.discard(call)
            if call.state != "reading":
                self._last = time.monotonic()
        call.socket.close()

    def _pulses(self) -> None:
        while True:
            time.sleep(PULSE_SECONDS)
            with self._guard:
                calls = list(self._calls)
            for call in calls:
                call.pulse()

    # ── one connection ───────────────────────────────────────────────────────────────────────────

    def _hello(self) -> dict[str, Any]:
        return {
            "hello": HELLO,
            "version": __version__,
            "pid": os.getpid(),
            "index": str(self.warm.root),
        }

    def _status(self) -> dict[str, Any]:
        return {
            **self._hello(),
            "generation": self.warm.generation,
            "model": self.warm.spec,
            "requests": self._desk.requests,
            "up_seconds": round(time.time() - self.started, 1),
            "idle_seconds": round(time.monotonic() - self._last, 1),
            "idle_limit": self.idle,
            "socket": str(self.path),
        }


@contextmanager
def signals(server: Server) -> Iterator[None]:
    """SIGTERM and SIGINT stop the server while the block runs."""

    def handler(*_: object) -> None:
        server.stop()

    caught = (signal.SIGTERM, signal.SIGINT)
    before = {s: signal.signal(s, handler) for s in caught}
    try:
        yield
    finally:
        for s, old in before.items():
            signal.signal(s, old)
