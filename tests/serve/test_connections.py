"""Connections to a server: frames, many at once, broken ones, other users, other versions."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

import qembed.serve.client as client
from qembed.serve.protocol import MAX_REQUEST, Frames, ProtocolError, pack
from qembed.serve.socket_address import socket_path
from tests.serve.comparison import both, jsonl, request_of, with_queries
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow


def test_clients_that_close_or_send_no_frames(running: Running) -> None:
    def raw(data: bytes) -> dict[str, Any] | None:
        with running.line() as line:
            line.socket.sendall(data)
            try:
                return line.receive()
            except ProtocolError as e:
                why = str(e)
            assert line.hello
            assert "closed" in why or "reset" in why, "it did not hang up"
            return None

    assert raw((1 << 31).to_bytes(4, "big")) is None
    assert raw((MAX_REQUEST + 1).to_bytes(4, "big") + b"x" * 1000) is None
    assert raw((9).to_bytes(4, "big") + b"not json!") is None
    assert raw(pack({})[:-1] + b"[") is None
    assert raw((6).to_bytes(4, "big") + b"[1, 2]") is None
    deep = b"[" * 100_000
    assert raw(len(deep).to_bytes(4, "big") + deep) is None
    for broken in ({}, {"do": "query"}, {"do": 7}, {"do": "query", "folder": 1, "environ": []}):
        assert (raw(pack(broken)) or {}).keys() == {"refused"}
    for data in (b"\0\0", pack({"do": "query"})):
        with running.line() as line:
            line.socket.sendall(data)
    both(running, "query", "locked")
    assert running.process.poll() is None


def test_64_clients_at_once(running: Running) -> None:
    shell = running.shell
    words = ["parcel", "locked account", "money back", "tracking page"]
    wanted = {w: shell("query", w, "--format", "jsonl", "--no-server").out for w in words}
    captured = []
    body = request_of(shell, "parcel")
    failed: list[object] = []
    gate = threading.Barrier(64)

    def one(i: int) -> None:
        word = words[i % 4]
        try:
            gate.wait(20)
            with running.line() as line:
                answer = line.ask(with_queries(body, word))
            if jsonl(answer) != wanted[word]:
                failed.append(answer)
            captured.append(word)
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(64)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not failed
    assert len(captured) == 64


def test_permissions(running: Running) -> None:
    path = socket_path(running.index)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.parent.chmod(0o755)  # somebody could have put another socket there
    done = running.shell("query", "locked", "-v", "--format", "paths")
    assert "not this user's alone" in done.err
    assert done.out
    path.parent.chmod(0o700)
    both(running, "query", "locked")


def test_a_server_of_another_version(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "__version__", "99")
    done = running.shell("query", "locked", "-v", "--format", "paths")
    assert done.out
    assert "of version 0.1.0, this is 99" in done.err
    assert running.shell("query", "locked", "--format", "paths").err == ""
    with running.line() as line:  # nor does it work for nothing
        assert "of version 0.1.0, not 98" in line.ask({"do": "query", "version": "98"})["refused"]


def test_other_users_are_not_served(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "is_other_user", lambda _: True)
    with pytest.raises(ProtocolError, match="another user's"):
        running.line()
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    path = socket_path(running.index)
    path.parent.chmod(0o711)
    path.chmod(0o666)
    for folder in path.parents:
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.chdir(path.parent)  # its path may be too long for a socket
        os.seteuid(65534)
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.settimeout(5)
                s.connect(path.name)
                os.write(write, s.recv(100) or b"nothing")
            except OSError as e:
                os.write(write, str(e).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    said = os.read(read, 1000)
    os.close(read)
    assert said == b"nothing"


def test_frames() -> None:
    a, b = socket.socketpair()
    frames = Frames()
    with a, b:
        a.sendall(pack({"x": "é\udcff\U0001f600"}) + pack({"y": 1}) + pack({})[:5])
        assert frames.receive(b, 1000, 1) == {"x": "é\udcff\U0001f600"}
        assert frames.receive(b, 1000, 1) == {"y": 1}
        with pytest.raises(ProtocolError, match=r"too slow|timed out"):
            frames.receive(b, 1000, 0.05)
        a.sendall(pack({})[5:])
        assert frames.receive(b, 1000, 1) == {}
        a.close()
        with pytest.raises(ProtocolError, match="closed"):
            frames.receive(b, 1000, 1)
