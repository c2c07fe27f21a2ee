"""Pictures inside other files: documents of their own that know their place."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from qembed.corpus import ReadOptions, read
from qembed.types import Document, LeftOut, ReadItem, SourceFile, Unreadable

pytest.importorskip("PIL")
word = pytest.importorskip("docx")
slides = pytest.importorskip("pptx")

from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.corpus.made import epub, pdf, saved  # noqa: E402


def reading(path: Path, data: bytes, *wanted: str, off: bool = False) -> list[ReadItem]:
    path.write_bytes(data)
    file = SourceFile("s", path.name, str(path), len(data), 1)
    return list(read(file, ReadOptions(pictures=None if off else wanted)))


def pictures(items: list[ReadItem]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        d.id: (d.text, {k: v for k, v in d.meta.items() if k not in ("format",)})
        for d in items
        if isinstance(d, Document) and d.picture is not None
    }


def illustrated(*shown: bytes, text: str = "About boats.") -> bytes:
    document = word.Document()
    if text:
        document.add_paragraph(text)
    for n, data in enumerate(shown, 1):
        document.add_picture(io.BytesIO(data))
        properties = document.inline_shapes[-1]._inline.docPr
        properties.set("descr", f"picture number {n}")
    return saved(document)


def test_word(tmp_path: Path) -> None:
    small = made.saved(made.Image.new("RGB", (8, 8), "red"))
    data = illustrated(made.plain(), made.plain(made.BLUE, "JPEG"), made.plain(), small)
    items = reading(tmp_path / "a.docx", data)
    size = {"width": 60, "height": 40}
    assert pictures(items) == {
        "a.docx#image=1": ("picture number 1", size),
        "a.docx#image=2": ("picture number 2", size),
    }
    texts = [d for d in items if isinstance(d, Document) and d.picture is None]
    assert [(d.id, d.text) for d in texts] == [("a.docx", "About boats.")]
    assert not [i for i in items if isinstance(i, LeftOut)]
    plain = reading(tmp_path / "a.docx", data, off=True)
    assert pictures(plain) == {}
    assert sum(i.count for i in plain if isinstance(i, LeftOut)) == 4


def test_a_file_of_pictures_alone(tmp_path: Path) -> None:
    data = illustrated(made.plain(), text="")
    assert list(pictures(reading(tmp_path / "a.docx", data))) == ["a.docx#image=1"]
    (problem,) = reading(tmp_path / "a.docx", data, off=True)
    assert isinstance(problem, Unreadable)


def test_damage_beside_the_pixels_is_told(tmp_path: Path) -> None:
    out = io.BytesIO(epub("T", {"1.xhtml": "<p>About boats.</p><img src='a.jpg' alt='A boat'/>"}))
    with zipfile.ZipFile(out, "a") as book:
        book.writestr("OPS/a.jpg", made.with_segment(0xE1, b"Exif\0\0" + b"\xff" * 40))
    items = reading(tmp_path / "b.epub", out.getvalue())
    assert [text for text, _ in pictures(items).values()] == ["A boat"]
    assert [i.what for i in items if isinstance(i, LeftOut)] == [
        "EXIF of a picture, which cannot be read"
    ]


def test_one_that_cannot_be_opened_keeps_its_number(tmp_path: Path) -> None:
    bad = made.plain(made.BLUE)[:-40]
    shown = "".join(f"<img src='{name}.png'/>" for name in ("bad", "bad", "worse", "good"))
    out = io.BytesIO(epub("T", {"1.xhtml": f"<p>About boats.</p>{shown}"}))
    with zipfile.ZipFile(out, "a") as book:
        for name, data in (("bad", bad), ("worse", b"GIF89a"), ("good", made.plain())):
            book.writestr(f"OPS/{name}.png", data)
    items = reading(tmp_path / "b.epub", out.getvalue())
    assert list(pictures(items)) == ["b.epub#image=3"]
    assert sum(i.count for i in items if isinstance(i, LeftOut)) == 3


def test_a_picture_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    data = illustrated(made.plain())
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            is_picture = name.endswith(".png")
            new.writestr(name, made.header_only(30_000, 30_000) if is_picture else old.read(name))
    items = reading(tmp_path / "a.docx", broken.getvalue())
    assert pictures(items) == {}
    (left,) = [i for i in items if isinstance(i, LeftOut)]
    assert left.what.startswith(
        "picture word/media/image1.png: 30,000 × 30,000 pixels are too many"
    )


def test_slides(tmp_path: Path) -> None:
    show = slides.Presentation()
    for colour in (made.RED, made.BLUE):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = "Boats"
        shape = slide.shapes.add_picture(io.BytesIO(made.plain(colour)), 0, 0)
        shape._element.nvPicPr.cNvPr.set("descr", f"boat {colour[0]}")
    found = pictures(reading(tmp_path / "a.pptx", saved(show)))
    size = {"width": 60, "height": 40}
    assert found == {
        "a.pptx#image=1": ("boat 220", {**size, "slide": 1}),
        "a.pptx#image=2": ("boat 30", {**size, "slide": 2}),
    }


def test_book(tmp_path: Path) -> None:
    page = (
        "<p>About boats.</p><img src='pics/a%20b.png' alt='A red boat'/><img src='pics/a%20b.png'/>"
        "<img src='http://127.0.0.1:1/x.png'/><img src='../../../etc/passwd.png'/>"
    )
    out = io.BytesIO(epub("T", {"1.xhtml": page}))
    with zipfile.ZipFile(out, "a") as book:
        (chapter,) = [n for n in book.namelist() if n.endswith("1.xhtml")]
        folder = chapter.removesuffix("1.xhtml")
        book.writestr(f"{folder}pics/a b.png", made.plain())
        book.writestr(f"{folder}pics/unused.png", made.plain(made.BLUE))
    items = reading(tmp_path / "a.epub", out.getvalue())
    assert {k: text for k, (text, _) in pictures(items).items()} == {"a.epub#image=1": "A red boat"}
    assert next(d.id for d in items if isinstance(d, Document)) == "a.epub#chapter=1"


def test_pages(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    data = pdf(["One boat", "Two boats"])
    assert pictures(reading(tmp_path / "a.pdf", data)) == {}
    found = pictures(reading(tmp_path / "a.pdf", data, "pages"))
    assert [(k, text, meta["page"]) for k, (text, meta) in found.items()] == [
        ("a.pdf#page-image=1", "One boat", 1),
        ("a.pdf#page-image=2", "Two boats", 2),
    ]
    assert max(found["a.pdf#page-image=1"][1][side] for side in ("width", "height")) == 1024


def test_the_number_of_pictures_of_a_file_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qembed.corpus.readers.converted import Image, Omitted
    from qembed.corpus.readers.pictures import inside

    monkeypatch.setattr(inside, "MAX_PICTURES", 1)
    data = illustrated(made.plain(), made.plain(made.BLUE), made.plain(made.GREEN))
    found = list(inside.office_pictures(data, ()))
    assert [type(f) for f in found] == [Image, Omitted, Omitted]
