"""Tools of an index, asked by the SDK's own client, in this process."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from qembed.web.mcp.conversation import Signals
from qembed.web.mcp.engine import Engine
from qembed.web.mcp.protocol import Face
from qembed.web.mcp.settings import McpSettings
from tests.cli.conftest import WORDS, Shell


class Agent:
    """Client of an index's tools. Calling it calls one; `told`: lines of what went wrong with the log."""

    def __init__(self, shell: Shell, **settings: Any) -> None:
        self.shell = shell
        self.index = shell.folder / ".qembed"
        self.told: list[str] = []
        self.signals = Signals(self.index, self.told.append)
        self.engine = Engine(self.index, self.told.append)
        made = McpSettings(**{"structured": True, **settings})
        self.face = Face(self.engine, made, self.signals, alone=True)

    def close(self) -> None:
        self.signals.close()
        if self.engine._live is not None:
            self.engine._live.close()
        assert self.told == []

    def calls(
        self, *calls: tuple[str, dict[str, Any]], mode: str = "auto"
    ) -> list[types.CallToolResult]:
        async def run() -> list[types.CallToolResult]:
            about = types.Implementation(name="tester", version="1")
            async with Client(self.face.server, mode=mode, client_info=about) as client:  # type: ignore[arg-type]
                return [await client.call_tool(name, given) for name, given in calls]

        return asyncio.run(run())

    def __call__(self, tool: str, **given: Any) -> types.CallToolResult:
        (result,) = self.calls((tool, given))
        assert not result.is_error, text_of(result)
        return result

    def refused(self, tool: str, **given: Any) -> str:
        (result,) = self.calls((tool, given))
        assert result.is_error, text_of(result)
        assert result.structured_content is None
        return text_of(result)

    def resource(self, uri: str) -> str:
        async def run() -> str | MCPError:
            async with Client(self.face.server) as client:
                try:
                    (found,) = (await client.read_resource(uri)).contents
                except MCPError as e:
                    return e
                assert isinstance(found, types.TextResourceContents)
                return found.text

        found = asyncio.run(run())
        if isinstance(found, MCPError):
            raise found
        return found


def text_of(result: types.CallToolResult) -> str:
    """The one text of a result."""
    (text,) = [block.text for block in result.content if isinstance(block, types.TextContent)]
    return text


def links_of(result: types.CallToolResult) -> list[str]:
    return [block.uri for block in result.content if isinstance(block, types.ResourceLink)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder with an index of 200 records of random words and some texts, and its environment here."""
    folder = tmp_path_factory.mktemp("agents") / "work"
    folder.mkdir()
    shell = Shell(folder)
    rng = random.Random(3)
    records = [
        {
            "_id": f"d{i}",
            "title": f"T{i}",
            "text": " ".join(rng.choices(WORDS, k=8)),
            "year": 2000 + i % 20,
        }
        for i in range(200)
    ]
    shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/deep/locks.txt", "A locked account opens again.\n\nAfter an hour it does.\n")
    shell.write("docs/中文 #1?.md", "# 退款\n\n如何申请退款？\n")
    shell.write("docs/long.md", long_text())
    shell.old()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.env().items():
            patch.setenv(name, value)
        for name in ("QEMBED_LOG", "QEMBED_CLIENT", "QEMBED_SESSION", "QEMBED_INDEX"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        assert shell("index", "corpus.jsonl", "docs").code == 0
        yield shell


def long_text() -> str:
    """A document of several passages."""
    parts = [
        f"## Part {n}\n\n" + " ".join(f"zebra{n} crossing {i}." for i in range(40))
        for n in range(12)
    ]
    return "# Long\n\n" + "\n\n".join(parts) + "\n"


@pytest.fixture(scope="module")
def agent(corpus: Shell) -> Iterator[Agent]:
    made = Agent(corpus)
    yield made
    made.close()
