"""From `serve --http` to its end: requests that were begun, new generations, options."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time

import httpx2
import pytest

from qembed.web.http.settings import TOKEN_VARIABLE
from tests.cli.conftest import BAG, Shell, docs, filled, shell
from tests.serve.conftest import Running
from tests.web.http.conftest import TOKEN, Site

__all__ = ["docs", "filled", "shell"]


@pytest.mark.slow
def test_the_end_waits_for_what_was_begun(corpus: Shell) -> None:
    site = Site(corpus)
    answers: list[httpx2.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(site.client.get("/search?q=w1&where=year+>+1"))
    )
    kept = httpx2.Client(base_url=site.url)
    assert kept.get("/healthz").status_code == 200
    with site.live._lock:
        asking.start()
        while not site.face._service.calls.queued:
            time.sleep(0.01)
        site.server.stop()
        while not site.face._service.stopping:
            time.sleep(0.01)
        try:
            late = kept.get("/search?q=w1")
        except httpx2.TransportError:  # its connection is closed already
            late = None
        assert late is None or (late.status_code, late.headers["Retry-After"]) == (503, "1")
        assert not answers
    asking.join()
    kept.close()
    site.end()
    assert answers[0].status_code == 200
    assert answers[0].json()["hits"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", site.port), timeout=5)


@pytest.mark.slow
def test_no_request_is_lost_at_a_new_generation(corpus: Shell) -> None:
    site = Site(corpus)
    done = threading.Event()
    answers: list[tuple[int, int]] = []

    def ask(number: int) -> None:
        with httpx2.Client(base_url=site.url, timeout=30) as client:
            n = 0
            while not done.is_set():
                n += 1
                where = "&where=year+>+1" if n % 2 else ""
                found = client.get(f"/search?q=w{number}+new{n}{where}")
                answers.append((found.status_code, found.json()["generation"]))
                asked = {"input": f"w{n} {number}", "model": BAG}
                vector = client.post("/v1/embeddings", json=asked)
                answers.append((vector.status_code, answers[-1][1]))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    try:
        for n in range(4):
            corpus.write("docs/more.md", f"Text {n}.")
            assert corpus("index").code == 0
    finally:
        done.set()
        for t in threads:
            t.join()
        site.end()
    assert {status for status, _ in answers} == {200}
    assert len({generation for _, generation in answers}) >= 3


@pytest.mark.slow
def test_the_command(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_CACHE", docs.env()["QEMBED_CACHE"])
    running = Running(docs, "--http", "0", **{TOKEN_VARIABLE: TOKEN})
    found = json.loads(docs("serve", "--status", "--format", "json").out)
    url = found["http"]
    assert found["http_token"] is True
    assert TOKEN not in json.dumps(found)
    # the variable is the server's alone: clients of the socket need not have it
    assert docs("query", "locked", "--format", "paths", "-v").err.count("answered by the server")
    assert httpx2.get(f"{url}/search?q=locked").status_code == 401
    answer = httpx2.get(f"{url}/search?q=locked", headers={"Authorization": f"Bearer {TOKEN}"})
    wanted = docs("query", "locked", "--format", "json", "--no-server").json["queries"][0]["hits"]
    assert [h["score"] for h in answer.json()["hits"]] == [h["score"] for h in wanted]
    assert found["idle_limit"] == 0
    assert f", HTTP at {url})" in docs("serve", "--stop").err
    code, err = running.end(signal.SIGTERM)
    assert code == 0
    assert f"qembed: HTTP at {url} (with a token)" in err
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines] == [401, 200]
    assert "stopped: told to" in err


@pytest.mark.slow
def test_requests_count_against_idleness(corpus: Shell) -> None:
    site = Site(corpus)
    site.server._last_request -= 100
    assert site.get("/healthz")["status"] == "ok"
    assert site.server.status()["idle_seconds"] > 99, "a supervisor's question is none"
    site.get("/search?q=w1")
    assert site.server.status()["idle_seconds"] < 50
    site.end()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--http", "nowhere"), "a port, or HOST:PORT, is wanted"),
        (("--http", "0.0.0.0:0"), "a token is wanted"),
        (("--http", "no.such.host.invalid:0"), "no such host"),
        (("--http", "192.0.2.1:0", "--token", TOKEN), "cannot serve at"),
        (("--http", "0", "--token", "short"), "--token: at least 16"),
        (("--token", TOKEN), "--token: goes with --http"),
        (("--allow-origin", "https://a.example.org"), "--allow-origin: goes with --http"),
        (("--http", "0", "--status"), "--http begins with a server"),
    ],
)
def test_options_that_make_no_sense(docs: Shell, args: tuple[str, ...], said: str) -> None:
    done = docs("serve", *args)
    assert done.code == 2
    assert said in done.err


def test_a_port_that_is_taken(docs: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = docs("serve", "--http", str(port))
    assert done.code == 2
    assert f"cannot serve at http://127.0.0.1:{port}: address already in use" in done.err


def test_without_the_packages_a_line_tells_the_command(
    docs: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qembed.web.http.face as face

    monkeypatch.setattr(face, "find_spec", lambda name: None if name == "uvicorn" else 1)
    done = docs("serve", "--http", "0")
    assert done.code == 2
    assert (
        "--http wants uvicorn, not installed here (pip install 'qembed-search[http]')" in done.err
    )
