"""Pictures from the command line: found with texts, by a picture, by kind; what loads nothing."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytest.importorskip("PIL")

from tests.corpus import pictures as made  # needs Pillow
from tests.seeing import COLOURS

pytestmark = pytest.mark.slow

SEEING = {"QEMBED_MODEL": "py:tests.seeing:encoder"}
TOPICS = ("refund", "parcel", "invoice", "garden", "harbour", "train", "market", "school")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Forty texts about anything, some about colours, and 36 pictures."""
    folder = tmp_path_factory.mktemp("gallery") / "work"
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for i in range(40):
        words = f"{TOPICS[i % 8]} {TOPICS[(i // 8 + i) % 8]} number {i}"
        (docs / f"text{i}.md").write_text(f"The {words} of the house.\n")
    (docs / "door.md").write_text("Red is the colour of the door.\n")
    for name, colour in COLOURS.items():
        for i in range(6):
            near = tuple(min(255, c + 3 * i) for c in colour)
            (docs / f"p-{name}{i}.png").write_bytes(made.plain(near))
    shell = Shell(folder)
    assert shell("index", "docs", **SEEING).code == 0
    return shell


def names(shell: Shell, *args: str) -> list[str]:
    return [hit["document"] for hit in shell("query", *args, "--format", "jsonl").lines]


def test_text_finds_pictures_and_texts(gallery: Shell) -> None:
    hits = gallery("query", "red", "--mode", "dense", "-k", "7", "--format", "jsonl").lines
    assert {h["document"] for h in hits} == {"door.md", *(f"p-red{i}.png" for i in range(6))}
    assert {h["document"]: h["kind"] for h in hits}["door.md"] == "text"
    assert [h["kind"] for h in hits].count("image") == 6
    assert [h["score"] for h in hits] == sorted((h["score"] for h in hits), reverse=True)


def test_scores_stay_cosines(shell: Shell) -> None:
    """Nearly all pictures are alike: by deviations alone one of them would be at 1.6."""
    for i in range(8):
        shell.write(f"docs/text{i}.md", f"The {TOPICS[i]} has a {['red', 'blue'][i % 2]} door.\n")
    for i in range(14):
        colour = COLOURS["red"] if i else COLOURS["blue"]
        (shell.folder / "docs" / f"p{i}.png").write_bytes(made.plain((colour[0] + i, *colour[1:])))
    assert shell("index", "docs", **SEEING).code == 0
    for words, best in (("red", "p1.png"), ("blue", "p0.png")):
        asked = ("query", words, "--mode", "dense", "-k", "99", "--format", "jsonl")
        hits = shell(*asked, "--min-score=-1").lines
        assert len(hits) == 22
        assert hits[0]["document"] == best
        assert all(-1 <= h["score"] <= 1 for h in hits)
        pictures = [h["document"] for h in hits if h["kind"] == "image"]
        assert pictures == names(shell, *asked[1:6], "--kind", "image")


def test_a_query_of_texts_does_not_find_pictures_first(gallery: Shell) -> None:
    top = names(gallery, "refund parcel", "--mode", "dense", "-k", "3")
    assert all(name.startswith("text") for name in top)


def test_kinds(gallery: Shell) -> None:
    assert names(gallery, "red", "--kind", "text", "-k", "1", "--mode", "dense") == ["door.md"]
    pictures = names(gallery, "red", "--kind", "image", "-k", "50")
    assert len(pictures) == 36
    assert set(pictures[:6]) == {f"p-red{i}.png" for i in range(6)}
    # within one kind nothing is calibrated
    raw = gallery(
        "query", "red", "--kind", "image", "-k", "1", "--mode", "dense", "--format", "json"
    )
    assert raw.json["queries"][0]["hits"][0]["score"] < 0.7
    filtered = names(gallery, "red", "--kind", "image", "--where", "width < 10")
    assert filtered == []


def test_a_picture_finds_pictures(gallery: Shell) -> None:
    asked = str(gallery.folder / "docs" / "p-blue0.png")
    done = gallery("query", "--image", asked, "-k", "3", "--format", "jsonl")
    assert {h["document"][:6] for h in done.lines} == {"p-blue"}
    assert done.lines[0]["query"] == asked
    assert done.lines[0]["score"] == pytest.approx(1, abs=1e-3)
    assert len(names(gallery, "--image", asked, "-k", "90")) == 36
    texts = names(gallery, "--image", asked, "--kind", "text", "-k", "2")
    assert len(texts) == 2
    logged = gallery("query", "--image", asked, "-k", "1", "--log")
    assert (logged.code, "is not logged" in logged.err, "logged as" in logged.err) == (
        0,
        True,
        False,
    )


