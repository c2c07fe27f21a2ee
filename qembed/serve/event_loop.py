"""The one thread that listens, reads requests and gives answers that take but milliseconds.

A thread for each connection would have to be woken several times a query, and those that are awake wait for
one another at each step of the interpreter. What takes longer is for other threads.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from qembed.serve.connection import Connection
from qembed.serve.protocol import ProtocolError

TICK_SECONDS = 0.25
"""Seconds between looks at the clock and at what was signalled."""

Job = Callable[[], None]


class EventLoop:
    """`admit` makes a call of a connection, or closes it; `take` gets it with its request, `drop` without."""

    def __init__(
        self,
        listener: socket.socket,
        admit: Callable[[socket.socket], Connection | None],
        take: Callable[[Connection, dict[str, Any]], None],
        drop: Callable[[Connection], None],
    ) -> None:
        self._admit, self._take, self._drop = admit, take, drop
        self._jobs: deque[Job] = deque()
        self._busy = 0
        self._reading: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._awake)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def later(self, job: Job) -> None:
        """Has `job` done by the loop's thread. From any thread."""
        self._jobs.append(job)
        if len(self._jobs) == 1:  # else it has one to do before, and sees this one then
            with contextlib.suppress(OSError):  # full: it will be awake anyway
                self._wake.send(b"\0")

    def elsewhere(self) -> int:
        """Jobs that are waiting or being done."""
        return len(self._jobs) + self._busy

    def run(self, ended: Callable[[], str | None], rested: Callable[[], None]) -> str:
        """Until `ended`, asked now and then, says why. `rested` is called after each job."""
        looked = 0.0
        while True:
            for key, _ in self._selector.select(0 if self._jobs else TICK_SECONDS):
                key.data()
            if self._jobs:
                self._busy = 1
                try:
                    self._jobs.popleft()()
                finally:
                    self._busy = 0
                rested()
            if (now := time.monotonic()) - looked > TICK_SECONDS:
                looked = now
                for call in [c for c in self._reading if c.until < now]:
                    self._lose(call)
                if why := ended():
                    return why

    def shut(self) -> None:
        """Nobody is let in or read any more; jobs still are done by `run`."""
        self._selector.unregister(self._listener)
        for call in list(self._reading):
            self._lose(call)

    def close(self) -> None:
        """Jobs are left undone."""
        self._selector.close()
        self._woken.close()
        self._wake.close()

    def _awake(self) -> None:
        with contextlib.suppress(OSError):
            self._woken.recv(4096)

    def _accept(self) -> None:
        try:
            sock = self._listener.accept()[0]
        except OSError:
            return
        sock.setblocking(False)
        call = self._admit(sock)
        if call is not None:
            self._hear(call)  # mostly the request is there already

    def _hear(self, call: Connection) -> None:
        try:
            request = call.read()
        except BlockingIOError:
            request = None
        except (
            ProtocolError,
            OSError,
        ):  # the client is gone or talks nonsense: there is nobody to tell
            self._lose(call)
            return
        if request is not None:
            self._forget(call)
            self._take(call, request)
        elif call not in self._reading:
            self._reading.add(call)
            self._selector.register(call.socket, selectors.EVENT_READ, lambda: self._hear(call))

    def _lose(self, call: Connection) -> None:
        self._forget(call)
        self._drop(call)

    def _forget(self, call: Connection) -> None:
        if call in self._reading:
            self._reading.discard(call)
            self._selector.unregister(call.socket)
