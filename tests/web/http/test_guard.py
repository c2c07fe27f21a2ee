"""Who may ask: Host, Origin, token; and addresses that want one."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from qembed.errors import StorageError, UsageError
from qembed.web.http.address import listen, parse_address
from qembed.web.http.guard import is_known_host
from qembed.web.http.settings import TOKEN_VARIABLE, Limits, make_settings
from tests.cli.conftest import Shell
from tests.web.http.conftest import TOKEN, Site

PAGE = "https://app.example.org"


@pytest.fixture(scope="module")
def guarded(corpus: Shell) -> Iterator[Site]:
    """A server with a token that one other page may ask."""
    settings = make_settings(
        "localhost:0", TOKEN, ("search.example.org",), (PAGE,), limits=Limits(body=2000), environ={}
    )
    made = Site(corpus, settings)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080),
        ("0", "127.0.0.1", 0),
        ("localhost:80", "localhost", 80),
        ("[::1]:8080", "::1", 8080),
        ("0.0.0.0:1", "0.0.0.0", 1),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "x", ":80", "99999", "-1", "a:b", "http://a:80", "::1:80", "a b:1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="a port, or HOST:PORT, is wanted"):
        parse_address(text)


def test_an_address_of_ipv6() -> None:
    try:
        sock, address = listen(parse_address("[::1]:0"))
    except StorageError:
        pytest.skip("there is no IPv6 here")
    with sock:
        assert address.port > 0
        assert address.url == f"http://[::1]:{address.port}"


def test_an_address_beyond_loopback_wants_a_token_and_all_mistakes_are_told_at_once() -> None:
    for at in ("0.0.0.0:80", "[::]:80", "192.0.2.1:80"):
        with pytest.raises(UsageError, match="others reach that address: a token is wanted"):
            make_settings(at, environ={})
        assert make_settings(at, TOKEN, environ={}).token == TOKEN
        assert make_settings(at, environ={TOKEN_VARIABLE: TOKEN}).token == TOKEN
    for at in ("80", "[::1]:80", "localhost:80"):
        assert make_settings(at, environ={}).token is None
    with pytest.raises(UsageError) as told:
        make_settings("80", "short", ("http://x", "a/b"), ("*", "app.example.org"), environ={})
    for part in ("--token", "--allow-host http://x", "--allow-host a/b", "--allow-origin *",
                 "--allow-origin app.example.org"):  # fmt: skip
        assert part in str(told.value)
    with pytest.raises(UsageError, match=r"\$QEMBED_HTTP_TOKEN: at least 16"):
        make_settings("80", environ={TOKEN_VARIABLE: "naïve-naïve-naïve-naïve"})


@pytest.mark.parametrize(
    ("at", "host", "known"),
    [
        ("80", "localhost:80", True),
        ("80", "LOCALHOST.", True),
        ("80", "127.0.0.1:9", True),
        ("80", "[::1]:80", True),
        ("80", "search.example.org", True),
        ("80", "evil.example.com", False),
        ("80", "localhost.evil.example.com", False),
        ("80", "192.0.2.1", False),
        ("80", "", False),
        ("80", "localhost:80:80", False),
        ("80", "user@localhost", False),
        ("0.0.0.0:80", "192.0.2.1:80", True),
        ("0.0.0.0:80", "evil.example.com", False),
        ("192.0.2.1:80", "192.0.2.1:80", True),
        ("192.0.2.1:80", "192.0.2.2:80", False),
    ],
)
def test_hosts(at: str, host: str, known: bool) -> None:
    settings = make_settings(at, TOKEN, ("search.example.org",), environ={})
    assert is_known_host(settings, host) is known


@pytest.mark.slow
def test_a_rebound_name_and_other_pages_are_refused(guarded: Site) -> None:
    for headers, status, code in [
        ({"Host": "evil.example.com"}, 421, "unknown_host"),
        ({"Origin": "https://evil.example.com"}, 403, "unknown_origin"),
        ({"Origin": "null"}, 403, "unknown_origin"),
        ({"Origin": PAGE + ".evil.example.com"}, 403, "unknown_origin"),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, "unknown_origin"),
    ]:
        for path in ("/search?q=w1", "/status", "/healthz", "/nothing"):
            assert guarded.get(path, status, headers=headers)["error"]["code"] == code
    assert guarded.get("/search?q=w1", headers={"Host": "search.example.org"})["hits"]
    own = {"Origin": f"http://localhost:{guarded.port}", "Host": f"localhost:{guarded.port}"}
    assert guarded.get("/search?q=w1", headers=own)["hits"]


@pytest.mark.parametrize("near", ["cross-site", "same-site"])
def test_other_sites_lead_to_the_page_alone(guarded: Site, near: str) -> None:
    for dest in ("document", "iframe", "frame", "embed", "object", "image", ""):
        headers = {"Sec-Fetch-Site": near, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": dest}
        for path in ("/search?q=w1", "/similar/d1", "/documents/d1", "/status", "/healthz"):
            error = guarded.get(path, 403, headers=headers)["error"]
            assert error["code"] == "unknown_origin"
            assert "nor lead to an address of it but /" in error["message"]
        status = guarded.client.get("/?q=w1", headers=headers).status_code
        assert status == (200 if dest == "document" else 403), dest
        assert guarded.client.post("/", headers=headers).status_code == 403
    for own in ("none", "same-origin"):  # typed, or the page's own
        headers = {"Sec-Fetch-Site": own, "Sec-Fetch-Mode": "navigate"}
        assert guarded.get("/search?q=w1", headers=headers)["hits"]


def test_the_token(guarded: Site) -> None:
    for given in ("", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN, "Bearer \xe9"):
        headers = {"Authorization": given.encode("latin-1")}
        for path in ("/search?q=w1", "/status", "/nothing"):
            answer = guarded.client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "unauthorized"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        assert guarded.get("/healthz", headers=headers)["status"] == "ok"
    assert guarded.get("/search?q=w1", headers={"Authorization": f"bearer {TOKEN}"})["hits"]
    assert TOKEN not in json.dumps(guarded.get("/status"))
    assert TOKEN not in "".join(guarded.lines)


def test_cors_for_the_pages_that_are_named(guarded: Site) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Authorization": "",
    }
    leave = guarded.client.options("/search", headers=asked)
    assert (leave.status_code, leave.content) == (204, b"")
    assert leave.headers["Access-Control-Allow-Origin"] == PAGE
    assert "POST" in leave.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in leave.headers["Access-Control-Allow-Headers"]
    answer = guarded.client.post("/search", json={"query": "w1"}, headers={"Origin": PAGE})
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Vary"] == "Origin"
    plain = guarded.client.get("/search?q=w1")
    assert not [h for h in plain.headers if h.lower().startswith("access-control")]
    asked["Origin"] = "https://other.example.org"
    assert guarded.client.options("/search", headers=asked).status_code == 403


def test_each_answer_has_the_headers_of_safety(guarded: Site) -> None:
    for path, method in [
        *(("/search?q=w1", "GET"), ("/nothing", "GET"), ("/search", "DELETE")),
        *(("/healthz", "HEAD"), ("/search", "OPTIONS"), ("/status", "POST")),
    ]:
        answer = guarded.client.request(method, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Server" not in answer.headers
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "not_found"),
        ("POST", "/", {}, 405, "method_not_allowed"),
        ("GET", "/search/../../etc/passwd", {}, 404, "not_found"),
        ("DELETE", "/search", {}, 405, "method_not_allowed"),
        ("POST", "/status", {}, 405, "method_not_allowed"),
        ("POST", "/search", {"content": b"{}"}, 415, "not_json"),
        ("POST", "/search", {"data": {"query": "w1"}}, 415, "not_json"),
        ("POST", "/search", {"json": [1]}, 400, "bad_request"),
        ("POST", "/search", {"json": {"query": "w1 " * 1000}}, 413, "too_large"),
        ("GET", "/search?q=%ff", {}, 400, "bad_request"),
    ],
)
def test_what_is_not_answered(
    guarded: Site, method: str, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    answer = guarded.client.request(method, path, **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"query": "w1", "query": "w2"}',
        b"{",
        b"\xff",
        b'{"query": "w1"',
        b"[" * 1500,
        b'{"k": ' + b"9" * 1500 + b"}",
        b"NaN",
    ],
)
def test_bodies_that_are_no_json(guarded: Site, body: bytes) -> None:
    answer = guarded.client.post(
        "/search", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_body_with_two_ends_ends_the_connection(guarded: Site) -> None:
    host = f"Host: 127.0.0.1:{guarded.port}\r\n"
    two = "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    for path in ("/search", "/healthz"):
        with socket.create_connection(("127.0.0.1", guarded.port), timeout=10) as sock:
            sock.sendall(
                f"POST {path} HTTP/1.1\r\n{host}{two}\r\n0\r\n\r\n"
                f"GET /healthz HTTP/1.1\r\n{host}\r\n".encode()
            )
            sock.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (answer.count(b"HTTP/1.1 "), answer.count(b"two_lengths")) == (1, 1)


@pytest.mark.parametrize("close", [True, False])
def test_a_long_body_sent_in_one_go_is_answered(guarded: Site, close: bool) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", **({"Connection": "close"} if close else {})}
    for _ in range(5):
        asked = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=10)
        with contextlib.closing(asked):
            asked.request("POST", "/search", b" " * 5_700_000, headers)
            answer = asked.getresponse()
            assert (answer.status, json.load(answer)["error"]["code"]) == (413, "too_large")


def test_a_chunked_body_is_measured_as_it_comes(guarded: Site) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 500

    answer = guarded.client.post(
        "/search", content=parts(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["limit"]) == (413, 2000)


@pytest.mark.slow
def test_the_access_log_has_no_words_of_queries(guarded: Site) -> None:
    ask = guarded.client.get
    ok = guarded.log_of(ask("/search?q=secret+words"))
    posted = guarded.log_of(guarded.client.post("/search", json={"query": "secret words"}))
    wrong = guarded.log_of(ask("/search?q=secret&k=0"))
    assert "secret" not in json.dumps([ok, posted, wrong])
    assert (ok["method"], ok["path"], ok["status"], ok["hits"]) == ("GET", "/search", 200, 10)
    assert ok["client"] == "127.0.0.1"
    assert ok["ms"] > 0
    assert (wrong["status"], wrong["error"]) == (400, "bad_request")
