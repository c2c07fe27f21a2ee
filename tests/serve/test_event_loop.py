"""The event loop: one thread serves all connections and blocks for none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qembed.serve.connection import Connection
from qembed.serve.event_loop import TICK_SECONDS, EventLoop
from qembed.serve.protocol import Frames, ProtocolError, pack


class Echo:
    """An event loop in its own thread that answers each request with itself, and a record of its calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.setblocking(False)
        self.connections: list[Connection] = []
        self.dropped: list[Connection] = []
        self.rests: list[bytes] = []
        self.jobs_done: list[None] = []
        self.stop = threading.Event()
        self.loop = EventLoop(self.listener, self.accept, self.submit, self.dropped.append)
        self.thread = threading.Thread(
            target=self.loop.run,
            args=(lambda: "stopped" if self.stop.is_set() else None, self.job_done),
        )
        self.thread.start()

    def accept(self, sock: socket.socket) -> Connection:
        self.connections.append(Connection(sock))
        return self.connections[-1]

    def submit(self, connection: Connection, request: dict[str, Any]) -> None:
        self.rests.append(connection.send_nowait(request))

    def job_done(self) -> None:
        self.jobs_done.append(None)

    def client(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.path))
        return sock

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.listener.close()
        for connection in self.connections:
            connection.socket.close()
        self.loop.close()


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    made = Echo(tmp_path / "s")
    yield made
    made.end()


def seen(what: list[Any], n: int) -> bool:
    until = time.monotonic() + 10
    while len(what) < n and time.monotonic() < until:
        time.sleep(0.005)
    return len(what) >= n


@pytest.mark.slow
def test_a_request_may_arrive_byte_by_byte(echo: Echo) -> None:
    with echo.client() as slow, echo.client() as quick:
        frame = pack({"slow": "x" * 50})
        for i in range(len(frame) - 1):
            slow.sendall(frame[i : i + 1])
        quick.sendall(pack({"quick": 1}))
        assert Frames().receive(quick, 1000, 10) == {"quick": 1}
        slow.sendall(frame[-1:])
        assert Frames().receive(slow, 1000, 10) == {"slow": "x" * 50}
    assert not echo.dropped


@pytest.mark.slow
def test_a_client_that_is_slow_or_closes_or_announces_too_much_is_dropped(echo: Echo) -> None:
    with echo.client() as slow:
        slow.sendall(pack({})[:3])
        assert seen(echo.connections, 1)
        assert not echo.dropped
        echo.connections[0].read_deadline = 0.0
        assert seen(echo.dropped, 1)
    with echo.client():
        assert seen(echo.connections, 2)
    assert seen(echo.dropped, 2), "it hung up"
    with echo.client() as last:
        last.sendall(b"\xff" * 8)
        assert seen(echo.dropped, 3), "too much was announced"


@pytest.mark.slow
def test_the_rest_of_a_reply_is_left_to_another_thread(echo: Echo) -> None:
    with echo.client() as deaf, echo.client() as quick:
        large = {"large": "x" * 2_000_000}
        sender = threading.Thread(target=deaf.sendall, args=(pack(large),))
        sender.start()
        assert seen(echo.rests, 1)
        sender.join()
        assert 0 < len(echo.rests[0]) < 2_000_000
        quick.sendall(pack({"quick": 1}))
        assert Frames().receive(quick, 1000, 10) == {"quick": 1}
        threading.Thread(target=echo.connections[0].send_rest, args=(echo.rests[0],)).start()
        assert Frames().receive(deaf, 3_000_000, 10) == large


@pytest.mark.slow
def test_jobs_run_at_once_and_in_order(echo: Echo) -> None:
    done: list[int] = []
    began = time.monotonic()
    for round in range(5):
        for i in range(20):
            echo.loop.call_soon(lambda i=i: done.append(i))  # type: ignore[misc]
        assert seen(done, 20 * (round + 1))
    assert time.monotonic() - began < 5 * TICK_SECONDS, "it slept until its next tick"
    assert done == [*range(20)] * 5
    assert seen(echo.jobs_done, 100)


@pytest.mark.slow
def test_jobs_that_wait_or_run_are_pending(echo: Echo) -> None:
    began, go_on = threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        go_on.wait(10)

    assert echo.loop.pending() == 0
    echo.loop.call_soon(job)
    assert began.wait(10)
    assert echo.loop.pending() == 1
    echo.loop.call_soon(lambda: None)
    assert echo.loop.pending() == 2
    go_on.set()
    until = time.monotonic() + 10
    while echo.loop.pending() and time.monotonic() < until:
        time.sleep(0.005)
    assert echo.loop.pending() == 0


@pytest.mark.slow
def test_after_stop_reading_it_still_runs_jobs(tmp_path: Path) -> None:
    made = Echo(tmp_path / "s")
    reading = made.client()
    assert seen(made.connections, 1)
    made.stop.set()
    made.thread.join(10)
    made.loop.stop_reading()
    assert made.dropped == made.connections
    done: list[int] = []
    made.loop.call_soon(lambda: done.append(1))
    assert made.loop.run(lambda: "done" if done else None, lambda: None) == "done"
    made.end()
    with reading, pytest.raises(ProtocolError, match="closed"):
        Frames().receive(reading, 1000, 10)
