"""Clients that are slow, leave, talk nonsense or ask too much: the server stays up and serves others."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from qembed.web.http.settings import Limits, make_settings
from tests.cli.conftest import Shell
from tests.web.http.conftest import Site

pytestmark = pytest.mark.slow

LIMITS = Limits(requests=4, connections=40, read=1.0, answer=2.0, send=1.0)


@pytest.fixture(scope="module")
def small(corpus: Shell) -> Iterator[Site]:
    """A server with small limits."""
    made = Site(corpus, make_settings("0", limits=LIMITS, environ={}))
    yield made
    made.end()


def connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=10)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def alive(site: Site) -> bool:
    return bool(site.get("/search?q=w1")["hits"])


def head(site: Site, method: str = "POST", length: int = 10) -> bytes:
    return (
        f"{method} /search HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    ).encode()


@pytest.mark.parametrize("sent", ["", "GET /sea", "head", "body"])
def test_slow_clients_are_cut_off(small: Site, sent: str) -> None:
    with connect(small) as slow:
        if sent == "body":
            slow.sendall(head(small) + b"\r\n{")
        else:
            slow.sendall(head(small) if sent == "head" else sent.encode())
        assert alive(small)
        began = time.monotonic()
        answer = read_all(slow)
        assert time.monotonic() - began < LIMITS.read + 3
        assert (b" 408 " in answer) == bool(sent)
        assert (b"slow_request" in answer) == bool(sent)


def test_the_rest_of_a_body_that_was_refused_has_a_time_limit(small: Site) -> None:
    with connect(small) as slow:
        slow.sendall(head(small, length=100 << 20) + b"\r\n{")
        began = time.monotonic()
        answer = read_all(slow)
        assert time.monotonic() - began < LIMITS.read + 3
    assert b" 413 " in answer.split(b"\r\n")[0]
    big = small.client.post(
        "/search", content=b" " * (20 << 20), headers={"Content-Type": "application/json"}
    )
    assert big.status_code == 413, "who sends all of it reads the answer"
    assert alive(small)


def test_a_client_that_takes_no_answer_is_cut_off(small: Site) -> None:
    with connect(small) as deaf:
        own = deaf.getsockname()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /search?q=w1&k=300 HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\n\r\n"
        with contextlib.suppress(OSError):
            deaf.sendall(request.encode() * 200)
        until = time.monotonic() + 25
        connections = small.face._uvicorn.server_state.connections
        while not any(c.transport.get_write_buffer_size() for c in [*connections]):
            assert time.monotonic() < until, "it is not read"
            time.sleep(0.02)
        while any(c.client == own for c in [*connections]):
            assert time.monotonic() < until
            time.sleep(0.1)
            assert alive(small)
    while small.face.is_busy():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_too_many_connections_are_told(small: Site) -> None:
    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(connect(small)) for _ in range(LIMITS.connections + 5)]
        open_ones[-1].settimeout(5)
        answer = read_all(open_ones[-1])
        assert b" 503 " in answer.split(b"\r\n")[0]
        assert b"Retry-After: 1" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "busy"
    assert alive(small)


def test_requests_at_a_time_and_the_time_of_an_answer_have_limits(
    small: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the index is another's: four wait, further ones are told to come again, then time is up."""
    with small.live._lock:
        answers: list[tuple[int, str, str]] = []

        def ask(i: int) -> None:
            answer = small.client.get(f"/search?q=w{i}+new{i}&mode=lexical&where=year+>+1")
            code = answer.json()["error"]["code"]
            answers.append((answer.status_code, code, answer.headers["Retry-After"]))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert small.get("/healthz")["status"] == "ok"
    assert sorted(answers) == [(429, "too_many", "1")] * 2 + [(503, "timeout", "1")] * 4
    assert alive(small)


def test_work_for_a_client_that_left_is_not_done(small: Site) -> None:
    before = len(small.lines)
    with small.live._lock:
        with connect(small) as gone:
            gone.sendall(
                f"GET /search?q=w1&where=year+>+2 HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\n\r\n".encode()
            )
            time.sleep(0.2)
        until = time.monotonic() + 10
        while 499 not in [json.loads(line).get("status") for line in small.lines[before:]]:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert alive(small)


