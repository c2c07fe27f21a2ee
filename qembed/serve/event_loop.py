"""Event loop of a server: one thread that accepts, reads requests and answers the fast ones.

With a thread for each connection a query would cost several wake-ups, and threads that run would wait for
one another at every step of the interpreter.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from qembed.serve.connection import Connection
from qembed.serve.protocol import ProtocolError

TICK_SECONDS = 0.25
"""Interval between two looks at deadlines and at the reason to stop."""

Job = Callable[[], None]


class EventLoop:
    """Loop over a listening socket, its connections, and jobs.

    `accept` makes a connection of a socket, or closes it and returns None. `submit` gets a connection with
    its request; `close` gets one that failed or was too slow.
    """

    def __init__(
        self,
        listener: socket.socket,
        accept: Callable[[socket.socket], Connection | None],
        submit: Callable[[Connection, dict[str, Any]], None],
        close: Callable[[Connection], None],
    ) -> None:
        self._accept, self._submit, self._close = accept, submit, close
        self._jobs: deque[Job] = deque()
        self._adding = threading.Lock()
        self._running = 0
        self._reading: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        for end in (self._wake_receiver, self._wake_sender):
            end.setblocking(False)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ, self._on_wake)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, self._on_connection)

    def call_soon(self, job: Job) -> None:
        """Have the loop's thread run `job`. May be called by any thread."""
        with self._adding:  # two threads at once would each leave the wake-up to the other
            self._jobs.append(job)
            is_first = len(self._jobs) == 1
        if is_first:  # else the loop is awake and finds this job after the others
            with contextlib.suppress(OSError):  # full: the loop has a wake-up to read
                self._wake_sender.send(b"\0")

    def pending(self) -> int:
        """Number of jobs that wait or run."""
        return len(self._jobs) + self._running

    def run(self, stop_reason: Callable[[], str | None], job_done: Callable[[], None]) -> str:
        """Run until `stop_reason`, called at each tick, returns a reason, and return it.

        `job_done` is called after each job.
        """
        ticked = 0.0
        while True:
            for key, _ in self._selector.select(0 if self._jobs else TICK_SECONDS):
                key.data()
            if self._jobs:
                self._running = 1
                try:
                    self._jobs.popleft()()
                finally:
                    self._running = 0
                job_done()
            if (now := time.monotonic()) - ticked > TICK_SECONDS:
                ticked = now
                for connection in [c for c in self._reading if c.read_deadline < now]:
                    self._drop(connection)
                if reason := stop_reason():
                    return reason

    def stop_reading(self) -> None:
        """Accept and read no more; a later `run` only runs jobs."""
        self._selector.unregister(self._listener)
        for connection in list(self._reading):
            self._drop(connection)

    def close(self) -> None:
        """Release the loop's sockets. Jobs that wait are dropped."""
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()

    def _on_wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_receiver.recv(4096)

    def _on_connection(self) -> None:
        try:
            sock = self._listener.accept()[0]
        except OSError:
            return
        sock.setblocking(False)
        connection = self._accept(sock)
        if connection is not None:
            self._on_readable(connection)  # mostly the request has arrived already

    def _on_readable(self, connection: Connection) -> None:
        try:
            request = connection.read()
        except BlockingIOError:
            request = None
        except (ProtocolError, OSError):  # closed, or no frame: there is nobody to answer
            self._drop(connection)
            return
        if request is not None:
            self._stop_watching(connection)
            self._submit(connection, request)
        elif connection not in self._reading:
            self._reading.add(connection)
            self._selector.register(
                connection.socket, selectors.EVENT_READ, lambda: self._on_readable(connection)
            )

    def _drop(self, connection: Connection) -> None:
        self._stop_watching(connection)
        self._close(connection)

    def _stop_watching(self, connection: Connection) -> None:
        if connection in self._reading:
            self._reading.discard(connection)
            self._selector.unregister(connection.socket)
