"""Picture files: each ends in a picture or in a named reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers.pictures import file_parts
from qembed.corpus.readers.pictures.captions import with_captions, words_of_name
from qembed.corpus.readers.pictures.file_parts import EXIF, without_damaged
from qembed.types import Document, LeftOut, ReadItem, Skipped, SourceFile, Unreadable

images = pytest.importorskip("PIL.Image")

from tests.corpus import pictures as made  # noqa: E402  # needs Pillow


def reading(path: Path, data: bytes, *wanted: str, name: str = "") -> list[ReadItem]:
    path.write_bytes(data)
    file = SourceFile("s", name or path.name, str(path), len(data), 1)
    return list(read(file, ReadOptions(pictures=wanted)))


def document(path: Path, data: bytes, *wanted: str) -> Document:
    (found,) = reading(path, data, *wanted)
    assert isinstance(found, Document), found
    return found


def pixels(found: Document) -> np.ndarray:
    assert found.picture is not None
    opened = images.open(io.BytesIO(found.picture.png))
    assert (opened.format, opened.mode) == ("PNG", "RGB")
    return np.asarray(opened).astype(int)


@pytest.mark.parametrize(
    ("suffix", "data", "colour"),
    [
        ("png", made.plain(), made.RED),
        ("jpg", made.plain(kind="JPEG", quality=95), made.RED),
        ("jpeg", made.plain((0, 255, 255, 0), "JPEG", "CMYK", quality=95), (255, 0, 0)),
        ("webp", made.plain(kind="WEBP", lossless=True), made.RED),
        ("bmp", made.plain(kind="BMP"), made.RED),
        ("tif", made.plain(kind="TIFF"), made.RED),
        ("gif", made.frames("GIF"), made.RED),
        ("webp", made.frames("WEBP"), made.RED),
        ("png", made.plain(40_000, mode="I;16"), (156, 156, 156)),
        ("tiff", made.plain(0.5, "TIFF", "F"), (255, 255, 255)),
        ("png", made.plain((1, 2, 3, 0), mode="RGBA"), (255, 255, 255)),
        ("gif", made.plain(0, "GIF", "P", transparency=0), (255, 255, 255)),
        ("png", made.plain(kind="JPEG", quality=95), made.RED),  # the suffix lies
    ],
)
def test_every_kind_becomes_rgb(
    tmp_path: Path, suffix: str, data: bytes, colour: tuple[int, int, int]
) -> None:
    found = document(tmp_path / f"a-picture.{suffix}", data)
    shown = pixels(found)
    assert shown.shape == (40, 60, 3)
    assert np.abs(shown - np.array(colour)).max() <= 4
    assert (found.meta["width"], found.meta["height"]) == (60, 40)
    assert found.text == "a picture"


def test_one_picture_in_two_formats_has_one_digest(tmp_path: Path) -> None:
    png = document(tmp_path / "a.png", made.plain())
    bmp = document(tmp_path / "b.bmp", made.plain(kind="BMP"))
    other = document(tmp_path / "c.png", made.plain(made.BLUE))
    assert png.picture
    assert bmp.picture
    assert other.picture
    assert png.picture.digest == bmp.picture.digest != other.picture.digest
    assert png.digest != other.digest


def test_large_ones_are_shrunk_and_keep_their_shape(tmp_path: Path) -> None:
    found = document(tmp_path / "a.jpg", made.saved(images.new("RGB", (3000, 1500)), "JPEG"))
    assert pixels(found).shape == (512, 1024, 3)
    assert (found.meta["width"], found.meta["height"]) == (3000, 1500)


def test_what_a_camera_writes(tmp_path: Path) -> None:
    found = document(tmp_path / "IMG_1.jpg", made.with_exif())
    assert pixels(found).shape == (60, 40, 3)
    assert found.text == "A boat on the lake"
    assert found.meta == {
        "width": 40, "height": 60, "format": "JPEG", "taken": "2021-07-04T12:30:00",
    }  # fmt: skip
    there = document(tmp_path / "IMG_1.jpg", made.with_exif(), "place")
    assert (there.meta["latitude"], there.meta["longitude"]) == (-33.5, 151.26)


def test_a_time_that_is_no_date_is_left_out(tmp_path: Path) -> None:
    for taken in ("0000:00:00 00:00:00", "2021:13:45 12:30:00", "    :  :     :  :  "):
        found = document(tmp_path / "IMG_1.jpg", made.with_exif(taken), "place")
        assert "taken" not in found.meta
        assert found.meta["latitude"] == -33.5, "other facts are read all the same"


ODD = b"II*\0\x08\0\0\0\2\0" + struct.pack("<HHIHHHHII", 0x0112, 3, 1, 6, 0, 0x010E, 5, 1, 0)
"""EXIF that turns a picture, and has a fraction for its description."""
JUNK = b"\xff\xff" * 20
BIG = zlib.compress(b"a " * 1_600_000)
"""More than Pillow unpacks of a text."""
LOST_TEXT = "text in a picture's file, which cannot be read"


@pytest.mark.parametrize(
    ("data", "size", "lost"),
    [
        (made.with_segment(0xE1, b"Exif\0\0" + JUNK), (60, 40), [EXIF]),
        (made.plain(kind="WEBP", lossless=True, exif=JUNK), (60, 40), [EXIF]),
        (made.with_chunks(made.chunk(b"eXIf", JUNK)), (60, 40), [EXIF]),
        (made.with_segment(0xE1, b"Exif\0\0" + ODD), (40, 60), []),
        (made.with_segment(0xE2, b"ICC_PROFILE\0"), (60, 40), []),
        (made.with_segment(0xEE, b"Adobe\0"), (60, 40), []),
        (made.with_chunks(made.chunk(b"zTXt", b"Description\0\0" + BIG)), (60, 40), [LOST_TEXT]),
        (made.with_chunks(behind=made.chunk(b"iTXt", b"Title\0\1\0\0\0" + BIG)), (60, 40), [LOST_TEXT]),
        (made.with_chunks(made.chunk(b"tEXt", b"Title\0a boat", 7)), (60, 40), [LOST_TEXT]),
        (made.with_chunks(made.chunk(b"iCCP", b"p\0\0" + BIG)), (60, 40), []),
        (made.with_chunks(made.chunk(b"gAMA", b"")), (60, 40), []),
    ],
)  # fmt: skip
def test_damage_beside_the_pixels_costs_what_is_damaged(
    tmp_path: Path, data: bytes, size: tuple[int, int], lost: list[str]
) -> None:
    found, *others = reading(tmp_path / "a.png", data)
    assert isinstance(found, Document)
    assert (found.meta["width"], found.meta["height"]) == size
    shown = pixels(found)
    assert shown.shape == (*size[::-1], 3)
    assert np.abs(shown - np.array(made.RED)).max() <= 4
    assert others == [LeftOut(str(tmp_path / "a.png"), what, 1) for what in lost]


def test_what_is_whole_beside_damage_is_read(tmp_path: Path) -> None:
    data = made.with_chunks(
        made.chunk(b"tEXt", b"Title\0A boat"),
        made.chunk(b"zTXt", b"Description\0\0" + BIG),
        made.chunk(b"tRNS", struct.pack(">HHH", *made.RED)),
    )
    found, _ = reading(tmp_path / "a.png", data)
    assert isinstance(found, Document)
    assert found.text == "A boat"
    assert (pixels(found) == 255).all()
    short = made.with_chunks(made.chunk(b"zTXt", b"Description\0\0" + BIG))[:-30]
    (problem,) = reading(tmp_path / "a.png", short)
    assert type(problem) is Unreadable
    assert "truncated" in problem.error


def test_damage_is_looked_for_in_some_parts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million of them would take all of the time that a file has."""
    damaged = made.chunk(b"gAMA", b"")
    assert without_damaged(made.with_chunks(*[damaged] * 6)) == (made.plain(), ())
    monkeypatch.setattr(file_parts, "MAX_PARTS", 5)
    assert without_damaged(made.with_chunks(*[damaged] * 6)) is None
    assert without_damaged(made.with_chunks(damaged)[:60]) is not None
    assert without_damaged(made.header_only(3, 3)) is None


