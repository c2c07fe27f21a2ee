"""All words of random documents of Word, PowerPoint and Excel are found once, or named as left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.corpus.readers.office.docx import docx as read_docx
from qembed.corpus.readers.office.pptx import pptx as read_pptx
from qembed.corpus.readers.office.xlsx import xlsx as read_xlsx
from tests.corpus.ooxml import (
    Part,
    body,
    docx,
    frame,
    pptx,
    rooted,
    sheet,
    slide,
    sp,
    story,
    tree,
    xlsx,
)
from tests.corpus.readers.planted_words import Tree, Words, check, converted, trees

pytest.importorskip("lxml")


# ── Word ─────────────────────────────────────────────────────────────────────────────────────────

RUNS = [
    "<w:ins w:id='1'>{}</w:ins>",
    "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>",
    "<w:hyperlink>{}</w:hyperlink>",
    "<w:smartTag>{}</w:smartTag>",
    "<w:fldSimple w:instr='gone0'>{}</w:fldSimple>",
    "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>gone0</w:instrText></w:r>"
    "<w:r><w:fldChar w:fldCharType='separate'/></w:r>{}<w:r><w:fldChar w:fldCharType='end'/></w:r>",
    "<w:r><w:ruby><w:rt>{}</w:rt><w:rubyBase/></w:ruby></w:r>",
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'>{}</mc:Choice><mc:Fallback><w:r><w:t>gone0</w:t></w:r>"
    "</mc:Fallback></mc:AlternateContent></w:r>",
    "<w:r><w:drawing><wp:inline><wpg:wgp><wps:wsp><wps:txbx><w:txbxContent><w:p>{}</w:p></w:txbxContent></wps:txbx>"
    "</wps:wsp></wpg:wgp></wp:inline></w:drawing></w:r>",
    "<w:r><w:pict><v:group><v:shape><v:textbox><w:txbxContent><w:p>{}</w:p></w:txbxContent></v:textbox></v:shape>"
    "</v:group></w:pict></w:r>",
]


BLOCKS = [
    "<w:p>{}</w:p>",
    "<w:sdt><w:sdtContent><w:p>{}</w:p></w:sdtContent></w:sdt>",
    "<w:customXml><w:p>{}</w:p></w:customXml>",
    "<w:tbl><w:tr><w:tc><w:p>{}</w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>",
    "<w:tbl><w:sdt><w:sdtContent><w:tr><w:tc><w:p>{}</w:p></w:tc></w:tr></w:sdtContent></w:sdt></w:tbl>",
    "<w:tbl><w:tr><w:tc><w:tbl><w:tr><w:tc><w:p>{}</w:p></w:tc><w:tc/></w:tr></w:tbl></w:tc><w:tc/></w:tr></w:tbl>",
    "<mc:AlternateContent><mc:Choice Requires='x'/><mc:Fallback><w:p>{}</w:p></mc:Fallback></mc:AlternateContent>",
]


LOST = [
    "<w:del w:id='1'><w:r><w:delText>{0}</w:delText></w:r></w:del>",
    "<w:moveFrom w:id='1'><w:r><w:t>{0}</w:t></w:r></w:moveFrom>",
    "<w:r><w:rPr><w:vanish/></w:rPr><w:t>{0}</w:t></w:r>",
    "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:t>{0}</w:t></w:r><w:r><w:fldChar w:fldCharType='end'/></w:r>",
    "<w:r><w:instrText>{0}</w:instrText></w:r>",
]


def runs(parts: list[Tree], words: Words) -> str:
    out = []
    for part in parts:
        if part == "gone":
            word = words.next("gone")
            out.append(
                LOST[len(word) % len(LOST)].format(word)
                + LOST[words.made["gone"] % len(LOST)].format(word)
            )
        elif isinstance(part, str):
            out.append(f"<w:r><w:t> {words.next(part)} </w:t></w:r>")
        else:
            kind, inner = part
            out.append(RUNS[kind].format(runs([*inner, "seen"], words)))
    return "".join(out)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(BLOCKS) - 1), trees(len(RUNS))), max_size=4))
@pytest.mark.slow
def test_word(blocks: list[tuple[int, list[Tree]]]) -> None:
    words = Words()
    made = "".join(BLOCKS[kind].format(runs(parts, words)) for kind, parts in blocks)
    check(converted(read_docx, docx(made))[0], words)


# ── PowerPoint ───────────────────────────────────────────────────────────────────────────────────

SHAPES = [
    "<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>{}</p:grpSp>",
    "<mc:AlternateContent><mc:Choice Requires='x'>{}</mc:Choice><mc:Fallback>"
    + sp(body("gone0"))
    + "</mc:Fallback>"
    "</mc:AlternateContent>",
    "<mc:AlternateContent><mc:Choice Requires='x'><p:contentPart/></mc:Choice><mc:Fallback>{}</mc:Fallback>"
    "</mc:AlternateContent>",
    "<p:unknown>{}</p:unknown>",
]


def shapes(parts: list[Tree], words: Words) -> str:
    out = []
    for part in parts:
        if part == "gone":
            out.append(
                sp(body(words.next("gone")), about="hidden='1'")
                + sp(body(words.next("gone")), "sldNum")
            )
        elif isinstance(part, str):
            cell = f"<a:tc>{body(words.next(part)).replace('p:txBody', 'a:txBody')}</a:tc>"
            out.append(
                sp(body(words.next(part), words.next(part)), "body")
                + frame(f"<a:tbl><a:tr>{cell}</a:tr></a:tbl>")
            )
        else:
            kind, inner = part
            # of alternatives, the first that shows something
            out.append(SHAPES[kind].format(shapes([*inner, "seen"], words)))
    return "".join(out)


@settings(deadline=None, max_examples=100)
@given(trees(len(SHAPES)), trees(len(SHAPES)))
@pytest.mark.slow
def test_powerpoint(on_slide: list[Tree], in_notes: list[Tree]) -> None:
    words = Words()
    inner = shapes(on_slide, words)
    notes = Part("ppt/n.xml", "notesSlide", rooted("p:notes", tree(shapes(in_notes, words))))
    check(converted(read_pptx, pptx(slide(1, inner, n=notes)))[0], words)


# ── Excel ────────────────────────────────────────────────────────────────────────────────────────

CELLS = [
    '<c t="inlineStr"><is><t>{}</t></is></c>',
    '<c t="inlineStr"><is><r><rPr/><t>{}</t></r><rPh><t>gone0</t></rPh></is></c>',
    '<c t="str"><f>gone0</f><v>{}</v></c>',
    '<c t="e"><v>{}</v></c>',
]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 2**20), max_size=5), min_size=1, max_size=6))
def test_excel(rows: list[list[int]]) -> None:
    """Cells of all kinds, strings shared or not, in any column."""
    words = Words()
    shared: list[str] = []
    out = []
    for row in rows:
        cells = []
        for n in row:
            word = words.next("seen")
            if n % 5 == 4:
                cells.append(f'<c t="s"><v>{len(shared)}</v></c>')
                shared.append(f"<s:si><s:r><s:t>{word}</s:t></s:r></s:si>")
            else:
                cells.append(CELLS[n % 5].format(word))
        out.append(f"<row>{''.join(cells)}</row>")
    strings = Part("xl/s.xml", "sharedStrings", rooted("s:sst", "".join(shared)))
    check(converted(read_xlsx, xlsx(sheet(1, "".join(out)), strings=strings))[0], words)


def test_stories_beside_the_text() -> None:
    """In headers, notes and comments holds what holds in the text."""
    words = Words()
    every: list[Tree] = [(n, ["seen", "gone"]) for n in range(len(RUNS))]
    inner = [f"<w:p>{runs(every, words)}</w:p>" for _ in range(4)]
    parts = {
        "head": story("header1", "w:hdr", inner[0]),
        "foot": story("footer1", "w:ftr", inner[1]),
        "notes": story("footnotes", "w:footnotes", f"<w:footnote w:id='5'>{inner[2]}</w:footnote>"),
        "said": story("comments", "w:comments", f"<w:comment w:id='5'>{inner[3]}</w:comment>"),
    }
    refs = "<w:headerReference r:id='head' w:type='default'/><w:footerReference r:id='foot' w:type='first'/>"
    check(converted(read_docx, docx(f"<w:sectPr>{refs}</w:sectPr>", **parts))[0], words)