def test_text_output(gallery: Shell) -> None:
    out = gallery("query", "green", "-k", "1").out
    assert "docs/p-g" in out
    assert "picture, 60 × 40" in out


def test_a_reranker_reads_texts_only(gallery: Shell) -> None:
    plain = gallery("query", "red door", "-k", "10", "--mode", "dense", "--format", "jsonl").lines
    done = gallery(
        "query", "red door", "-k", "10", "--mode", "dense", "--candidates", "10", "--format", "jsonl",
        "--rerank", "py:qembed.testing:reranker",
    )  # fmt: skip
    assert done.code == 0
    for before, after in zip(plain, done.lines, strict=True):
        assert before["kind"] == after["kind"]
        if after["kind"] == "image":
            assert before["document"] == after["document"]
            assert after["scores"]["rerank"] is None
        else:
            assert after["scores"]["rerank"] is not None


def test_similar_and_reranked_pictures_are_named(gallery: Shell) -> None:
    like = gallery("similar", "p-blue0.png", "-k", "2", "--format", "jsonl").lines
    assert [(h["kind"], h["document"][:6], h["line"]) for h in like] == [
        ("image", "p-blue", None)
    ] * 2
    other = gallery.folder / "other.webp"
    other.write_bytes(made.plain((30, 60, 221), "WEBP"))
    near = gallery("similar", "other.webp", "-k", "6", "--format", "jsonl").lines
    assert {h["document"][:6] for h in near} == {"p-blue"}
    other.write_bytes(b"no picture")
    assert "no picture in a format" in gallery("similar", "other.webp").err
    hits = gallery("query", "green", "--kind", "image", "-k", "2", "--format", "jsonl").out
    done = gallery(
        "rerank", "--model", "py:qembed.testing:reranker", "--format", "text", stdin=hits
    )
    assert done.out.count("picture, 60 × 40") == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--image", "docs/text1.md"), "no picture in a format that is read"),
        (("--image", "gone.png"), "--image gone.png: no such file"),
        (("--image", "http://a.example/b.png"), "--image http://a.example/b.png: no such file"),
        (("--image", "docs/p-red0.png", "words"), "goes without TEXT"),
    ],
)
def test_mistakes(gallery: Shell, args: tuple[str, ...], message: str) -> None:
    done = gallery("query", *args)
    assert done.code == 2
    assert message in done.err


def test_a_model_of_texts(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    (shell.folder / "a.png").write_bytes(made.plain())
    shell("index", "docs")
    refused = shell("query", "--image", "a.png")
    assert (refused.code, "reads no pictures" in refused.err) == (2, True)
    done = shell("query", "page", "--kind", "image")
    assert (done.code, done.out) == (0, "no hits\n")
    assert "the index has no pictures" in done.err


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """(address of a server of pictures, the connections that came)."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            while True:
                try:
                    came.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=wait, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/bicycle.png", came
        server.shutdown(socket.SHUT_RDWR)


OPENED: list[str] = []
WATCHED: list[str] = []


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and WATCHED and str(args[0]).endswith(tuple(WATCHED)):
        OPENED.append(str(args[0]))


def test_texts_that_name_pictures_load_nothing(
    shell: Shell, listener: tuple[str, list[object]], tmp_path: Path
) -> None:
    """A hook sees what Python opens, a server who asks it; the same texts are queries, too."""
    address, came = listener
    picture = tmp_path / "secret-bicycle.png"
    picture.write_bytes(made.plain())
    texts = (str(picture), address, f"![a bicycle]({address})")
    lines = [json.dumps({"_id": str(i), "text": t}) for i, t in enumerate(texts)]
    shell.write("docs/a.jsonl", "\n".join(lines))
    shell.write("docs/b.md", f"{picture}\n")
    shell.write("docs/c.html", f"<img src='{address}'><img src='file://{picture}'><p>words</p>")
    outside = os.path.relpath(picture, shell.folder / "docs")
    shell.write("docs/d.html", f"<img src='{outside}' alt='a bicycle'><img src='{picture}'>")
    shell.write("docs/e.md", f"![a]({outside}) ![b]({address}) ![c](own.png)\n\n[b]: {picture}\n")
    (shell.folder / "docs" / "own.png").write_bytes(made.plain())  # or no page is looked at
    sys.addaudithook(_watch)
    WATCHED.append("secret-bicycle.png")
    try:
        assert shell("index", "docs", **SEEING).code == 0
        for text in texts:
            assert shell("query", text).code == 0
        assert shell("query", "red", "--where", "shown_in = 'e.md'", "--format", "paths").out
    finally:
        WATCHED.clear()
    assert OPENED == []
    assert came == []
    picture.read_bytes()
    WATCHED.append("secret-bicycle.png")
    assert picture.read_bytes()
    assert OPENED, "the hook sees nothing"
    WATCHED.clear()
