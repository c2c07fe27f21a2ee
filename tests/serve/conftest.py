"""An indexed folder and a real server process for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.serve.client import ServerConnection
from qembed.serve.protocol import ProtocolError
from tests.cli.conftest import Shell, docs, filled, shell

__all__ = ["docs", "filled", "shell"]


class Running:
    """A server process."""

    def __init__(self, shell: Shell, *args: str, **env: str) -> None:
        self.shell = shell
        self.index = shell.folder / ".qembed"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qembed", "serve", *args],
            cwd=shell.folder,
            env=shell.env(**env),
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                _ = self.requests
                return
            except ProtocolError:
                time.sleep(0.02)
        raise AssertionError(self.end())

    def line(self) -> ServerConnection:
        """A client's connection."""
        return ServerConnection(self.index)

    @property
    def requests(self) -> int:
        """Number of requests so far, as the server reports it."""
        with self.line() as line:
            return int(line.ask({"do": "status"})["requests"])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """(exit code, stderr)"""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@pytest.fixture
def running(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server for the small indexed folder."""
    monkeypatch.setenv("QEMBED_CACHE", docs.env()["QEMBED_CACHE"])
    server = Running(docs)
    yield server
    server.end()


def sockets(shell: Shell) -> list[Path]:
    """Paths of sockets that exist."""
    from qembed.serve.socket_address import socket_path

    path = socket_path(shell.folder / ".qembed")
    return [path] if os.path.lexists(path) else []
