"""The same bytes through a server and without one, whatever happens to either side."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import qembed.serve.client as client
from qembed.pipeline.retrieval.tuned_setting import apply_choice
from qembed.serve.protocol import MAX_REQUEST, Frames, ProtocolError, pack
from qembed.serve.socket_address import socket_path
from qembed.store import manifest as manifests
from tests.cli.conftest import Shell
from tests.serve.comparison import FORMATS, both, jsonl, request_of, with_queries
from tests.serve.conftest import Running, sockets

pytestmark = pytest.mark.slow


def test_all_formats_are_the_same_bytes(running: Running) -> None:
    for form in FORMATS:
        done = both(running, "query", "where is the parcel", "--format", form)
        assert done.out
        assert done.code == 0


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_terminal_sees_the_same(running: Running, term: str) -> None:
    """Colours and width are those of the client's terminal."""
    import fcntl
    import pty
    import struct
    import sys
    import termios

    def seen(*more: str) -> bytes:
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(running.shell.folder)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 57, 0, 0))
            os.execve(
                sys.executable,
                [sys.executable, "-m", "qembed", "query", "locked account", "-q", *more],
                running.shell.env(TERM=term),
            )
        out = b""
        while True:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(fd)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return out

    before = running.requests
    warm = seen()
    assert running.requests == before + 1
    assert warm == seen("--no-server")
    assert (b"\x1b[" in warm) == (term != "dumb")


def test_options_and_their_errors(running: Running) -> None:
    both(running, "query", "-", "--format", "jsonl", stdin="parcel\nlocked\n")
    both(running, "query", "locked", "--mode", "lexical", "--explain")
    both(running, "query", "locked", "--mode", "dense", "--search", "graph", "--explain")
    both(running, "query", "locked", "--rerank", "late", "--explain", "-k", "2")
    both(running, "query", "locked", "--where", "path like '%refunds%'", "--by", "document")
    both(running, "query", "locked", "--format", "jsonl", "--rerank", "py:tests.encoders:shouting")
    assert both(running, "query", "locked", "-k", "0").code == 2
    assert both(running, "query", "locked", "--where", "nonsense =").code == 2
    assert (
        both(
            running, "query", "locked", "--rerank", "late", "--rerank-budget", "soon", served=False
        ).code
        == 2
    )
    assert both(running, "query", " ").code == 2
    assert both(running, "query", "locked", "--model", "minilm", served=True).code == 2


def test_a_query_of_100_kb(running: Running) -> None:
    assert both(running, "query", "parcel " * 15_000, "--format", "tsv").out


def test_a_request_above_the_limit_is_done_without(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_REQUEST", 5000)
    both(running, "query", "parcel", "--format", "paths")
    long = "parcel " * 1000
    assert both(running, "query", "-", "--format", "paths", stdin=long, served=False).out


def test_rerank(running: Running) -> None:
    hits = running.shell("query", "locked parcel", "--format", "jsonl").out
    for spec in ("late", "py:tests.encoders:shouting"):
        assert both(running, "rerank", "--model", spec, "--explain", stdin=hits).out
    assert both(running, "rerank", "-k", "0", stdin=hits).code == 2
    assert both(running, "rerank", stdin="no json\n", served=False).code == 2
    broken = b'{"query": "\xff", "text": "x"}\n'
    assert both(running, "rerank", stdin=broken, served=False).code == 2
    running.shell.write("run.trec", running.shell("query", "locked", "--format", "trec").out)
    running.shell.write("q.jsonl", '{"_id": "1", "text": "locked"}')
    assert both(running, "rerank", "--run", "run.trec", "--queries", "q.jsonl").out
    assert both(running, "rerank", "--run", "none.trec", "--queries", "q.jsonl", served=False).code


def test_it_follows_new_generations(running: Running) -> None:
    shell = running.shell
    assert "zebra" not in both(running, "query", "zebra crossing", "--format", "paths").out
    shell.write("docs/zebra.md", "A zebra crossing.")
    assert shell("index").code == 0
    first = both(running, "query", "zebra crossing", "--format", "paths").out
    assert first.splitlines()[0].endswith("zebra.md")
    (shell.folder / "docs/zebra.md").unlink()
    assert shell("index").code == 0
    assert "zebra" not in both(running, "query", "zebra crossing", "--format", "paths").out
    assert shell("index", "--rebuild").code == 0
    both(running, "query", "zebra crossing", "--format", "json")
    (shell.folder / ".qembed/derived/lexical.json").unlink()
    assert both(running, "query", "locked", "--mode", "lexical").code == 2


def test_an_index_that_is_gone(running: Running) -> None:
    (running.index / "manifest.json").rename(running.index / "away")
    done = both(running, "query", "x", "--index", str(running.index))
    assert done.code == 2
    assert "no index" in done.err
    (running.index / "away").rename(running.index / "manifest.json")
    both(running, "query", "locked")


def test_a_request_whose_answer_could_differ_is_refused(running: Running) -> None:
    shell = running.shell
    other = shell("query", "locked", "-v", "--format", "paths", HF_HUB_OFFLINE="0")
    assert "another HF_HUB_OFFLINE" in other.err
    assert other.out
    elsewhere = Shell(shell.folder / "docs")
    cache = shell.env()["QEMBED_CACHE"]
    done = elsewhere("query", "locked", "-v", "--format", "paths", QEMBED_CACHE=cache)
    assert "depends on the folder" in done.err  # the model is code found by way of it
    assert done.out.splitlines()


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


# ── beginning and end ────────────────────────────────────────────────────────────────────────────


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


def test_a_server_takes_what_was_chosen_for_its_index(running: Running) -> None:
    """Also while it runs: the choice is a new generation."""
    shell = running.shell
    before = len(shell("query", "parcel", "--format", "jsonl").lines)
    manifest = manifests.read(running.index)
    asked = running.requests
    apply_choice(
        running.index,
        (manifest.uid, manifest.generation),
        {"mode": "lexical"},
        {"measure": "nDCG@10", "new": {"mean": 0.1}},
        {},
    )
    done = both(running, "query", "parcel", "--format", "json")
    assert done.json["tuned"] == {"mode": "lexical"}
    assert running.requests > asked
    assert len(done.json["queries"][0]["hits"]) < before
    for option in (("--mode", "dense"), ("--untuned",)):
        other = both(running, "query", "parcel", "--format", "json", *option)
        assert len(other.json["queries"][0]["hits"]) == before
