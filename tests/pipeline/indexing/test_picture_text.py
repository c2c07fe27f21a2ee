"""Text in pictures, `index --pictures ocr`: found by words and by meaning, read again with the option."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

images = pytest.importorskip("PIL.Image")
pytest.importorskip("rapidocr")

from PIL import ImageDraw, ImageFont  # noqa: E402

from qembed.corpus.readers.converted import Image, Omitted  # noqa: E402
from qembed.corpus.readers.pictures import ocr  # noqa: E402
from qembed.corpus.readers.sandbox import ReaderProcess  # noqa: E402
from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.corpus.made import pdf, saved  # noqa: E402

pytestmark = pytest.mark.slow  # models of OCR are loaded
MODEL = "py:tests.seeing:encoder"


def written(*lines: str) -> bytes:
    """A picture with lines of text."""
    picture = images.new("RGB", (480, 400), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=30)
    for n, line in enumerate(lines):
        draw.text((40, 30 + 70 * n), line, fill="black", font=font)
    return made.saved(picture)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    from docx import Document

    folder = tmp_path_factory.mktemp("written") / "work"
    docs = folder / "docs"
    docs.mkdir(parents=True)
    (docs / "sign.png").write_bytes(written("zebra crossing", "invoice number 4711"))
    (docs / "sign.caption").write_text("A sign at the road")
    (docs / "red.png").write_bytes(made.plain())
    (docs / "note.md").write_text("Refunds take five days.\n")
    report = Document()
    report.add_paragraph("The report.")
    report.add_picture(io.BytesIO(written("quarterly turnover")))
    (docs / "report.docx").write_bytes(saved(report))
    made_shell = Shell(folder)
    made_shell.old()
    done = made_shell("index", "docs", "--pictures", "ocr", QEMBED_MODEL=MODEL)
    assert done.code == 0, done.err
    return made_shell


def found(shell: Shell, *args: str) -> list[dict[str, object]]:
    return shell("query", *args, "--format", "jsonl", QEMBED_MODEL=MODEL).lines


def test_it_is_found_by_words_and_by_meaning(shell: Shell) -> None:
    (hit,) = found(shell, "zebra", "--mode", "lexical")
    assert (hit["document"], hit["kind"]) == ("sign.png", "text")
    assert len(str(hit["picture"])) == 32
    assert str(hit["text"]).lower().split() == ["zebra", "crossing", "invoice", "number", "4711"]
    assert found(shell, "turnover", "--mode", "lexical")[0]["document"] == "report.docx#image=1"
    assert found(shell, "zebra crossing", "--mode", "dense", "-k", "1")[0]["document"] == "sign.png"
    # the caption and the pixels are a passage of their own
    (caption,) = found(shell, "road", "--mode", "lexical")
    assert (caption["kind"], caption["text"]) == ("image", "A sign at the road")
    pictures = found(shell, "white", "--kind", "image", "-k", "9", "--mode", "dense")
    assert sorted(str(h["document"]) for h in pictures) == [
        "red.png",
        "report.docx#image=1",
        "sign.png",
    ]
    texts = found(shell, "white", "--kind", "text", "-k", "9", "--mode", "dense")
    assert sorted(str(h["document"]) for h in texts) == [
        "note.md",
        "report.docx",
        "report.docx#image=1",
        "sign.png",
    ]
    shown = shell("query", "zebra", "--mode", "lexical").out
    assert "text in a picture, 480 × 400" in shown
    # the passages around are those of the picture
    (around,) = found(shell, "zebra", "--mode", "lexical", "--context", "1")
    assert str(around["text"]).startswith("A sign at the road\n\nzebra")


def test_the_option_is_remembered_and_changed(shell: Shell) -> None:
    status = shell("status", "--format", "json", QEMBED_MODEL=MODEL).json
    assert (status["pictures"], status["documents"], status["passages"]) == (["ocr"], 5, 7)
    assert "with pictures (ocr)" in shell("status").out
    again = shell("index", "--format", "json", QEMBED_MODEL=MODEL).json
    assert (again["documents"]["unchanged"], again["passages"]["encoded"]) == (5, 0)
    plain = shell("index", "--pictures", "plain", "--format", "json", QEMBED_MODEL=MODEL).json
    assert (plain["documents"]["changed"], plain["documents"]["unchanged"]) == (2, 3)
    assert plain["passages"]["encoded"] == 0, "the pictures are known"
    assert found(shell, "zebra", "--mode", "lexical") == []
    shell("index", QEMBED_MODEL=MODEL)
    assert found(shell, "zebra", "--mode", "lexical") == []
    back = shell("index", "--pictures", "ocr", "--format", "json", QEMBED_MODEL=MODEL).json
    assert back["documents"]["changed"] == 2
    assert found(shell, "zebra", "--mode", "lexical")[0]["document"] == "sign.png"


def test_pages_of_a_scanned_pdf(tmp_path: Path) -> None:
    """A page that has no text is read as a picture; one that has says its text itself."""
    pytest.importorskip("pypdfium2")
    pages = (images.open(io.BytesIO(written(line))) for line in ("harbour dues", "lock keeper"))
    scans = [page.crop((0, 0, 480, 100)) for page in pages]  # few pixels: they take the time
    scanned = io.BytesIO()
    scans[0].save(scanned, "PDF", save_all=True, append_images=scans[1:])
    shell = Shell(tmp_path / "work")
    (shell.folder / "docs").mkdir(parents=True)
    (shell.folder / "docs" / "scan.pdf").write_bytes(scanned.getvalue())
    (shell.folder / "docs" / "typed.pdf").write_bytes(pdf(["A ferry timetable"]))
    shell.old()
    done = shell("index", "docs", "--pictures", "ocr", "--pictures", "pages", QEMBED_MODEL=MODEL)
    assert done.code == 0, done.err
    (hit,) = found(shell, "keeper", "--mode", "lexical")
    assert (hit["document"], hit["kind"]) == ("scan.pdf#page-image=2", "text")
    assert str(hit["text"]).lower().split() == ["lock", "keeper"]
    assert found(shell, "harbour", "--mode", "lexical")[0]["document"] == "scan.pdf#page-image=1"
    typed = found(shell, "timetable", "--mode", "lexical")
    assert {(h["document"], h["kind"]) for h in typed} == {
        ("typed.pdf#page=1", "text"),
        ("typed.pdf#page-image=1", "image"),
    }
    pictures = found(shell, "white", "--kind", "image", "-k", "9", "--mode", "dense")
    assert len(pictures) == 3
    assert shell("verify").code == 0


def test_a_picture_is_compared_by_its_pixels(shell: Shell) -> None:
    near = shell("similar", "sign.png", "-k", "3", "--format", "jsonl", QEMBED_MODEL=MODEL).lines
    assert [h["document"] for h in near[:2]] == ["report.docx#image=1", "red.png"]
    assert near[0]["kind"] == "image"


def test_words_of_the_option(shell: Shell) -> None:
    done = shell("index", "--pictures", "plain", "--pictures", "ocr", QEMBED_MODEL=MODEL)
    assert (done.code, "plain goes without others" in done.err) == (2, True)


def test_without_the_extra(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qembed.pipeline.indexing.pictures.options.find_spec", lambda _: None)
    for args in (("--pictures", "ocr"), ()):
        done = shell("index", *args, QEMBED_MODEL=MODEL)
        assert done.code == 2
        assert "pip install 'qembed-search[ocr]'" in done.err


def test_a_picture_whose_text_cannot_be_read_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "ocr.yaml"
    config.write_text("Global: {}\n")
    monkeypatch.setenv(ocr.CONFIG_VARIABLE, str(config))
    process = ReaderProcess()
    try:
        picture, left = process.convert(".png", written("words"), pictures=("ocr",))
    finally:
        process.close()
    assert isinstance(picture, Image)
    assert (picture.written, picture.meta["width"]) == ("", 480)
    assert isinstance(left, Omitted)
    assert left.what.startswith("text in the picture: ")


def test_the_time_of_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "SECONDS", -1.0)
    reader = ocr.TextInPictures(("ocr",))
    assert [reader.read("a", pixels) for pixels in (lambda _: images.new("RGB", (9, 9)),) * 3] == [
        ""
    ] * 3
    ((what, number),) = reader.left_out()
    assert (what, number) == ("text in a picture, beyond the time of one file", 3)
    assert list(ocr.TextInPictures(()).left_out()) == []
