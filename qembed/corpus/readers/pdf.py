"""PDF to text, a page a document. Words that a line's or a page's end has divided are whole again.

Where a word may have had a hyphen of its own (`e-` at a line's end, `mail` below it), the text has it in
one (`email`); the word index finds either spelling of a query by that. Before a digit or a capital the hyphen
stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from qembed.corpus.readers.converted import Broken, Converted, Omitted, Text

_HYPHEN = "\x02"
"""What PDFium gives for a hyphen at a line's end, in place of it and of the end."""
_LINE_END = re.compile(rf"(?<=[^\W\d_])(?:{_HYPHEN}|[-\u2010\xad]\n *)(?=[^\W\d_])")
_HALF = re.compile(r"(?:und|oder|and)\b")
"""Words after a hyphen that stands for what follows: `pre- and post-war`."""
_PAGE_END = re.compile(r"[^\W\d_][-\u2010\xad]$")
_REST = re.compile(r"[^\W\d_]\w*[^\s\w]?")
_NOTES = (1, 3)
"""Annotations with a text of their own: sticky notes and texts typed onto the page."""
_MARKED = (9, 10, 11, 12)
"""Highlights and the like, which may carry a comment."""
_WIDGET = 20
_FIELDS = (4, 5, 6)
"""Form fields with a text: choices and text fields."""
MAX_OBJECTS = 5000
"""Objects of a page that are looked at for pictures: a map has a hundred thousand lines."""


def pdf(data: bytes) -> Iterator[Converted]:
    """Read each page that has text; the title is the document's. Raises ValueError if none has."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    title = " ".join(document.get_metadata_value("Title").split())
    document.init_forms()
    omitted: dict[str, int] = {}
    texts: dict[int, str] = {}
    problems = []
    for n in range(1, len(document) + 1):
        try:
            page = document[n - 1]
            text = _page_text(document, page)
            pictures, others = _drawn(page)
            page.close()
        except pypdfium2.PdfiumError as e:
            problems.append(Broken(f"page {n}: {e}"))
            continue
        if text:
            texts[n] = text
            if pictures:
                omitted["picture"] = omitted.get("picture", 0) + pictures
        elif pictures or others:
            omitted[f"page without text: {n}"] = 1
    if not texts and not problems:
        raise ValueError("no text in it (scanned pages?)")
    _join_pages(texts)
    for n, text in texts.items():
        yield Text(f"#page={n}", text, title, {"page": n})
    yield from problems
    for n in range(document.count_attachments()):
        omitted[f"attachment: {document.get_attachment(n).get_name()}"] = 1
    for what, number in omitted.items():
        yield Omitted(what, number)


def _page_text(document: Any, page: Any) -> str:
    """The words of a page; then what is filled into its forms and noted on it."""
    words = page.get_textpage()
    text = joined(words.get_text_bounded().replace("\r\n", "\n")).strip()
    words.close()
    return "\n".join(filter(None, (text, *_annotations(document, page))))


def joined(text: str) -> str:
    """Return the text with words whole that a line's end had divided."""

    def join(found: re.Match[str]) -> str:
        if _HALF.match(text, found.end()):
            return "- "
        following = text[found.end()]
        return "-" if following.isupper() or following.istitle() else ""

    # what is left is no divided word: a hyphen before a digit or a bracket
    return _LINE_END.sub(join, text).replace(_HYPHEN, "-").replace("\xad", "")


def _join_pages(texts: dict[int, str]) -> None:
    """Bring the second half of a word that a page's end has divided to its first."""
    for n, text in texts.items():
        following = texts.get(n + 1, "")
        rest = _REST.match(following)
        if rest and rest[0][0].islower() and _PAGE_END.search(text):
            texts[n] = text[:-1] + rest[0]
            texts[n + 1] = following[rest.end() :].lstrip()


def _drawn(page: Any) -> tuple[int, int]:
    """The numbers of pictures and of other things that are no text (lines, groups) on a page."""
    import pypdfium2.raw as raw

    pictures = others = 0
    for n in range(min(raw.FPDFPage_CountObjects(page), MAX_OBJECTS)):
        kind = raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, n))
        pictures += kind == raw.FPDF_PAGEOBJ_IMAGE
        others += kind not in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_TEXT)
    return pictures, others


def _annotations(document: Any, page: Any) -> Iterator[str]:
    import pypdfium2.raw as raw

    form = document.formenv
    for n in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, n)
        if not note:
            continue
        kind = raw.FPDFAnnot_GetSubtype(note)
        if kind in (*_NOTES, *_MARKED):
            yield _string(raw.FPDFAnnot_GetStringValue, note, b"Contents")
        elif kind == _WIDGET and raw.FPDFAnnot_GetFormFieldType(form, note) in _FIELDS:
            yield _string(raw.FPDFAnnot_GetFormFieldValue, form, note)
        raw.FPDFPage_CloseAnnot(note)


def _string(call: Any, *arguments: Any) -> str:
    """The text that a function of PDFium writes into a buffer, in lines."""
    import ctypes

    size = call(*arguments, None, 0)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    call(*arguments, buffer, size)
    text = bytes(buffer)[:size].decode("utf-16-le", "replace").rstrip("\0")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
