"""The protocol in its revisions: tools and their hints, wrong arguments, what a result is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from qembed.errors import UnknownPart
from qembed.serve.messages import answer_of, error_json
from qembed.web.mcp.budget import estimate_tokens
from qembed.web.mcp.engine import Engine
from qembed.web.mcp.next_steps import error_text
from tests.cli.conftest import Shell
from tests.web.mcp.conftest import Agent, links_of, text_of

NAMES = ["search", "get", "similar", "feedback", "status"]


@pytest.fixture(scope="module")
def plain(corpus: Shell) -> Iterator[Agent]:
    """An agent as servers are by default: without structured content."""
    made = Agent(corpus, structured=False)
    yield made
    made.close()


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS])
def test_a_session_in_each_revision(
    plain: Agent, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_modern = version in MODERN_PROTOCOL_VERSIONS
    if not is_modern:
        # what the client offers
        monkeypatch.setattr("mcp.client.session.LATEST_HANDSHAKE_VERSION", version)

    async def run() -> None:
        mode = version if is_modern else "legacy"
        async with Client(plain.face.server, mode=mode) as client:  # type: ignore[arg-type]
            assert client.session.protocol_version == version
            assert [t.name for t in (await client.list_tools()).tools] == NAMES
            found = await client.call_tool("search", {"query": "money back", "k": 2})
            assert "refunds.md lines 1-3" in text_of(found)
            assert found.structured_content is None
            has_links = version >= "2025-06-18"
            assert ("qembed://documents/refunds.md" in links_of(found)) == has_links
            got = await client.call_tool("get", {"document": "refunds.md"})
            assert "Money comes back within five days." in text_of(got)
            assert "nearest to" in text_of(await client.call_tool("similar", {"document": "d3"}))
            said = await client.call_tool("feedback", {"action": "cite", "document": "refunds.md"})
            assert said.is_error
            assert "204 documents" in text_of(await client.call_tool("status", {}))
            (template,) = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "qembed://documents/{id}"
            assert (await client.list_resources()).resources == []

    asyncio.run(run())


def tools(agent: Agent) -> list[types.Tool]:
    async def run() -> list[types.Tool]:
        async with Client(agent.face.server) as client:
            return (await client.list_tools()).tools

    return asyncio.run(run())


def test_tools_say_what_they_do_and_are_short(agent: Agent) -> None:
    found = tools(agent)
    for tool in found:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (tool.name != "feedback")
        assert tool.annotations.open_world_hint is False
        assert tool.input_schema["additionalProperties"] is False
    listed = json.dumps([t.model_dump(by_alias=True, exclude_none=True) for t in found])
    assert estimate_tokens(listed) < 1600  # in the context of each agent, asked or not


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_argument_is_refused_with_those_that_exist(agent: Agent, name: str) -> None:
    (schema,) = [t.input_schema for t in tools(agent) if t.name == name]
    said = agent.refused(name, nonsense=1)
    known = ", ".join(schema["properties"]) or "nothing"
    # each argument that a tool reads is in its schema, and the other way round
    (line,) = [line for line in said.splitlines() if "nonsense" in line]
    listed = line.partition("(known: ")[2].rstrip(")")
    assert sorted(listed.split(", ")) == sorted(known.split(", "))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"k": 0}, "k: a whole number from 1 to 100 is wanted"),
        ({"k": "many"}, "k: a whole number from 1 to 100 is wanted"),
        ({"k": 1.5}, "k: a whole number"),
        ({"k": True}, "k: a whole number"),
        ({"k": 1000}, "k: a whole number from 1 to 100"),
        ({"mode": "best"}, "mode: one of auto, dense, lexical, hybrid is wanted"),
        ({"where": 3}, "where: a text or a list of texts is wanted"),
        ({"query": 3}, "query: a text is wanted"),
        ({"max_tokens": 5}, "max_tokens: a whole number from 100"),
    ],
)
def test_wrong_arguments_are_refused_with_the_next_step(
    agent: Agent, given: dict[str, Any], wanted: str
) -> None:
    said = agent.refused("search", **{"query": "w1", **given})
    assert wanted in said
    assert "Next: call search again with these arguments mended." in said


@pytest.mark.parametrize(
    ("tool", "given", "wanted", "step"),
    [
        ("search", {"qury": "w1"}, "qury: not known here, did you mean query? (known: query, k,",
         "call search again with these arguments mended"),
        ("get", {"document": "refunds.md", "lines": 3}, "did you mean line? (known: document, line",
         "call get again with these arguments mended"),
        ("status", {"verbose": True}, "verbose: not known here (known: nothing)",
         "call status again with these arguments mended"),
        ("search", {"query": " "}, "an empty query", "call search again with that mended"),
        ("search", {"query": "w1", "cursor": "x"}, "cursor: not one", "call search again without the cursor"),
        ("search", {"query": "w1", "where": "yaer = 1"}, "where, column 1: no document has a field yaer",
         "status lists the fields that `where` knows; call search again with it mended"),
        ("similar", {"text": "w1", "where": "year >"}, "where, column",
         "status lists the fields that `where` knows; call similar again with it mended"),
        ("similar", {"document": "none"}, "no document 'none'", "search gives ids"),
        ("similar", {"document": "d1", "text": "w1"}, "one of them",
         "call similar again with these arguments mended"),
        ("similar", {"document": "d1", "passage": 7}, "has no passage 7",
         "call similar again with a number that the document has, or with its id alone"),
        ("get", {"document": "d1", "passage": 7}, "has no passage 7",
         "call get again with a number that the document has, or with its id alone"),
    ],
)  # fmt: skip
def test_each_error_says_its_own_next_step(
    agent: Agent, tool: str, given: dict[str, Any], wanted: str, step: str
) -> None:
    said = agent.refused(tool, **given)
    assert wanted in said
    assert said.endswith(f"\n\nNext: {step}.")


def test_an_error_of_the_server_keeps_its_kind() -> None:
    with pytest.raises(UnknownPart) as caught:
        answer_of(error_json(UnknownPart("d has no passage 7")))
    assert "Next: call get again with a number" in error_text("get", caught.value)


def test_a_number_as_a_text_is_taken(agent: Agent) -> None:
    asked = agent("search", query="w1", k="3", max_tokens="5000")
    assert len(asked.structured_content["hits"]) == 3


def test_all_mistakes_at_once(agent: Agent) -> None:
    said = agent.refused("search", k=0, mode="best", nonsense=1)
    assert len(said.partition("\n\n")[0].splitlines()) == 5


def test_an_unknown_tool_is_an_error_of_the_protocol(agent: Agent) -> None:
    async def run(name: str) -> str:
        async with Client(agent.face.server) as client:
            try:
                await client.call_tool(name, {})
            except MCPError as e:
                return e.message
        return ""

    said = asyncio.run(run("searhc"))
    assert "there is no tool 'searhc' (there are search, get" in said
    assert said.endswith("\n\nNext: call search.")
    assert asyncio.run(run("rm")).endswith("\n\nNext: call one of them.")


def test_a_bug_stays_here(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Engine, "query", broken)
    said = agent.refused("search", query="w1")
    assert "bug" in said
    assert "secret" not in said
    caught = capsys.readouterr()
    assert "RuntimeError: secret" in caught.err
    assert caught.out == ""


def test_new_generations_are_followed(corpus: Shell) -> None:
    agent = Agent(corpus)
    before = agent("status").structured_content["generation"]
    assert not agent("search", query="okapi", mode="lexical").structured_content["hits"]
    corpus.write("docs/new.md", "An okapi in the garden.\n")
    assert corpus("index").code == 0
    (hit,) = agent("search", query="okapi", mode="lexical").structured_content["hits"]
    assert hit["document"] == "new.md"
    assert agent("status").structured_content["generation"] == before + 1
    (corpus.folder / "docs/new.md").unlink()
    assert corpus("index").code == 0
    assert "no document 'new.md'" in agent.refused("get", document="new.md")
    agent.close()
