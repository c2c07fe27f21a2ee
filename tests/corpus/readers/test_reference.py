"""All words that a reference sees are found once, or named as left out; what nobody sees is not found.

The references: files that are made at random from wrappers in wrappers, with a word of its own at each
leaf; the text nodes of all XML parts of the samples; LibreOffice, where it is installed.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.corpus.readers.converted import Converter, Omitted, Text
from qembed.corpus.readers.epub import epub as read_epub
from qembed.corpus.readers.html import read_page, read_xhtml
from qembed.corpus.readers.office.docx import docx as read_docx
from qembed.corpus.readers.office.pptx import pptx as read_pptx
from qembed.corpus.readers.office.xlsx import xlsx as read_xlsx
from tests.corpus.office_samples import rich_docx, rich_epub, rich_pptx, rich_xlsx
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

pytest.importorskip("lxml")

Tree = str | tuple[int, list["Tree"]]
"""`seen` or `gone`, or the number of a wrapper and what is in it."""


def trees(kinds: int) -> st.SearchStrategy[list[Tree]]:
    leaves = st.sampled_from(["seen", "seen", "seen", "gone"])
    inner = st.recursive(
        leaves,
        lambda x: st.tuples(st.integers(0, kinds - 1), st.lists(x, min_size=1, max_size=3)),
        max_leaves=12,
    )
    return st.lists(inner, min_size=1, max_size=4)


class Words:
    """Words that are all different: `seen1`, `gone2`."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        self.made[kind] += 1
        return f"{kind}{self.made[kind]}"


def check(found: str, words: Words) -> None:
    counted = Counter(re.findall(r"(?:seen|gone)\d+", found))
    assert counted == {f"seen{n}": 1 for n in range(1, words.made["seen"] + 1)}


def converted(reader: Converter, data: bytes) -> tuple[str, str]:
    """All texts, and all names of what was left out."""
    items = list(reader(data))
    texts = "\n".join(item.text for item in items if isinstance(item, Text))
    return texts, "\n".join(item.what for item in items if isinstance(item, Omitted))


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


# ── HTML, XHTML, EPUB ────────────────────────────────────────────────────────────────────────────

_NAMES = (
    "div p section article aside footer blockquote figure figcaption details summary ul li b i span em td header "
    "dl dd center address fieldset font u mark cite q time pre textarea"
)
ELEMENTS = _NAMES.split()
UNSEEN = [
    "<script>{}</script>",
    "<style>{}</style>",
    "<p hidden=''>{}</p>",
    "<nav>{}</nav>",
    "<template>{}</template>",
]


def elements(parts: list[Tree], words: Words) -> str:
    out = []
    for part in parts:
        if part == "gone":
            out.append(UNSEEN[words.made["gone"] % len(UNSEEN)].format(words.next("gone")))
        elif isinstance(part, str):
            out.append(f" {words.next(part)} ")
        else:
            tag = ELEMENTS[part[0]]
            out.append(f"<{tag}>{elements(part[1], words)}</{tag}>")
    return "".join(out)


@settings(deadline=None, max_examples=150)
@given(trees(len(ELEMENTS)))
@pytest.mark.slow
def test_xhtml(parts: list[Tree]) -> None:
    words = Words()
    inner = elements(parts, words).replace("<textarea>", "<div>").replace("</textarea>", "</div>")
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><main><script/>{inner}</main></body></html>'
    check(read_xhtml(page).text, words)
    check(read_page(page).text, words)


@settings(deadline=None, max_examples=100)
@given(st.lists(trees(len(ELEMENTS) - 1), min_size=1, max_size=3))
@pytest.mark.slow
def test_html(chapters: list[list[Tree]]) -> None:
    words = Words()
    inner = "".join(f"<section>{elements(parts, words)}</section>" for parts in chapters)
    check(
        read_page(
            f"<html><body><nav>x</nav><main>{inner}</main><footer>gone0</footer></body></html>"
        ).text,
        words,
    )


# ── the samples' own text nodes ──────────────────────────────────────────────────────────────────

SAMPLES: dict[str, tuple[Converter, bytes]] = {
    "rich.docx": (read_docx, rich_docx()),
    "rich.pptx": (read_pptx, rich_pptx()),
    "rich.xlsx": (read_xlsx, rich_xlsx()),
    "rich.epub": (read_epub, rich_epub()),
}
NOT_TEXT = ("delText", "instrText", "f")
"""Elements whose text nobody sees."""
NOT_READ = r".*\.rels|\[Content_Types\]\.xml|.*/sheet2\.xml|.*nav\.xhtml|META-INF/.*|.*\.opf|.*/styles\.xml"


@pytest.mark.parametrize("name", SAMPLES)
def test_text_nodes_of_all_parts(name: str) -> None:
    reader, data = SAMPLES[name]
    text, omitted = converted(reader, data)
    found = set(re.findall(r"\w+", f"{text}\n{omitted}"))
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        for part in z.namelist():
            if re.fullmatch(NOT_READ, part):
                continue
            raw = z.read(part).replace(b"&eacute;", "é".encode())
            for e in ElementTree.fromstring(raw).iter():
                local = e.tag.rpartition("}")[2]
                words = re.findall(r"\w+", e.text or "")
                if local == "v" and "worksheets" in part:
                    continue  # an index of a shared string, or a number before it is formatted
                assert local in NOT_TEXT or found.issuperset(words), (part, local, e.text)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["rich.docx", "rich.pptx", "rich.xlsx"])
def test_words_that_libreoffice_shows(tmp_path: Path, name: str) -> None:
    reader, data = SAMPLES[name]
    (tmp_path / name).write_bytes(data)
    command = [
        "soffice",
        "--headless",
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--convert-to",
        "pdf",
        name,
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    from qembed.corpus.readers.pdf import pdf as read_pdf

    shown, _ = converted(read_pdf, (tmp_path / name).with_suffix(".pdf").read_bytes())
    text, omitted = converted(reader, data)
    assert set(re.findall(r"[^\W\d]{2,}", shown)) <= set(re.findall(r"\w+", f"{text}\n{omitted}"))


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
