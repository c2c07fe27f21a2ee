"""`get` and resources: texts of documents as the index has them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from mcp.shared.exceptions import MCPError

from qembed.web.mcp.budget import Part, cut_around, cut_from, estimate_tokens
from qembed.web.mcp.resources import PREFIX, document_of, document_uri
from tests.web.mcp.conftest import Agent, long_text, text_of


def body(text: str) -> str:
    """Text of one document in a result: what is below the lines on it."""
    return text.partition("\n\n")[2]


def test_a_whole_document(agent: Agent) -> None:
    result = agent("get", document="refunds.md")
    head, _, text = text_of(result).partition("\n")
    assert head == "refunds.md lines 1-3 of 3 · Refunds"
    assert text.strip() == "# Refunds\n\nMoney comes back within five days."
    (found,) = result.structured_content["documents"]
    assert found["path"] == str(agent.shell.folder / "docs/refunds.md")
    assert found["next_offset"] is None
    assert "text" not in found


@pytest.mark.parametrize("tokens", [100, 400, 3000])
@pytest.mark.slow
def test_a_long_text_in_parts_is_the_text(agent: Agent, tokens: int) -> None:
    offset: int | None = 0
    parts = []
    while offset is not None:
        result = agent("get", document="long.md", max_tokens=tokens, offset=offset)
        assert estimate_tokens(text_of(result)) <= tokens
        (found,) = result.structured_content["documents"]
        assert found["start"] == offset
        parts.append(long_text()[found["start"] : found["end"]])
        assert parts[-1].rstrip("\n") in text_of(result)
        line = 1 + long_text().count("\n", 0, found["start"])
        assert (found["line"], found["lines"]) == (line, long_text().count("\n"))
        offset = found["next_offset"]
        assert (offset is None) == ("goes on" not in text_of(result))
    assert "".join(parts) == long_text().rstrip("\n")


def test_lines_and_passages(agent: Agent) -> None:
    lines = long_text().split("\n")
    found = text_of(agent("get", document="long.md", line=3, end_line=5))
    assert body(found) == "\n".join(lines[2:5])
    wider = text_of(agent("get", document="long.md", line=3, context=2))
    assert body(wider) == "\n".join(lines[:5])
    hit = agent("search", query="zebra9", k=1).structured_content["hits"][0]
    passage = text_of(agent("get", document="long.md", passage=hit["passage"]))
    assert body(passage).strip() in long_text()
    assert "zebra9" in passage
    more = text_of(agent("get", document="long.md", passage=hit["passage"], context=1))
    assert len(more) > len(passage)


def test_several_documents_and_one_that_there_is_not(agent: Agent) -> None:
    result = agent("get", document=["refunds.md", "nope.md", "deep/locks.txt"])
    text = text_of(result)
    assert "five days" in text
    assert "After an hour" in text
    assert "not read: no document 'nope.md'" in text
    assert [d["document"] for d in result.structured_content["documents"]] == [
        *("refunds.md", "nope.md", "deep/locks.txt")
    ]


def test_what_is_wrong_is_told_with_the_next_step(agent: Agent) -> None:
    said = agent.refused("get", document="refund.md")
    assert "no document 'refund.md' in the index (did you mean refunds.md?)" in said
    assert "Next: search gives ids." in said
    said = agent.refused("get", document="refunds.md", line=3, passage=1, context=1, end_line=2)
    assert "passage, line: one of them" in said
    assert "end_line: at least 3" in said
    assert "has no line 50" in agent.refused("get", document="refunds.md", line=50)
    assert "has no passage 9" in agent.refused("get", document="refunds.md", passage=9)
    assert "has no text at 5000" in agent.refused("get", document="refunds.md", offset=5000)
    assert "go with one document" in agent.refused("get", document=["a", "b"], line=1)


@pytest.mark.parametrize("name", ["refunds.md", "deep/locks.txt", "中文 #1?.md", "a%2Fb&c=1"])
def test_uris_lead_back_to_ids(name: str) -> None:
    assert document_of(document_uri(name)) == name
    assert document_of(PREFIX + quote(name, safe="")) == name


def test_resources_are_the_documents(agent: Agent) -> None:
    assert agent.resource("qembed://documents/long.md").strip() == long_text().strip()
    assert "如何申请退款" in agent.resource(document_uri("中文 #1?.md"))
    for uri in ("qembed://documents/none", "file:///etc/passwd", "qembed://documents/"):
        with pytest.raises(MCPError, match=r"\n\nNext: search gives ids"):
            agent.resource(uri)


@pytest.mark.parametrize("text", [long_text(), "x" * 5000, "如何申请退款？" * 300, "a b\n" * 900])
def test_cuts_fit_and_have_what_they_are_around(text: str) -> None:
    for tokens in (1, 24, 100):
        at = 0
        while at < len(text):
            part = cut_from(text, at, tokens)
            assert part.start == at < part.end
            assert estimate_tokens(text[part.start : part.end]) <= max(1, tokens)
            at = part.end
        span = Part(len(text) // 2, len(text) // 2 + 10)
        part = cut_around(text, span, tokens)
        assert estimate_tokens(text[part.start : part.end]) <= tokens
        assert part.start <= span.start < part.end
        if estimate_tokens(text[span.start : span.end]) * 2 < tokens:
            assert span.end <= part.end
