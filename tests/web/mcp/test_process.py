"""`qembed mcp` as a process: what is on its stdout, how it ends, which process has the model."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from qembed.web.mcp import run
from tests.cli.conftest import Shell
from tests.web.mcp.conftest import text_of

pytestmark = pytest.mark.slow

NOISY = """
import os
from qembed.testing import BagOfWords

class Noisy(BagOfWords):
    def encode(self, texts):
        print("printed")
        os.write(1, b"written\\n")
        return super().encode(texts)

def encoder():
    return Noisy(48)
"""


class Process:
    """A server for agents, asked in lines of JSON."""

    def __init__(self, shell: Shell, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qembed", "mcp", *args],
            cwd=shell.folder,
            env=shell.env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._id = 0
        about = {"name": "lines", "version": "1"}
        self.ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=about)
        self.send({"method": "notifications/initialized"})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method: str, **params: Any) -> Any:
        self._id += 1
        self.send({"id": self._id, "method": method, "params": params})
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())  # each line is of the protocol
        assert answer["id"] == self._id
        return answer["result"]

    def call(self, tool: str, **given: Any) -> str:
        text: str = self.ask("tools/call", name=tool, arguments=given)["content"][0]["text"]
        return text

    def end(self) -> tuple[int, str]:
        """(exit code, stderr) of a process that ends; nothing more is on stdout."""
        out, err = self.process.communicate(timeout=20)
        assert out == b""
        return self.process.returncode, err.decode()


@pytest.fixture(scope="module")
def noisy(corpus: Shell) -> Shell:
    corpus.write("noisy.py", NOISY)
    corpus.write("few/a.md", "A zebra crossing.\n")
    done = corpus.process("index", "few", "--index", "other", "--model", "py:noisy:encoder")
    assert done.code == 0, done.err
    return corpus


@pytest.mark.parametrize("ending", ["end of stdin", signal.SIGTERM, signal.SIGINT])
def test_stdout_is_the_protocol_alone_and_the_end_is_clean(noisy: Shell, ending: Any) -> None:
    server = Process(noisy, "--index", "other", "--log")
    found = server.call("search", query="zebra")
    assert "a.md lines 1" in found
    server.call("get", document="a.md")
    if isinstance(ending, signal.Signals):
        server.process.send_signal(ending)
    code, err = server.end()
    assert code == 0
    assert "printed" in err
    assert "written" in err
    assert "Traceback" not in err
    done = noisy("feedback", "export", "--index", "other")
    name = found.partition("(query_id ")[2].partition(")")[0]
    kept = [row for row in done.lines if row.get("query_id") == name]
    assert [row.get("action_name") for row in kept] == [None, "open"]


def test_each_line_gets_an_answer(noisy: Shell) -> None:
    server = Process(noisy, "--index", "other")
    assert "zebra" in server.call("search", query="zebra \ud800")
    assert server.process.stdin is not None
    assert server.process.stdout is not None
    for line in (b"no json\n", b'{"jsonrpc": "2.0", "id": 77}\n', b"[1]\n"):
        server.process.stdin.write(line)
        server.process.stdin.flush()
        refused = json.loads(server.process.stdout.readline())
        assert (refused["id"], refused["error"]["code"]) == (None, -32700)
    assert "zebra" in server.call("search", query="zebra")
    assert server.end()[0] == 0


def test_the_clients_own_session_through_a_running_server(corpus: Shell) -> None:
    serve = subprocess.Popen(
        [sys.executable, "-m", "qembed", "serve"],
        cwd=corpus.folder,
        env=corpus.env(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serve.stderr is not None
    assert "serving" in serve.stderr.readline()
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "qembed", "mcp", "--index", str(corpus.folder)],
        env=corpus.env(),
        cwd=corpus.folder,
    )

    async def session() -> list[str]:
        async with Client(command) as client:
            calls = [("search", {"query": "money back"}), ("get", {"document": "refunds.md"}),
                     ("similar", {"document": "d3"}), ("get", {"document": "none"}),
                     ("status", {})]  # fmt: skip
            return [text_of(await client.call_tool(name, given)) for name, given in calls]

    found = asyncio.run(session())
    asked = corpus.process("serve", "--status", "--format", "json").json["requests"]
    corpus.process("serve", "--stop")
    serve.wait(20)
    serve.stderr.close()
    assert "refunds.md lines 1-3" in found[0]
    assert "five days" in found[1]
    assert found[2].startswith("nearest to d3")
    assert "no document 'none' in the index" in found[3]
    assert "ready, in the index's server" in found[4]
    assert asked >= 5  # four of the tools, one of the warm-up


@pytest.mark.parametrize("client", ["claude", "cursor", "vscode"])
def test_the_printed_settings_start_a_server(
    corpus: Shell, client: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = corpus("mcp", "--print-config", client, "--log")
    outer = "servers" if client == "vscode" else "mcpServers"
    entry = done.json[outer]["qembed"]
    assert os.path.isabs(entry["command"])  # noqa: PTH117
    assert entry["args"][-4:] == ["mcp", "--index", str(corpus.folder / ".qembed"), "--log"]
    assert entry.get("type") == ("stdio" if client == "vscode" else None)
    assert "mcp.json" in done.err
    if client == "claude":
        started = subprocess.run(
            [entry["command"], *entry["args"]],
            cwd=tmp_path,
            env=corpus.env(),
            input=b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (started.returncode, started.stdout) == (0, b"")


def test_settings_for_an_index_that_is_still_to_be_made(corpus: Shell) -> None:
    done = corpus("mcp", "--print-config", "claude", "--index", "sub/../new index/.qembed")
    wanted = corpus.folder / "new index/.qembed"
    assert (done.code, done.json["mcpServers"]["qembed"]["args"][-1]) == (0, str(wanted))
    assert done.err.endswith(
        f"warning: no index at {wanted} yet (make it: qembed index PATH --index '{wanted}')\n"
    )
    assert "no index" not in corpus("mcp", "--print-config", "claude").err


def test_what_cannot_start(corpus: Shell, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = corpus("mcp", "--index", str(tmp_path))
    assert done.code == 2
    assert "no index at" in done.err
    done = corpus("mcp", "--token", "a-token-that-is-long-enough")
    assert (done.code, "--token: goes with --http" in done.err) == (2, True)
    done = corpus("mcp", "--http", "0.0.0.0:0")
    assert (done.code, "a token is wanted" in done.err) == (2, True)
    assert corpus("mcp", "--client", " ").code == 2
    for command in (("mcp",), ("serve", "--http", "0")):
        done = corpus(*command, QEMBED_LOG="maybe")
        assert (done.code, done.err) == (2, "qembed: QEMBED_LOG=maybe: 1, 0 or hashed is wanted\n")
    monkeypatch.setattr(run, "find_spec", lambda name: None if name in ("uvicorn", "h11") else 1)
    done = corpus("mcp", "--http", "0")
    assert (done.code, done.err) == (
        2,
        "qembed: --http wants uvicorn, h11, not installed here (pip install 'qembed-search[mcp]')\n",
    )
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    done = corpus("mcp")
    assert done.code == 2
    assert done.err == (
        "qembed: qembed mcp wants the MCP SDK, not installed here (pip install 'qembed-search[mcp]')\n"
    )
