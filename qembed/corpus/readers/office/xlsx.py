"""Workbooks to tables: a text a sheet, values as they are shown, then comments and what drawings say.

A sheet is read as its cells come by: a far cell costs no more than any other, and the size that the sheet
says it has is not looked at. Hidden sheets hold what an author put out of sight (lists to choose from, data
of charts): they are named as left out. Rows and columns that a filter or an outline folds away are read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from qembed.corpus.readers.converted import Broken, Converted, Omitted, Text
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.cell_values import built_in, shown_number
from qembed.corpus.readers.office.ooxml.merged_cells import MergedCells, column
from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    child,
    descendants,
    name_of,
    xml_options,
)
from qembed.corpus.readers.office.ooxml.shapes import shapes
from qembed.corpus.readers.office.ooxml.sheet_notes import comments, control_labels, print_margins

MAX_GAP = 10
"""Empty cells between two others of a row that are written as such."""
MAX_CHARACTERS = 200 * 1024 * 1024
"""Characters of a workbook: a long text may stand in very many cells."""

_PLACE = re.compile(r"([A-Za-z]{1,3})(\d+)")


class _Sheet(NamedTuple):
    """A sheet of a workbook. `part` is None where the archive has none."""

    name: str
    part: str | None
    kind: str
    is_hidden: bool


def xlsx(data: bytes) -> Iterator[Converted]:
    """Read a workbook as one text a sheet that has any. Raises ValueError."""
    book = _Book(Package(data))
    found = False
    omitted: list[Omitted] = []
    problems: list[Broken] = []
    for sheet in book.sheets():
        if sheet.is_hidden:
            omitted.append(Omitted(f"hidden sheet: {sheet.name}"))
            continue
        try:
            content = book.read(sheet)
        except ValueError as e:
            problems.append(Broken(f"sheet {sheet.name}: {e}"))
            continue
        if text := content.text():
            found = True
            yield Text(f"#sheet={sheet.name}", text, sheet.name, {"sheet": sheet.name})
        omitted += content.left_out()
    if not found and omitted and not problems:
        raise ValueError(f"no text in it ({', '.join(dict.fromkeys(o.what for o in omitted))})")
    if not found and not problems:
        yield Text("", "", "", {})
    yield from problems
    yield from omitted


class _Book:
    """A workbook: what its sheets share."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._root = package.xml(package.main)
        if name_of(self._root) != "workbook":
            raise ValueError("it is no workbook")
        properties = child(self._root, "workbookPr")
        self._since_1904 = properties is not None and attribute(properties, "date1904") in (
            "1",
            "true",
        )
        self._strings = [_string(e) for e in self._items("sharedStrings", "si")]
        self._formats = self._number_formats()
        self._left = MAX_CHARACTERS

    def _items(self, kind: str, name: str) -> Iterator[Element]:
        for part in self._package.related(self._package.main, kind):
            yield from (e for e in self._package.xml(part) if name_of(e) == name)

    def _number_formats(self) -> list[str]:
        """The format code of each style of cells."""
        for part in self._package.related(self._package.main, "styles"):
            try:
                root = self._package.xml(part)
            except ValueError:
                return []
            own = {
                attribute(e, "numFmtId"): attribute(e, "formatCode")
                for e in descendants(root, "numFmt")
            }
            styles = child(root, "cellXfs")
            ids = [attribute(e, "numFmtId") for e in styles] if styles is not None else []
            return [own.get(i) or (built_in(int(i)) if i.isdigit() else "") for i in ids]
        return []

    def sheets(self) -> Iterator[_Sheet]:
        """Yield the sheets in their order."""
        relations = self._package.relations(self._package.main)
        for e in descendants(self._root, "sheet"):
            key = attribute(e, "id")
            kind = relations[key].type if key in relations else "worksheet"
            yield _Sheet(
                attribute(e, "name"),
                self._package.target(self._package.main, key),
                kind,
                attribute(e, "state") in ("hidden", "veryHidden"),
            )

    def read(self, sheet: _Sheet) -> Blocks:
        """Read a sheet: its cells, its comments, its drawings. Raises ValueError."""
        if sheet.part is None:
            raise ValueError("not in the archive")
        found = Blocks()
        part = sheet.part
        if sheet.kind not in ("worksheet", "chartsheet"):
            found.omit("sheet of another kind", sheet.kind)
            return found
        if sheet.kind == "worksheet":
            found.take(self._cells(part))
        found.take(comments(self._package, part))
        for drawing in self._package.related(part, "drawing"):
            try:
                found.take(shapes(self._package, drawing, self._package.xml(drawing)))
            except ValueError as e:
                found.omit("drawing", str(e))
        for drawing in self._package.related(part, "vmlDrawing"):
            found.take(control_labels(self._package, drawing))
        return found

    def _cells(self, part: str) -> Blocks:
        """The rows that have values as one block, a line each; then the margins of the printed page."""
        from lxml import etree

        data = self._package.read(part)
        found = Blocks()
        lines: list[str] = []
        merged = MergedCells(data)
        number = 0
        rows = etree.iterparse(
            io.BytesIO(data), tag=("{*}row", "{*}headerFooter"), **xml_options(data, part)
        )
        try:
            for _, e in rows:
                if name_of(e) == "headerFooter":
                    found.add(print_margins(e))
                    continue
                place = e.get("r", "")
                number = int(place) if place.isdigit() else number + 1
                if line := self._row(e, found, number, merged):
                    lines.append(line)
                    self._left -= len(line)
                    if self._left < 0:
                        raise ValueError("its text is too long for one file")
                e.clear()
                while e.getprevious() is not None:
                    del e.getparent()[0]
        except etree.XMLSyntaxError as e:
            raise ValueError(f"{part}: {e.msg}") from None
        if lines:
            found.lines.insert(0, "\n".join(lines))
        return found

    def _row(self, row: Element, found: Blocks, number: int, merged: MergedCells) -> str:
        """A row's cells with `|` between them; formulas without a result are left out."""
        texts: list[str] = []
        last = 0
        for cell in row:
            if name_of(cell) != "c":
                continue
            at = _column(cell.get("r", "")) or last + 1
            text = " ".join(self._value(cell).split())
            if text and merged and merged.is_said(number, at, text):
                continue
            if text:
                texts += [""] * min(at - last - 1, MAX_GAP)
                texts.append(text)
                last = at
            elif child(cell, "f") is not None and child(cell, "v") is None:
                found.omitted["formula whose result is not stored"] += 1
        return " | ".join(texts)

    def _value(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = child(cell, "is")
            return _string(inline) if inline is not None else ""
        stored = child(cell, "v")
        text = (stored.text or "").strip() if stored is not None else ""
        if not text:
            return ""
        if kind == "s":
            return (
                self._strings[int(text)]
                if text.isdigit() and int(text) < len(self._strings)
                else ""
            )
        if kind == "b":
            return "TRUE" if text in ("1", "true") else "FALSE"
        if kind in ("n", ""):
            style = cell.get("s", "0")
            at = int(style) if style.isdigit() else 0
            code = self._formats[at] if at < len(self._formats) else ""
            return shown_number(text, code, self._since_1904)
        return _unescaped(text)


def _string(item: Element) -> str:
    """The text of a shared or inline string, in runs or not; how Japanese is read is no part of it."""
    parts = []
    for e in item:
        if name_of(e) == "t":
            parts.append(e.text or "")
        elif name_of(e) == "r":
            parts += [t.text or "" for t in e if name_of(t) == "t"]
    return _unescaped("".join(parts))


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """Without the escapes for characters that XML has no place for: `_x000D_`."""
    if "_x" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        code = int(found[1], 16)
        return found[0] if 0xD800 <= code < 0xE000 else chr(code)

    return _ESCAPED.sub(character, text)


def _column(place: str) -> int:
    """The number of a cell's column, from 1; 0 if its place says none."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return 0
    return column(found[1])
