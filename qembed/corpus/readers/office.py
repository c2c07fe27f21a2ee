"""Office formats to Markdown: PDF, DOCX, PPTX, XLSX, EPUB. Runs in a worker (worker.py), nowhere else.

Each function yields parts of a file as (name's end, text, title, metadata): a PDF has one a page, an XLSX
one a sheet, an EPUB one a chapter, the others one with the end "". They raise whatever their library does.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import unquote

from qembed.corpus.readers.html import read_page

Part: TypeAlias = tuple[str, str, str, dict[str, Any]]

MAX_UNPACKED = 512 * 1024 * 1024
MAX_MEMBER = 128 * 1024 * 1024
MAX_MEMBERS = 20_000


def check_zip(data: bytes) -> None:
    """Raises ValueError for an archive that says that it unpacks to more than it may."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        sizes = [i.file_size for i in z.infolist()]
    if len(sizes) > MAX_MEMBERS or max(sizes, default=0) > MAX_MEMBER or sum(sizes) > MAX_UNPACKED:
        raise ValueError("its archive unpacks to far more than it should (a decompression bomb?)")


def pdf(data: bytes) -> Iterator[Part]:
    """A part a page that has text; the title is the document's."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    title = " ".join(document.get_metadata_value("Title").split())
    found = False
    for n in range(len(document)):
        page = document[n]
        words = page.get_textpage()
        text = words.get_text_bounded().replace("\r\n", "\n").strip()
        words.close()
        page.close()
        if text:
            found = True
            yield f"#page={n + 1}", text, title, {"page": n + 1}
    if not found:
        raise ValueError("no text in it (scanned pages?)")


def docx(data: bytes) -> Iterator[Part]:
    """Paragraphs, headings and tables in their order."""
    from docx import Document
    from docx.table import Table

    check_zip(data)
    document = Document(io.BytesIO(data))
    lines: list[str] = []
    title = document.core_properties.title or ""
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines.append(_table([[c.text for c in row.cells] for row in block.rows]))
            continue
        style = (block.style.name if block.style is not None else "") or ""
        words = block.text.strip()
        level = re.fullmatch(r"Heading (\d)", style)
        if not words:
            continue
        if style == "Title" or level:
            title = title or words
            words = "#" * (int(level[1]) if level else 1) + " " + words
        elif style.startswith("List"):
            words = f"- {words}"
        lines.append(words)
    author = document.core_properties.author
    yield "", "\n\n".join(lines), title, {"author": author} if author else {}


def pptx(data: bytes) -> Iterator[Part]:
    """A heading a slide, its text, tables and notes below."""
    from pptx import Presentation

    check_zip(data)
    deck: Any = Presentation(io.BytesIO(data))
    lines: list[str] = []
    title = deck.core_properties.title or ""
    if title == "PowerPoint Presentation":
        title = ""
    for n, slide in enumerate(deck.slides, 1):
        name = slide.shapes.title.text_frame.text.strip() if slide.shapes.title is not None else ""
        title = title or name
        lines.append(f"## {' '.join(name.split()) or f'Slide {n}'}")
        for shape in slide.shapes:
            if slide.shapes.title is not None and shape.shape_id == slide.shapes.title.shape_id:
                continue
            if shape.has_text_frame and shape.text_frame.text.strip():
                lines.append(shape.text_frame.text.strip())
            elif getattr(shape, "has_table", False):
                lines.append(_table([[c.text for c in row.cells] for row in shape.table.rows]))
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame.text.strip()):
            lines.append(notes)
    yield "", "\n\n".join(lines), title, {"slides": len(deck.slides)}


def xlsx(data: bytes) -> Iterator[Part]:
    """A part a sheet: values as they were last computed, a row a line."""
    from openpyxl import load_workbook

    check_zip(data)
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            rows = [
                [("" if v is None else str(v)) for v in row]
                for row in sheet.iter_rows(values_only=True)
            ]
            text = _table([row for row in rows if any(row)])
            if text:
                yield f"#sheet={sheet.title}", text, sheet.title, {"sheet": sheet.title}
    finally:
        book.close()


def epub(data: bytes) -> Iterator[Part]:
    """A part a chapter, in the order of the book's spine."""
    check_zip(data)
    with zipfile.ZipFile(io.BytesIO(data)) as z:

        def text(name: str) -> str:
            return z.read(name).decode("utf-8-sig", "replace")

        root = _one(r'full-path\s*=\s*["\']([^"\']+)', text("META-INF/container.xml"))
        package = text(root)
        title = read_page(_one(r"<dc:title[^>]*>([^<]*)<", package, "")).text
        author = read_page(_one(r"<dc:creator[^>]*>([^<]*)<", package, "")).text
        items = {}
        for tag in re.findall(r"<(?:\w+:)?item\s[^>]*>", package):
            items[_one(r'\bid\s*=\s*["\']([^"\']*)', tag, "")] = _one(
                r'\bhref\s*=\s*["\']([^"\']*)', tag, ""
            )
        names = set(z.namelist())
        order = re.findall(r'<(?:\w+:)?itemref\s[^>]*?idref\s*=\s*["\']([^"\']*)', package)
        for n, key in enumerate(order, 1):
            # only names inside the archive, wherever they say they are
            name = posixpath.normpath(
                posixpath.join(posixpath.dirname(root), unquote(items.get(key, "")))
            )
            if name not in names:
                continue
            page = read_page(text(name))
            if page.text:
                meta: dict[str, Any] = {"chapter": n}
                if author:
                    meta["author"] = author
                yield f"#chapter={n}", page.text, title or page.title, meta


def _one(pattern: str, text: str, default: str | None = None) -> str:
    found = re.search(pattern, text)
    if found:
        return found[1]
    if default is None:
        raise ValueError("not an EPUB: it does not say where its package is")
    return default


def _table(rows: list[list[str]]) -> str:
    return "\n".join(" | ".join(" ".join(c.split()) for c in row).rstrip(" |") for row in rows)


FORMATS: dict[str, tuple[Callable[[bytes], Iterator[Part]], str | None]] = {
    ".pdf": (pdf, "pypdfium2"),
    ".docx": (docx, "docx"),
    ".pptx": (pptx, "pptx"),
    ".xlsx": (xlsx, "openpyxl"),
    ".epub": (epub, None),
}
"""Suffix -> converter, and the module that it needs beside those of qembed."""
