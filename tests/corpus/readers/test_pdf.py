"""PDF: words that a line or a page divides, forms and notes, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.corpus.readers.converted import Broken, Omitted, Text
from qembed.corpus.readers.pdf import joined
from qembed.corpus.readers.pdf import pdf as convert
from tests.corpus.made import pdf, pdf_file

pytest.importorskip("pypdfium2")


def lines(*texts: str) -> str:
    """A page's content of these lines, as `made.pdf` takes it."""
    return ") Tj 14 TL T* (".join(texts)


def text_of(*texts: str) -> str:
    (found,) = convert(pdf([lines(*texts)]))
    assert isinstance(found, Text)
    return found.text


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (("An exam-", "ple of it"), "An example of it"),
        (("an exam-", "ple, and an e-", "mail"), "an example, and an email"),
        (("COVID-", "19 cases"), "COVID-19 cases"),
        (("Jean-", "Paul said"), "Jean-Paul said"),
        (("pre-", "and post-war"), "pre- and post-war"),
        (("well-known", "thing"), "well-known\nthing"),
        (("the end-", ""), "the end-"),
        (("range 3-", "4"), "range 3-\n4"),
        (("dash --", "more"), "dash --\nmore"),
    ],
)
def test_words_that_a_line_divides(texts: tuple[str, ...], wanted: str) -> None:
    assert text_of(*texts) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("exam\x02ple", "example"),
        ("na\xefve\x02t\xe9", "na\xefvet\xe9"),
        ("\u0432\u043e\x02\u0434\u0430", "\u0432\u043e\u0434\u0430"),
        ("A\x02Z and E\x02\xc9", "A-Z and E-\xc9"),
        ("x\x029", "x-9"),
        ("9\x02x", "9-x"),
        ("x\x02", "x-"),
        ("x\x02\ny", "x-\ny"),
        ("exam\u2010\nple", "example"),
        ("exam\xadple and ex\xad\nample", "example and example"),
        ("exam-\n  ple", "example"),
        ("a - b -\nc", "a - b -\nc"),
        ("Vor-\nund Nachteile", "Vor- und Nachteile"),
        ("Br\x02andung", "Brandung"),
    ],
)
def test_hyphens(text: str, wanted: str) -> None:
    assert joined(text) == wanted


def test_words_that_a_page_divides() -> None:
    pages = [
        lines("First", "exam-"),
        lines("ple, of it"),
        lines("over-"),
        lines("9 more"),
        lines("end-"),
        lines("Next"),
    ]
    texts = [item.text for item in convert(pdf(pages)) if isinstance(item, Text)]
    assert texts == ["First\nexample,", "of it", "over-", "9 more", "end-", "Next"]


# ── forms, notes, pictures ───────────────────────────────────────────────────────────────────────

FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def page_of(
    content: str, annotations: tuple[str, ...] = (), catalog: str = "", more: tuple[str, ...] = ()
) -> bytes:
    """A page with this content and these annotations, which are objects 6 and following."""
    refs = " ".join(f"{n} 0 R" for n in range(6, 6 + len(annotations)))
    return pdf_file(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
            "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            FONT,
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Annots [{refs}] "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
            *annotations,
            *more,
        ]
    )


WORDS = "BT /F1 12 Tf 72 700 Td (Body) Tj ET"


def test_forms_and_notes() -> None:
    annotations = (
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (filled in) /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /Widget /FT /Ch /T (c) /V (chosen) /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /Widget /FT /Btn /T (b) /V /Off /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /Text /Contents (a note) /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /FreeText /Contents (typed\ron it) /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /Highlight /Contents (why?) /Rect [9 9 99 29] >>",
        "<< /Type /Annot /Subtype /Link /Contents (gone) /Rect [9 9 99 29] >>",
    )
    catalog = "/AcroForm << /Fields [6 0 R 7 0 R 8 0 R] /DA (/F1 12 Tf) >>"
    (found,) = convert(page_of(WORDS, annotations, catalog))
    assert isinstance(found, Text)
    assert found.text == "Body\nfilled in\nchosen\na note\ntyped\non it\nwhy?"


IMAGE = "q 9 0 0 9 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"


def test_pictures_and_pages_of_pictures_are_named() -> None:
    text, *rest = convert(page_of(f"{WORDS} {IMAGE} {IMAGE}"))
    assert isinstance(text, Text)
    assert rest == [Omitted("picture", 2)]
    for content in (IMAGE, "0 0 m 9 9 l S"):
        with pytest.raises(ValueError, match="no text in it"):
            list(convert(page_of(content)))
    # among others, a page of a scan is a loss, an empty one is none
    empty, scan = pdf_pages(WORDS, ""), pdf_pages(WORDS, IMAGE)
    assert [i for i in convert(empty) if not isinstance(i, Text)] == []
    assert [i for i in convert(scan) if not isinstance(i, Text)] == [
        Omitted("page without text: 2")
    ]


def pdf_pages(*contents: str) -> bytes:
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", FONT]
    kids = []
    for content in contents:
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    return pdf_file(objects)


def test_attachments_are_named() -> None:
    catalog = "/Names << /EmbeddedFiles << /Names [(data.csv) 6 0 R] >> >>"
    files = (
        "<< /Type /Filespec /F (data.csv) /UF (data.csv) /EF << /F 7 0 R >> >>",
        "<< /Type /EmbeddedFile /Length 1 >>\nstream\nx\nendstream",
    )
    _, *rest = convert(page_of(WORDS, (), catalog, files))
    assert rest == [Omitted("attachment: data.csv")]


def test_a_broken_page_is_named_and_the_others_are_read() -> None:
    data = pdf_pages(WORDS, WORDS).replace(b"/Kids [5 0 R 7 0 R]", b"/Kids [5 0 R 99 0 R]")
    items = list(convert(data))
    assert [type(i) for i in items if not isinstance(i, Omitted)] == [Text, Broken]
    assert any(isinstance(i, Broken) and i.error.startswith("page 2:") for i in items)


def test_real_files() -> None:
    for path in Path("/usr/share/doc").glob("*/*.pdf"):
        for item in convert(path.read_bytes()):
            assert not isinstance(item, Text) or "\x02" not in item.text
