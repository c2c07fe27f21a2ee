"""Text of DrawingML: the paragraphs of shapes, cells, chart titles and SmartArt."""

from __future__ import annotations

from qembed.corpus.readers.office.ooxml.formula import formula
from qembed.corpus.readers.office.ooxml.package import MAX_DEPTH, Element, child, name_of


def paragraphs(body: Element) -> list[str]:
    """Return the paragraphs of a text body, a string each; a line break inside one is `\\n`."""
    return [_text(p, 0) for p in body if name_of(p) == "p"]


def body_text(body: Element | None) -> str:
    """Return the paragraphs of a text body as lines."""
    return "" if body is None else "\n".join(paragraphs(body)).strip()


def _text(element: Element, depth: int) -> str:
    if depth > MAX_DEPTH:
        return ""
    found = []
    for e in element:
        name = name_of(e)
        if name == "t":
            found.append(e.text or "")
        elif name == "br":
            found.append("\n")
        elif name in ("oMath", "oMathPara"):
            found.append(formula(e))
        elif name == "AlternateContent":
            found.append(_alternative(e, depth))
        elif not name.endswith("Pr"):
            found.append(_text(e, depth + 1))
    return "".join(found).replace("\v", "\n")


def _alternative(element: Element, depth: int) -> str:
    """The first choice that has text, or the fallback."""
    for e in element:
        if text := _text(e, depth + 1):
            return text
    return ""


def table_rows(table: Element) -> list[list[str]]:
    """Return the cells of a table (`a:tbl`); a merged cell has its text once, in its first place."""
    rows = []
    for row in table:
        if name_of(row) == "tr":
            cells = [c for c in row if name_of(c) == "tc"]
            rows.append([_cell(c) for c in cells])
    return rows


def _cell(cell: Element) -> str:
    covered = any(cell.get(key, "0") not in ("0", "false") for key in ("hMerge", "vMerge"))
    return "" if covered else body_text(child(cell, "txBody"))
