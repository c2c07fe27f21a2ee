"""Pictures for agents: image content beside the caption."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import mcp_types as types
import pytest

from tests.web.mcp.conftest import Agent, text_of

images = pytest.importorskip("PIL.Image")

from tests.web.gallery import gallery  # noqa: E402  # needs Pillow


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with gallery(tmp_path_factory.mktemp("gallery") / "work") as shell:
        agent = Agent(shell)
        yield agent
        agent.close()


@pytest.mark.slow
def test_get_shows_a_picture(looking: Agent) -> None:
    found = looking("search", query="green", k=1, kind="image")
    assert "green-" in text_of(found)
    assert " picture of 320 × " in text_of(found)
    assert found.structured_content is not None
    (hit,) = found.structured_content["hits"]
    assert (hit["kind"], hit["line"]) == ("image", None)
    (page,) = (looking("search", query="door", k=1).structured_content or {})["hits"]
    assert (page["document"], page["kind"], page["line"]) == ("door.md", "text", 1)
    shown = looking("get", document="green-1.png")
    assert "green 1" in text_of(shown)
    (picture,) = [b for b in shown.content if isinstance(b, types.ImageContent)]
    assert picture.mime_type == "image/jpeg"
    with images.open(io.BytesIO(base64.b64decode(picture.data))) as opened:
        assert (opened.format, opened.size) == ("JPEG", (320, 300))
    text = looking("get", document="door.md")
    assert [b.type for b in text.content] == ["text"]


def test_what_is_like_a_picture(looking: Agent) -> None:
    found = looking("similar", document="green-1.png", k=2).structured_content
    assert found is not None
    assert {h["document"] for h in found["hits"]} == {"green-0.png", "green-2.png"}


def test_several_within_the_budget(looking: Agent) -> None:
    names = [f"blue-{i}.png" for i in range(3)]
    shown = looking("get", document=names, max_tokens=2000)
    assert len([b for b in shown.content if isinstance(b, types.ImageContent)]) == 2
    assert all(f"blue {i}" in text_of(shown) for i in range(3))
    said = "[the picture is left out: it takes 800 tokens, and "
    assert text_of(shown).count(said) == 1
    (reason,) = [
        d["picture_left_out"]
        for d in (shown.structured_content or {})["documents"]
        if "picture_left_out" in d
    ]
    assert f"[{reason}]" in text_of(shown)
    alone = looking("get", document="blue-0.png", max_tokens=200)
    assert "blue 0" in text_of(alone)
    assert said in text_of(alone)


def test_a_picture_whose_file_is_gone_is_told(looking: Agent) -> None:
    path = looking.shell.folder / "docs" / "blue-2.png"
    data = path.read_bytes()
    path.unlink()
    try:
        shown = looking("get", document="blue-2.png")
    finally:
        path.write_bytes(data)
    assert [b.type for b in shown.content] == ["text"]
    assert (
        "[the picture is left out: its file has changed since it was indexed, or is gone]"
        in text_of(shown)
    )
