"""Office files and books from the command line."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.corpus import ooxml
from tests.corpus.made import epub, pdf

pytest.importorskip("pypdfium2")


def test_both_readings_of_a_divided_word_are_found(shell: Shell) -> None:
    (shell.folder / "a.pdf").write_bytes(
        pdf([") Tj 14 TL T* (".join(("write an e-", "mail to the co-", "operative"))])
    )
    assert shell("index", "a.pdf").code == 0
    for query in ("email", "e-mail", "cooperative", "co-operative", '"e-mail"', '"co-operative"'):
        hits = shell("query", query, "--mode", "lexical", "--format", "jsonl").lines
        assert [hit["document"] for hit in hits] == ["a.pdf#page=1"], query


def test_a_book_without_text_is_named(shell: Shell) -> None:
    (shell.folder / "a.epub").write_bytes(epub("T", {"1.xhtml": ""}))
    done = shell("index", "a.epub", "--format", "json")
    assert done.code == 4
    assert [f["error"] for f in done.json["failed"]] == [
        "not EPUB that can be read: no text in it (no chapters)"
    ]
    assert "cannot read" in done.err


def test_a_broken_chapter_is_named_and_the_others_are_found(shell: Shell) -> None:
    (shell.folder / "a.epub").write_bytes(epub("T", {"../gone.xhtml": "", "2.xhtml": "words"}))
    done = shell("index", "a.epub")
    assert done.code == 4
    assert "chapter 1 (gone.xhtml): not in the archive" in done.err
    (hit,) = shell("query", "words", "--format", "jsonl").lines
    assert (hit["document"], hit["fragment"]) == ("a.epub#chapter=2", "chapter=2")
    assert shell("query", "words", "--format", "paths").out.split() == ["a.epub"]


@pytest.mark.parametrize(
    "suffix", ["docx", "docm", "dotx", "pptx", "pptm", "ppsx", "xlsx", "xlsm", "xltx"]
)
@pytest.mark.slow
def test_parts_left_out_of_every_format(shell: Shell, suffix: str) -> None:
    pic = "<{0}:pic><{0}:nvPicPr><{0}:cNvPr id='1' name='x' descr='a map'/></{0}:nvPicPr></{0}:pic>"
    if suffix[0] == "d":
        inner = f"<w:drawing><wp:inline>{pic.format('pic')}</wp:inline></w:drawing>"
        data = ooxml.docx(f"{ooxml.paragraph('words')}<w:p><w:r>{inner}</w:r></w:p>")
    elif suffix[0] == "p":
        data = ooxml.pptx(ooxml.slide(1, ooxml.sp(ooxml.body("words")) + pic.format("p")))
    else:
        drawing = ooxml.Part("xl/d.xml", "drawing", ooxml.rooted("xdr:wsDr", pic.format("xdr")))
        row = '<row><c t="inlineStr"><is><t>words</t></is></c></row>'
        data = ooxml.xlsx(ooxml.sheet(1, row, d=drawing))
    (shell.folder / f"a.{suffix}").write_bytes(data)
    done = shell("index", f"a.{suffix}", "-v", "--format", "json")
    assert done.code == 0, done.err
    assert {k: done.json["left_out"][k] for k in ("files", "parts")} == {"files": 1, "parts": 1}
    assert f"a.{suffix}: picture: a map" in done.err
    assert shell("query", "words", "--format", "paths").out.startswith(f"a.{suffix}")
