"""Pictures over HTTP: `/thumbnails/{id}`, `kind` of a search, searches by a picture."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.http.conftest import Site

images = pytest.importorskip("PIL.Image")

from qembed.web.http.settings import Limits, make_settings  # noqa: E402
from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.web.gallery import gallery  # noqa: E402

pytestmark = pytest.mark.slow

LIMITS = Limits(body=400_000)


def sent(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with gallery(tmp_path_factory.mktemp("gallery") / "work") as shell:
        served = Site(shell, make_settings("0", environ={}, limits=LIMITS))
        yield served
        served.end()


@pytest.mark.slow
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
    assert shown.client.get("/thumbnails/white-1.png").status_code == 200  # it is kept now
    path.write_bytes(made.plain(made.BLUE))
    for _ in range(2):
        answer = shown.client.get("/thumbnails/white-1.png")
        assert (answer.status_code, "has changed" in answer.text) == (404, True)
        path.unlink(missing_ok=True)
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


def test_hits_are_those_of_the_command(shown: Site) -> None:
    path = shown.shell.folder / "docs" / "blue-1.png"
    asked = {"image": sent(path.read_bytes()), "k": 4}
    found = shown.post("/search", asked)
    for no_server in ((), ("--no-server",)):
        args = ("query", "--image", str(path), "-k", "4", "--format", "json", *no_server)
        told = shown.shell(*args, QEMBED_MODEL="py:tests.seeing:encoder").json["queries"][0]["hits"]
        assert [(h["document"], h["score"], h["kind"]) for h in found["hits"]] == [
            (h["document"], h["score"], h["kind"]) for h in told
        ]
    assert found["hits"][0]["document"][:4] == "blue"
    assert found["query"].startswith("picture ")
    # texts are found where they are asked for, filters hold, in documents too
    texts = shown.post("/search", {**asked, "kind": "text", "by": "document", "k": 2})
    assert {h["kind"] for h in texts["hits"]} == {"text"}
    low = shown.post("/search", {**asked, "where": "height < 250"})
    assert {h["meta"]["height"] for h in low["hits"]} <= {40, 240}


def test_pages(shown: Site) -> None:
    asked = {"image": sent(made.plain(made.GREEN)), "k": 5}
    first = shown.post("/search", asked)
    second = shown.post("/search", {**asked, "cursor": first["cursor"]})
    whole = shown.post("/search", {**asked, "k": 10})
    documents = [h["document"] for h in (*first["hits"], *second["hits"])]
    assert documents == [h["document"] for h in whole["hits"]]
    other = {**asked, "image": sent(made.plain(made.RED)), "cursor": first["cursor"]}
    assert "of another query" in shown.post("/search", other, 400)["error"]["message"]


def test_any_format_of_one_picture(shown: Site) -> None:
    hits = []
    for kind in ("PNG", "BMP", "TIFF", "GIF", "WEBP"):
        more = {"lossless": True} if kind == "WEBP" else {}
        found = shown.post("/search", {"image": sent(made.plain(made.BLUE, kind, **more)), "k": 3})
        hits.append([(h["document"], h["score"]) for h in found["hits"]])
    assert all(h == hits[0] for h in hits)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (made.header_only(30_000, 30_000), "30,000 × 30,000 pixels are too many"),
        (made.header_only(3_000, 3_000), "image: "),
        (made.plain()[:60], "image: "),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture in a format that is read"),
        (b"%PDF-1.7 not one", "no picture in a format that is read"),
        (b"http://localhost/a.png", "no picture in a format that is read"),
    ],
)
def test_hostile_pictures_are_refused_by_name(shown: Site, data: bytes, reason: str) -> None:
    error = shown.post("/search", {"image": sent(data)}, 400)["error"]
    assert error["code"] == "bad_request"
    assert error["message"].startswith("image: ")
    assert reason in error["message"]


def test_what_is_no_request(shown: Site, tmp_path: Path) -> None:
    image = sent(made.plain())
    wrong = {
        "image": "not base64!",
        "query": "red",
        "mode": "lexical",
        "rerank": "late",
        "log": True,
    }
    problems = shown.post("/search", wrong, 400)["error"]["problems"]
    assert [p.partition(":")[0] for p in problems] == ["query", "mode", "rerank", "image", "log"]
    for value in ("", "QQ", 7, str(tmp_path)):
        assert "image: " in shown.post("/search", {"image": value}, 400)["error"]["message"]
    assert "by POST" in shown.get("/search?image=QUJD", 400)["error"]["message"]
    assert "a text is wanted" in shown.post("/search", {"k": 3}, 400)["error"]["message"]
    # as many bytes as the body may have, whatever it says of itself
    long = shown.post("/search", {"image": "A" * LIMITS.body}, 413)["error"]
    assert (long["code"], long["limit"]) == ("too_large", LIMITS.body)
    most = shown.get("/choices")["picture_bytes"]
    assert 200_000 < most < LIMITS.body * 3 / 4
    noise = images.effect_noise((300, 300), 90).tobytes() * 9
    error = shown.post("/search", {"image": sent(noise[:most]), "k": 1, "where": "width < 9"}, 400)
    assert "no picture" in error["error"]["message"]
    assert shown.post("/search", {"image": image, "k": 1})["hits"]


@pytest.mark.slow
def test_thumbnails_of_pictures_that_are_gone_are_removed(shown: Site) -> None:
    folder = shown.index / "thumbnails"
    folder.mkdir(exist_ok=True)
    stale = folder / f"{'0' * 32}-256-1-1-1.jpg"
    stale.write_bytes(b"x")
    before = set(folder.iterdir())
    assert shown.client.get("/thumbnails/blue-1.png").status_code == 200
    (new,) = set(folder.iterdir()) - before
    earlier = folder / f"{new.name.partition('-')[0]}-256-1-1-1.jpg"  # the file was changed since
    earlier.write_bytes(b"x")
    os.utime(earlier, (1, 1))
    (shown.shell.folder / "docs" / "new.md").write_text("words")
    assert shown.shell("index", QEMBED_MODEL="py:tests.seeing:encoder").code == 0
    assert not stale.exists()
    assert not earlier.exists()
    assert new.exists()
