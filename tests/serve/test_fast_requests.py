"""Fast requests with the built-in model: the bytes of the cold path, beside slow requests."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qembed.serve.protocol import ProtocolError
from tests.cli.conftest import Shell
from tests.documentation import EXPORTS
from tests.serve.comparison import FORMATS, both, jsonl, request_of, with_options, with_queries
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow

WORDS = ["parcel", "locked account", "when does the money come back", "tracking page", "an hour"]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Three small documents and three hundred lines, indexed with the built-in model."""
    folder = tmp_path_factory.mktemp("minilm") / "work"
    folder.mkdir()
    shell = Shell(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shell, "env", _with_exports(Shell.env))
        patch.setenv("QEMBED_CACHE", str(EXPORTS))
        shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
        shell.write(
            "docs/parcels.md", "# Parcels\n\nWhere the parcel is, the tracking page says.\n"
        )
        shell.write("docs/locks.txt", "A locked account opens again after an hour.\n")
        # long to send, short to encode: a word of a thousand letters is one unknown token
        texts = (f"Parcel {i} lies in the yard, {'x' * 1000}" for i in range(300))
        lines = (json.dumps({"_id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
        shell.write("docs/yard.jsonl", "".join(lines))
        shell.old()
        done = shell("index", "docs", "--model", "minilm", "--chunker", "none")
        assert done.code == 0, done.err
        yield shell


@pytest.fixture(scope="module")
def minilm(indexed: Shell) -> Iterator[Running]:
    """A server for it."""
    server = Running(indexed)
    yield server
    server.end()


def _with_exports(env: Any) -> Any:
    return lambda self, **more: env(
        self, **{"QEMBED_CACHE": str(EXPORTS), "QEMBED_MODEL": "", **more}
    )


def answered(server: Running, request: dict[str, Any], *texts: str) -> dict[str, Any]:
    with server.line() as line:
        return line.ask(with_queries(request, *texts))


def test_the_same_bytes(minilm: Running) -> None:
    for form in set(FORMATS) - {"text"}:  # that takes long, and goes the other way
        assert both(minilm, "query", "where is the parcel", "--format", form).out
    assert both(minilm, "query", "-", "--format", "jsonl", stdin="parcel\nlocked\n").out
    assert both(minilm, "query", "locked", "--mode", "lexical", "--explain").out
    assert both(minilm, "query", "locked", "--mode", "dense", "--explain", "-k", "3").out
    assert both(minilm, "query", '"tracking page" -yard', "--by", "document").out
    assert both(minilm, "query", "locked", "--context", "1").out
    assert both(minilm, "query", " ").code == 2
    assert both(minilm, "query", "locked", "-k", "0").code == 2
    assert "encode" in minilm.shell("query", "another parcel", "-v").err


def test_concurrent_clients_get_the_bytes_of_one(minilm: Running) -> None:
    request = request_of(minilm.shell, "parcel")
    texts = [f"{w} {i}" for i in range(12) for w in WORDS]
    wanted = {
        t: minilm.shell("query", t, "--format", "jsonl", "--no-server").out for t in texts[::6]
    }
    found: dict[str, dict[str, Any]] = {}
    gate = threading.Barrier(20)

    def client(mine: list[str]) -> None:
        gate.wait(20)
        for t in mine:
            found[t] = answered(minilm, request, t)

    threads = [threading.Thread(target=client, args=(texts[i::20],)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert found.keys() == set(texts)
    assert all("answer" in a for a in found.values()), found
    assert {t: jsonl(found[t]) for t in wanted} == wanted


def test_a_slow_rerank_delays_no_other_request(minilm: Running) -> None:
    request, before = request_of(minilm.shell, "parcel"), minilm.requests
    slow = with_options(request, rerank="py:tests.encoders:thinking")
    got: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: got.append(answered(minilm, slow, "locked")))
    thread.start()
    while minilm.requests == before:
        time.sleep(0.01)
    quick = answered(minilm, request, "tracking page")
    assert not got, "it waited for the reranker"
    thread.join(30)
    assert "answer" in got[0]
    cold = minilm.shell("query", "tracking page", "--format", "jsonl", "--no-server")
    assert jsonl(quick) == cold.out


def test_a_client_that_does_not_read_delays_nobody(minilm: Running) -> None:
    request = request_of(minilm.shell, "parcel")
    large = with_options(request, k=300)
    with minilm.line() as deaf:
        deaf.send(with_queries(large, "lies in the yard"))
        for word in WORDS:
            assert "answer" in answered(minilm, request, f"{word}?")
        answer = deaf.receive()
    assert len(jsonl(answer)) > 300_000
    cold = minilm.shell(
        "query", "lies in the yard", "-k", "300", "--format", "jsonl", "--no-server"
    )
    assert jsonl(answer) == cold.out


def test_clients_that_close_early_harm_nobody(minilm: Running) -> None:
    request = request_of(minilm.shell, "parcel")
    for i in range(20):
        with minilm.line() as line:
            line.send(with_queries(request, f"gone {i}"))
    assert "answer" in answered(minilm, request, "still there")
    assert minilm.process.poll() is None


def test_it_follows_new_generations_at_once(minilm: Running) -> None:
    shell = minilm.shell
    for animal in ("zebra", "okapi", "gnu"):
        shell.write(f"docs/{animal}.md", f"A {animal} crossing.")
        assert shell("index").code == 0
        first = both(minilm, "query", f"{animal} crossing", "--format", "paths").out
        assert first.splitlines()[0].endswith(f"{animal}.md")


def test_requests_before_a_stop_are_answered(indexed: Shell, tmp_path: Path) -> None:
    """A stop while another request has the index: the fast request behind it is answered still."""
    folder = Path(shutil.copytree(indexed.folder, tmp_path / "work"))
    server = Running(Shell(folder))
    request = request_of(server.shell, "parcel")
    slow = with_options(request, rerank="py:tests.encoders:thinking")
    got: list[dict[str, Any]] = []
    before = server.requests
    asking = [
        threading.Thread(target=lambda r=r, t=t: got.append(answered(server, r, t)))
        for r, t in ((slow, "locked again"), (request, "the last one"))
    ]
    for n, thread in enumerate(asking, 1):
        thread.start()
        while server.requests < before + n:
            time.sleep(0.01)
    with server.line() as line:
        assert line.ask({"do": "stop"}) == {"stopping": True}
    for thread in asking:
        thread.join(30)
    assert ["answer" in a for a in got] == [True, True]
    code, err = server.end()
    assert (code, "told to" in err) == (0, True)
    with pytest.raises(ProtocolError):
        server.line()