def test_a_half_closed_connection(small: Site) -> None:
    with connect(small) as half:
        body = b'{"query": "w1", "k": 1}'
        half.sendall((head(small, length=len(body)) + b"\r\n" + body) * 2)
        half.shutdown(socket.SHUT_WR)
        answers = read_all(half)
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b'"hits"') == 2
    with connect(small) as half:
        half.sendall(head(small, length=100) + b"\r\n{")
        half.shutdown(socket.SHUT_WR)
        read_all(half)
    assert alive(small)


@pytest.mark.parametrize("path", ["/healthz", "/nope", "/search?k=0", "bad"])
def test_a_client_that_closes_its_side_at_once_gets_an_answer_of_the_same_turn(
    small: Site, path: str
) -> None:
    one = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\n\r\n".encode()
    sent, count = (b"bad\r\n\r\n", 1) if path == "bad" else (one * 3, 3)
    for _ in range(20):
        with connect(small) as half:
            half.sendall(sent)
            half.shutdown(socket.SHUT_WR)
            assert read_all(half).count(b"HTTP/1.1 ") == count


ODD = '"a \\ud800 \\u0000 b"'
"""A text that is no UTF-8 and has a zero byte, as JSON may."""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/search", f'{{"query": {ODD}, "log": true, "client": {ODD}, "session": {ODD}}}'),
        ("/search", f'{{"query": {ODD}, "rerank": "late", "task": {ODD}}}'),
        ("/search", f'{{"query": "w1", "where": {ODD}}}'),
        ("/search", f'{{"query": "w1", "cursor": {ODD}}}'),
        ("/search", '{"query": "w1", "k": 1e400}'),
        ("/search", '{"query": "w1", "where": "' + "(" * 3000 + '"}'),
        ("/search", '{"query": "w1", "by": "document", "context": 100, "k": 1000}'),
        ("/search", '{"query": "-", "mode": "lexical"}'),
        ("/v1/embeddings", f'{{"input": [{ODD}]}}'),
        ("/v1/rerank", f'{{"query": {ODD}, "documents": [{ODD}]}}'),
        ("/feedback", f'{{"query_id": {ODD}, "action": {ODD}, "position": 1}}'),
        ("/feedback", f'{{"user_query": {ODD}, "query_id": "odd"}}'),
        ("/feedback", '{"query_id": "w1", "action": "click", "position": 1e400}'),
        ("/feedback", '{"events": [[], {}, null, {"action_name": []}]}'),
    ],
)
def test_odd_values_are_no_bugs(small: Site, path: str, body: str) -> None:
    answer = small.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 422), answer.text
    assert answer.json()


@pytest.mark.slow
def test_10_000_bad_requests(small: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """Rubbish, broken heads and bodies, in one connection after the other and many at a time."""
    rng = random.Random(11)
    good = head(small, length=15) + b'\r\n{"query": "w1"}'
    statuses: dict[bytes, int] = {}

    def mutated() -> bytes:
        kind = rng.randrange(4)
        if kind == 0:
            return rng.randbytes(rng.randint(1, 80))
        data = bytearray(good)
        if kind == 1:
            del data[rng.randrange(1, len(data)) :]
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if kind == 3:
            data += rng.randbytes(30)
        return bytes(data)

    batch = 30
    for _ in range(10_000 // batch + 1):
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(connect(small)) for _ in range(batch)]
            for sock in socks:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(mutated())
                    sock.shutdown(socket.SHUT_WR)
            for sock in socks:
                line = read_all(sock)[:12]
                statuses[line[9:]] = statuses.get(line[9:], 0) + 1
    assert alive(small)
    assert {*statuses} >= {b"400", b""}
    assert not {s for s in statuses if s.startswith(b"5") and s != b"503"}, statuses
    assert "Traceback" not in capfd.readouterr().err + "".join(small.lines)
