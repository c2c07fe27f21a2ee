"""`/thumbnails/{id}`: made once, of pictures that the index has; `kind` of a search."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.web.http.conftest import Site

images = pytest.importorskip("PIL.Image")

from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.web.gallery import gallery  # noqa: E402


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with gallery(tmp_path_factory.mktemp("gallery") / "work") as shell:
        served = Site(shell)
        yield served
        served.end()


def test_a_thumbnail_is_made_once(shown: Site) -> None:
    folder = shown.index / "thumbnails"
    for name, size in (("red-2.png", (228, 256)), ("report.docx#image=1", (60, 40))):
        before = set(folder.iterdir()) if folder.is_dir() else set()
        answer = shown.client.get(f"/thumbnails/{quote(name, safe='')}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        with images.open(io.BytesIO(answer.content)) as found:
            assert (found.format, found.size) == ("JPEG", size)
        (new,) = set(folder.iterdir()) - before
        assert new.read_bytes() == answer.content
        new.write_bytes(b"kept")
        assert shown.client.get(f"/thumbnails/{quote(name, safe='')}").content == b"kept"
        new.unlink()


def test_what_has_none(shown: Site) -> None:
    for name in ("door.md", "gone.png", "../red-0.png", "report.docx"):
        assert shown.client.get(f"/thumbnails/{quote(name, safe='')}").status_code == 404, name


def test_a_picture_that_has_changed_is_not_shown(shown: Site) -> None:
    path = shown.shell.folder / "docs" / "white-1.png"
    before = path.read_bytes()
    path.write_bytes(made.plain(made.BLUE))
    answer = shown.client.get("/thumbnails/white-1.png")
    assert (answer.status_code, "has changed" in answer.text) == (404, True)
    path.write_bytes(before)
    assert shown.client.get("/thumbnails/white-1.png").status_code == 200


def test_kinds(shown: Site) -> None:
    found = shown.post("/search", {"query": "red", "kind": "image", "k": 3})
    assert {h["kind"] for h in found["hits"]} == {"image"}
    assert {h["document"][:3] for h in found["hits"]} == {"red"}
    texts = shown.get("/search?q=red&kind=text")
    assert {h["kind"] for h in texts["hits"]} == {"text"}
    assert shown.client.get("/search?q=red&kind=sound").status_code == 400
    assert shown.get("/choices")["pictures"] is True
    document = shown.get("/documents/red-1.png")
    assert (len(document["picture"]), document["text"]) == (32, "red 1")


def test_thumbnails_of_pictures_that_are_gone_are_removed(shown: Site) -> None:
    folder = shown.index / "thumbnails"
    folder.mkdir(exist_ok=True)
    stale = folder / f"{'0' * 32}-256.jpg"
    stale.write_bytes(b"x")
    assert shown.client.get("/thumbnails/blue-1.png").status_code == 200
    (shown.shell.folder / "docs" / "new.md").write_text("words")
    assert shown.shell("index", QEMBED_MODEL="py:tests.seeing:encoder").code == 0
    assert not stale.exists()
    assert [p for p in folder.iterdir() if p.name.endswith("-256.jpg")]
