"""Word documents: headers, notes, documents inside documents, packages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qembed.corpus.readers.office.docx import docx as convert
from tests.corpus.made import saved
from tests.corpus.ooxml import (
    STRICT,
    Part,
    W,
    docx,
    package,
    rooted,
    run,
    story,
)
from tests.corpus.readers.word import (
    HIDDEN,
    P,
    code,
    field,
    reading,
    text_of,
)

pytest.importorskip("lxml")


# ── beside the text ──────────────────────────────────────────────────────────────────────────────


def test_headers_and_footers_once() -> None:
    def section(key: str, kind: str = "default") -> str:
        refs = f"<w:headerReference r:id='h{key}' w:type='{kind}'/><w:footerReference r:id='f1' w:type='{kind}'/>"
        return f"<w:sectPr>{refs}</w:sectPr>"

    parts = {
        "h1": story("header1", "w:hdr", P("The firm")),
        "h2": story("header2", "w:hdr", P("The firm") + P("Annex")),
        "h3": story("header3", "w:hdr", P("never used")),
        "f1": story(
            "footer1", "w:ftr", f"<w:p>{run('Page ')}{field(code('PAGE'), run('1'))}</w:p>"
        ),
    }
    body = (
        P("a", f"<w:pPr>{section('1')}</w:pPr>")
        + P("b", f"<w:pPr>{section('2')}</w:pPr>")
        + section("1", "first")
    )
    assert text_of(body, **parts) == "a\n\nb\n\nThe firm\n\nAnnex\n\nPage 1"


NOTES = {
    kind: story(
        f"{kind}s",
        f"w:{kind}s",
        f"<w:{kind} w:id='0' w:type='separator'>{P('gone')}</w:{kind}>"
        f"<w:{kind} w:id='2' w:author='Ann'><w:p><w:r><w:{kind}Ref/></w:r>{run(f'the {kind}')}</w:p></w:{kind}>",
    )
    for kind in ("footnote", "endnote", "comment")
}


@pytest.mark.parametrize("kind", NOTES)
def test_notes_stand_after_their_paragraph(kind: str) -> None:
    reference = f"<w:r><w:{kind}Reference w:id='2'/></w:r>"
    note = f"{'Ann: ' if kind == 'comment' else ''}the {kind}"
    body = f"<w:p>{run('Money ')}{reference}{run('comes')}</w:p>{P('next')}"
    assert text_of(body, n=NOTES[kind]) == f"Money comes\n\n{note}\n\nnext"
    # once, however often it is referred to
    assert text_of(body + f"<w:p>{reference}</w:p>", n=NOTES[kind]).count(f"the {kind}") == 1
    # of a deleted or hidden place notes are gone and comments are not
    for gone in (
        f"<w:del w:id='1' w:author='A'>{reference}</w:del>",
        reference.replace("<w:r>", f"<w:r>{HIDDEN}"),
    ):
        found = text_of(f"<w:p>{run('a')}{gone}</w:p>", n=NOTES[kind])
        assert found == ("a\n\nAnn: the comment" if kind == "comment" else "a")
    # what nothing refers to is no loss either
    assert text_of(P("a"), n=NOTES[kind]) == f"a\n\n{note}"


def test_notes_that_cannot_be_read_are_named() -> None:
    text, omitted = reading(docx(P("a"), n=NOTES["footnote"]._replace(data="<w:footnotes")))
    assert text.text == "a"
    assert [what.split(":")[0] for what in omitted] == ["notes"]


# ── documents in documents ───────────────────────────────────────────────────────────────────────

CHUNK = P("before") + "<w:altChunk r:id='c'/>" + P("after")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c.html", "<html><body><h1>x</h1><p>chunk</p></body></html>"),
        ("c.xhtml", '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><h1>x</h1>chunk</body></html>'),
        ("c.txt", "# x\r\n\r\nchunk\r\n"),
        ("c.mht", "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=B\n\n--B\nContent-Type: text/html; "
                  "charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<h1>x</h1>=\nchunk\n--B--\n"),
        ("c.docx", docx(P("x", "<w:pPr><w:outlineLvl w:val='0'/></w:pPr>") + P("chunk"))),
    ],
)  # fmt: skip
def test_chunks_of_other_formats(name: str, data: str | bytes) -> None:
    assert (
        text_of(CHUNK, c=Part(f"word/{name}", "aFChunk", data)) == "before\n\n# x\n\nchunk\n\nafter"
    )


def test_chunks_that_cannot_be_read_are_named() -> None:
    for part in (
        Part("word/c.rtf", "aFChunk", "{\\rtf1 x}"),
        Part("word/c.docx", "aFChunk", b"PK no"),
    ):
        text, omitted = reading(docx(CHUNK, c=part))
        assert text.text == "before\n\nafter"
        assert [what.split(":")[0] for what in omitted] == ["content from elsewhere"]
    assert reading(docx(CHUNK))[1] == {"content from elsewhere": 1}


# ── packages ─────────────────────────────────────────────────────────────────────────────────────


def test_the_strict_form_of_the_standard() -> None:
    body = f"<w:body><w:p><w:hyperlink>{run('strict')}</w:hyperlink></w:p></w:body>"
    root = rooted("w:document", body).replace(W, "http://purl.oclc.org/ooxml/wordprocessingml/main")
    assert (
        reading(package(Part("word/document.xml", "officeDocument", root), base=STRICT))[0].text
        == "strict"
    )


def test_a_document_type_is_refused() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "b">]><w:document xmlns:w="w"><w:body/></w:document>'
    for data in (bomb, bomb.encode("utf-16")):
        with pytest.raises(ValueError, match="document type"):
            list(convert(package(Part("word/document.xml", "officeDocument", data))))


def test_what_is_no_document() -> None:
    with pytest.raises(ValueError, match="no Word document"):
        list(
            convert(
                package(Part("word/document.xml", "officeDocument", rooted("p:presentation", "")))
            )
        )
    with pytest.raises(ValueError, match="does not say where its content is"):
        list(convert(package()))


# ── the reference: every text node of the XML, except those of deletions, hidden text and fields ──


@pytest.mark.slow
def test_every_word_that_python_docx_writes_is_found() -> None:
    from docx import Document

    document: Any = Document()
    document.core_properties.title = "Known"
    words = iter(f"word{n}" for n in range(1000))
    for style in [
        s for s in document.styles if s.type == 1 and not s.name.lower().startswith("toc")
    ]:
        document.add_paragraph(next(words), style=style).add_run(f" {next(words)}").bold = True
    table = document.add_table(3, 3)
    for cell in table._cells:
        cell.text = next(words)
        cell.add_table(1, 2).cell(0, 1).text = next(words)
    table.cell(0, 0).merge(table.cell(1, 1))
    section = document.add_section()
    for story_ in (
        section.header,
        section.footer,
        section.first_page_header,
        section.even_page_footer,
    ):
        story_.is_linked_to_previous = False
        story_.paragraphs[0].text = next(words)
    document.add_comment(document.paragraphs[0].runs, text=next(words), author="Ann")
    text = reading(saved(document))[0].text
    n = int(next(words).removeprefix("word"))
    assert n > 60
    assert {f"word{i}" for i in range(n)} <= set(re.findall(r"\w+", text))
    assert text.count("word0") == 1
