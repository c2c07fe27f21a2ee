"""The listening side: a thread a connection, so that a slow or vanished client holds up nobody else."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, UsageError
from qembed.serve.call import PULSE, READING, Call
from qembed.serve.place import (
    Short,
    different,
    folder_bound,
    private,
    socket_path,
    stranger,
    surroundings,
)
from qembed.serve.protocol import HELLO, MAX_REQUEST, Broken, receive, send
from qembed.serve.warm import Warm
from qembed.version import __version__

CONNECTIONS = 256
"""At a time; whoever comes then is hung up on and does the work itself."""
TICK = 0.25
"""Seconds between looks at the clock and at what was signalled."""
FINISH = 5.0
"""Seconds that requests at work have when the server is told to stop."""

Handler = Callable[[Mapping[str, Any], Warm, Callable[[], None]], dict[str, Any]]
"""A request to what the command would have written, its errors included. The third is for `Warm.turn`."""


class Refused(Exception):
    """What a server leaves to the client's own process, and why."""


class Server:
    """Serves the index at `warm.root` until idle, told to stop, or signalled."""

    def __init__(self, warm: Warm, handlers: Mapping[str, Handler], idle: float) -> None:
        self.warm = warm
        self.handlers = handlers
        self.idle = idle
        self.path = socket_path(warm.root)
        self.requests = 0
        self.started = time.time()
        self._folder = os.getcwd()  # noqa: PTH109
        self._environ = surroundings()
        self._calls: set[Call] = set()
        # one a connection, kept for the next: starting a thread costs more than a small request
        self._threads = ThreadPoolExecutor(CONNECTIONS, "call")
        self._guard = threading.Lock()
        self._last = time.monotonic()
        self._stop = threading.Event()
        self._mine = (0, 0)

    # ── being there ──────────────────────────────────────────────────────────────────────────────

    def run(self, ready: Callable[[Path], None]) -> str:
        """Loads, then listens; why it stopped. `ready` is told the socket.

        Raises what a query would, StorageError, and UsageError if there is a server already.
        """
        with self._held():
            self.warm.load()
            return self._serve(ready)

    def _serve(self, ready: Callable[[Path], None]) -> str:
        with self._listening() as listener:
            ready(self.path)
            threading.Thread(target=self._pulses, daemon=True).start()
            self._last = time.monotonic()
            why = self._accept(listener)
        until = time.monotonic() + FINISH
        while self._calls and time.monotonic() < until:
            time.sleep(0.01)
        return why

    def stop(self) -> None:
        """Ends `run` soon."""
        self._stop.set()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The folder, private, and the lock that the kernel drops with this process."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not private(folder):
                folder.chmod(0o700)
            if not private(folder):
                raise StorageError(f"{folder}: not a folder of this user's own")
            fd = os.open(
                self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as e:
            raise StorageError(f"cannot serve from {folder}: {e.strerror or e}") from e
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"{self.warm.root} is served already (qembed serve --status tells by whom, "
                    "qembed serve --stop ends it)"
                ) from None
            yield
        finally:
            os.close(fd)

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """The socket; the one a dead server left is replaced. Removed at the end, if it is still ours."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            try:
                self.path.unlink(missing_ok=True)
                with Short(self.path) as short:
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

    def _accept(self, listener: socket.socket) -> str:
        looked = time.monotonic()
        while not self._stop.is_set():
            if select.select([listener], [], [], TICK)[0]:
                with contextlib.suppress(OSError):
                    self._begin(listener.accept()[0])
            now = time.monotonic()
            with self._guard:
                rested = 0.0 if self._calls else now - self._last
            if self.idle and rested > self.idle:
                return f"idle for {self.idle:.0f} s"
            if now - looked > PULSE:
                looked = now
                if not self._there():
                    return f"{self.path} is gone"
        return "told to"

    def _begin(self, sock: socket.socket) -> None:
        call = Call(sock)
        with self._guard:
            full = len(self._calls) >= CONNECTIONS
            if not full:
                self._calls.add(call)
        if full:
            sock.close()
            return
        try:
            self._threads.submit(self._talk, call)
        except RuntimeError:  # no more threads
            self._end(call)

    def _end(self, call: Call) -> None:
        with self._guard:
            self._calls.discard(call)
        call.socket.close()

    def _pulses(self) -> None:
        while True:
            time.sleep(PULSE)
            with self._guard:
                calls = list(self._calls)
            for call in calls:
                call.pulse()

    # ── one connection ───────────────────────────────────────────────────────────────────────────

    def _talk(self, call: Call) -> None:
        try:
            call.socket.settimeout(READING)
            if stranger(call.socket):
                return
            send(call.socket, self._hello())
            request = receive(call.socket, MAX_REQUEST, READING)
            if request.get("do") == "stop":
                call.answer({"stopping": True})
                self.stop()
                return
            if request.get("do") == "status":
                call.answer(self._status())
                return
            call.state = "queue"
            with self._guard:
                self.requests += 1
            call.answer(self._answer(request, call))
        except (Broken, OSError):
            pass  # the client is gone or talks nonsense: there is nobody to tell
        finally:
            if call.state != "reading":
                self._last = time.monotonic()
            self._end(call)

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
            "requests": self.requests,
            "up_seconds": round(time.time() - self.started, 1),
            "idle_seconds": round(time.monotonic() - self._last, 1),
            "idle_limit": self.idle,
            "socket": str(self.path),
        }

    def _answer(self, request: dict[str, Any], call: Call) -> dict[str, Any]:
        try:
            handler = self.handlers.get(str(request.get("do")))
            if handler is None:
                raise Refused(f"it does not know {str(request.get('do'))[:40]!r}")
            self._alike(request)
            if call.gone():
                raise Refused("gone")
            return handler(request, self.warm, call.working)
        except Refused as e:
            return {"refused": str(e)}
        except (
            Exception
        ) as e:  # a fresh process may do better, and shows the traceback if it does not
            return {"refused": f"it failed: {type(e).__name__}: {str(e)[:200]}"}

    def _alike(self, request: Mapping[str, Any]) -> None:
        """Raises Refused for a request whose answer could be another one in the client's own process."""
        specs = [request.get("model"), request.get("reranker"), self.warm.spec]
        bound = any(folder_bound(s) for s in specs) or request.get("paths") is True
        if bound and request["folder"] != self._folder:
            raise Refused(
                f"it was started in {self._folder}, and what is asked depends on the folder"
            )
        names = different(self._environ, request["environ"], code=bound)
        if names:
            raise Refused(f"it was started with another {', '.join(names)}")
        if (model := request.get("model")) is not None and model != self.warm.spec:
            raise Refused(f"it has loaded {self.warm.spec}, not {model}")


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