def test_a_tiff_that_is_cut_off_behind_its_first_page(tmp_path: Path) -> None:
    data = made.frames("TIFF")
    found, left = reading(tmp_path / "a.tif", data[: len(data) // 2])
    assert isinstance(found, Document)
    assert left == LeftOut(str(tmp_path / "a.tif"), "further page of a picture", 1)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "WEBP"])
def test_sizes_are_those_that_are_shown(tmp_path: Path, kind: str) -> None:
    exif = images.Exif()
    exif[0x0112] = 6
    found = document(tmp_path / "a.png", made.plain(kind=kind, exif=exif))
    assert (found.meta["width"], found.meta["height"]) == (40, 60)
    assert pixels(found).shape == (60, 40, 3)


def test_pages_of_a_tiff_that_are_not_read_are_named(tmp_path: Path) -> None:
    _, left = reading(tmp_path / "a.tif", made.frames("TIFF"))
    assert left == LeftOut(str(tmp_path / "a.tif"), "further page of a picture", 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (made.header_only(30_000, 30_000), "30,000 × 30,000 pixels are too many"),
        (made.plain()[:60], "truncated"),
        (made.saved(images.effect_noise((300, 300), 50), "JPEG")[:2000], "truncated"),
        (b"hello", "its content is no picture in a format that is read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "no picture in a format"),
    ],
    ids=["bomb", "truncated png", "truncated jpeg", "text", "postscript"],
)
def test_what_is_no_picture_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    (found,) = reading(tmp_path / "a.png", data)
    assert type(found) is Unreadable
    assert reason in found.error


def test_empty_files_are_skipped(tmp_path: Path) -> None:
    (found,) = reading(tmp_path / "a.png", b"")
    assert type(found) is Skipped


def test_captions_beside_the_file(tmp_path: Path) -> None:
    for name, text in (("a.caption", "by its stem"), ("a.jpg.txt", "by its name")):
        (tmp_path / name).write_text(text)
        assert document(tmp_path / "a.jpg", made.plain(kind="JPEG")).text == text
    both = document(tmp_path / "a.jpg", made.with_exif()).text
    assert both == "by its name\nA boat on the lake"


def test_a_changed_caption_changes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(made.plain())
    file = SourceFile("s", "a.jpg", str(path), 100, 5, 5)
    assert with_captions(file) == file
    (tmp_path / "a.txt").write_text("words")
    assert with_captions(file) > file
    assert with_captions(file).size == 105
    text = file._replace(name="a.md")
    assert with_captions(text) == text


def test_links_are_no_captions(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a key")
    (tmp_path / "a.txt").symlink_to(secret)
    assert document(tmp_path / "a.png", made.plain()).text == "a"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x/red-bicycle_2.png", "red bicycle 2"),
        ("ourHouse.JPG", "our House"),
        ("___.png", "___.png"),
    ],
)
def test_words_of_a_name(name: str, words: str) -> None:
    assert words_of_name(name) == words


def test_without_pictures_the_file_is_binary(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(made.plain())
    file = SourceFile("s", path.name, str(path), path.stat().st_size, 1)
    (found,) = read(file, ReadOptions())
    assert isinstance(found, Skipped)
