"""A server's beginning and end: status, signals, idle time, sockets that are left or deleted."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

import qembed.serve.client as client
from qembed.serve.live_index import LiveIndex
from qembed.serve.server import SWITCH_SECONDS, Server
from qembed.serve.socket_address import socket_path
from tests.cli.conftest import Shell
from tests.serve.comparison import both
from tests.serve.conftest import Running, sockets

pytestmark = pytest.mark.slow


def test_status_and_stop(running: Running) -> None:
    shell = running.shell
    done = shell("serve", "--status", "--format", "json")
    assert done.json["pid"] == running.process.pid
    assert done.json["generation"] == 1
    assert f"pid         {running.process.pid}" in shell("serve", "--status").out
    second = shell("serve")
    assert second.code == 2
    assert "served already" in second.err
    assert shell("serve", "--stop").code == 0
    assert running.process.wait(20) == 0
    assert not sockets(shell)
    none = shell("serve", "--status")
    assert none.code == 2
    assert "no server" in none.err
    assert shell("serve", "--stop").code == 0
    assert shell("query", "locked", "--format", "paths").out


def test_threads_change_soon_while_it_serves(docs: Shell) -> None:
    before, seen = sys.getswitchinterval(), []
    live = LiveIndex(docs.folder / ".qembed")
    server = Server(live, 0.0)

    def ready(_: Path) -> None:
        seen.append(sys.getswitchinterval())
        server.stop()

    server.run(ready)
    live.close()
    assert seen == [pytest.approx(SWITCH_SECONDS)]
    assert sys.getswitchinterval() == pytest.approx(before) != seen[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(running: Running, number: int) -> None:
    code, err = running.end(number)
    assert code == 0
    assert "stopped" in err
    assert "Traceback" not in err
    assert not sockets(running.shell)


def test_the_socket_of_a_dead_server(running: Running) -> None:
    running.end(signal.SIGKILL)
    assert sockets(running.shell)
    began = time.monotonic()
    done = running.shell("query", "locked", "-v", "--format", "paths")
    assert done.out
    assert "not through the server" in done.err
    assert time.monotonic() - began < 2
    again = Running(running.shell)
    try:
        both(again, "query", "locked")
    finally:
        again.end()


def test_a_server_that_hangs(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HELLO_SECONDS", 0.3)
    running.process.send_signal(signal.SIGSTOP)
    try:
        assert running.shell("query", "locked", "--format", "paths").out
    finally:
        running.process.send_signal(signal.SIGCONT)
    both(running, "query", "locked")


def test_idle(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_CACHE", docs.env()["QEMBED_CACHE"])
    server = Running(docs, "--idle", "1s")
    assert server.process.wait(20) == 0
    assert "idle for 1 s" in server.end()[1]
    assert not sockets(docs)
    assert docs("serve", "--idle", "soon").code == 2


def test_a_server_whose_socket_is_deleted_ends(running: Running) -> None:
    socket_path(running.index).unlink()
    assert running.process.wait(20) == 0


def test_a_long_path(docs: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Longer than a socket's address may be."""
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    monkeypatch.setenv("QEMBED_CACHE", str(deep))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    server = Running(docs, QEMBED_CACHE=str(deep))
    try:
        assert "answered by" in docs("query", "locked", "-v", QEMBED_CACHE=str(deep)).err
    finally:
        server.end()
