"""`qembed mcp --http`: several clients, and who may ask."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from tests.cli.conftest import Shell
from tests.web.mcp.conftest import text_of

TOKEN = "a-token-of-the-tests-0123456789"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Served:
    """A server at a URL."""

    def __init__(self, shell: Shell) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qembed", "mcp", "--http", "0", "--log"],
            cwd=shell.folder,
            env=shell.env(QEMBED_HTTP_TOKEN=TOKEN),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"at (http://\S+/mcp) \(with a token\)", line)
        assert found, line
        self.url = found[1]

    def post(self, **headers: str) -> httpx2.Response:
        given = {"Authorization": f"Bearer {TOKEN}", **ACCEPT, **headers}
        return httpx2.post(self.url, json=INITIALIZE, headers=given)


@pytest.fixture(scope="module")
def served(corpus: Shell) -> Iterator[Served]:
    made = Served(corpus)
    yield made
    made.process.send_signal(signal.SIGTERM)
    _, err = made.process.communicate(timeout=20)
    assert made.process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.slow
def test_sessions_of_two_clients(served: Served, corpus: Shell, mode: str) -> None:
    async def session(word: str, document: str) -> str:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(served.url, http_client=http)
            async with Client(transport, mode=mode) as client:  # type: ignore[arg-type]
                found = text_of(
                    await client.call_tool("search", {"query": word, "mode": "lexical"})
                )
                assert document in found
                name = found.partition("(query_id ")[2].partition(")")[0]
                query = {} if mode == "legacy" else {"query_id": name}
                if mode == "auto":
                    cited = {"action": "cite", "document": document}
                    said = text_of(await client.call_tool("feedback", cited))
                    assert "needs the query_id of the search" in said
                    assert "Next: call feedback again with the query_id" in said
                    named = await client.call_tool("feedback", {**cited, "query_id": name})
                    assert text_of(named) == "logged: cite of 1 hit"
                got = await client.call_tool("get", {"document": document, **query})
                assert word in text_of(got).lower()
                return name

    async def both() -> list[str]:
        wanted = [("money", "refunds.md"), ("locked", "deep/locks.txt")]
        return await asyncio.gather(*(session(*w) for w in wanted))

    names = asyncio.run(both())
    store = LogStore(corpus.folder / ".qembed")
    for _ in range(200):  # events are written behind the answers
        found = [r for r in read_records(store) if r.query_id in names]
        events = [r for r in found if isinstance(r, Event) and r.action == "open"]
        opened = {r.query_id: r.object_id for r in events}
        if len(opened) == 2:
            break
        asyncio.run(asyncio.sleep(0.05))
    assert opened == dict(zip(names, ["refunds.md", "deep/locks.txt"], strict=True))
    sessions = {r.session_id for r in found if isinstance(r, LoggedQuery)}
    assert len(sessions) == 2


@pytest.mark.slow
def test_who_may_not_ask(served: Served) -> None:
    assert served.post().status_code == 200
    for headers, status, code in [
        ({"Authorization": ""}, 401, "unauthorized"),
        ({"Authorization": "Bearer another-token-0123456789"}, 401, "unauthorized"),
        ({"Host": "evil.example"}, 421, "unknown_host"),
        ({"Origin": "https://evil.example"}, 403, "unknown_origin"),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403, "unknown_origin"),
    ]:
        found = served.post(**headers)
        assert (found.status_code, found.json()["error"]["code"]) == (status, code)
        if status != 401:  # the options of this command
            assert "(mcp --allow-" in found.json()["error"]["message"]
        assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
def test_other_paths_and_long_bodies(served: Served) -> None:
    base = served.url.removesuffix("/mcp")
    assert httpx2.get(base + "/healthz").json() == {"status": "ok"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **ACCEPT}
    assert httpx2.get(base + "/documents/refunds.md", headers=headers).status_code == 404
    for body in (b" " * (5 << 20), iter([b" " * (5 << 20)])):  # the second is chunked
        found = httpx2.post(served.url, content=body, headers={**headers, "Connection": "close"})
        assert (found.status_code, found.json()["error"]["limit"]) == (413, 4 << 20)
        assert found.headers.get_list("x-content-type-options") == ["nosniff"]
    assert httpx2.post(served.url, content=b"rubbish", headers=headers).status_code == 400
    assert served.post().status_code == 200
