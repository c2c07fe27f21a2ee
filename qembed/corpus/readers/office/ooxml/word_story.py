"""Stories of a Word document to blocks of text: the body, headers, notes, comments and text boxes.

What is unknown is walked through, so that text is found in whatever wraps it (content controls, smart tags,
insertions, links); only what Word does not show is named here: deletions, field codes, hidden text.
"""

from __future__ import annotations

from dataclasses import replace

from qembed.corpus.readers.converted import table_text
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.formula import formula
from qembed.corpus.readers.office.ooxml.package import (
    MAX_DEPTH,
    Element,
    Package,
    attribute,
    child,
    is_on,
    name_of,
)
from qembed.corpus.readers.office.ooxml.word_chunks import read_chunk
from qembed.corpus.readers.office.ooxml.word_drawing import DRAWINGS, read_drawing
from qembed.corpus.readers.office.ooxml.word_fields import DELETED, Fields
from qembed.corpus.readers.office.ooxml.word_line import TEXT, Line, Place, symbol
from qembed.corpus.readers.office.ooxml.word_notes import Notes
from qembed.corpus.readers.office.ooxml.word_styles import Numbering, Styles


class StoryReader:
    """Reads stories of one document; its lists are numbered across them."""

    def __init__(
        self,
        package: Package,
        styles: Styles,
        numbering: Numbering,
        notes: Notes,
        chunk_depth: int = 0,
    ) -> None:
        self.package = package
        self.chunk_depth = chunk_depth
        """Documents that this one is a chunk of."""
        self.styles = styles
        self.numbering = numbering
        self.notes = notes
        self.title = ""
        """The first heading."""

    def story(self, part: str, root: Element, depth: int = 0, in_cell: bool = False) -> Blocks:
        """Read a story: `root` holds its paragraphs and tables."""
        return self._blocks(root, Place(part, Fields(root), depth=depth, in_cell=in_cell))

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────

    def _blocks(self, parent: Element, place: Place) -> Blocks:
        found = Blocks()
        if place.depth > MAX_DEPTH:
            found.omit(f"content nested more than {MAX_DEPTH} deep")
            return found
        below = replace(place, depth=place.depth + 1)
        joined = Line()
        """Text of paragraphs whose end was deleted: it goes on in the next."""
        for e in parent:
            name = name_of(e)
            if name == "p":
                line = self._paragraph(e, below)
                if _ends_deleted(e):
                    joined.take(line)
                    continue
                joined.take(line)
                self._finish(e, joined, place, found)
                joined = Line()
            elif name == "tbl":
                self._table(e, below, found)
            elif name == "altChunk":
                found.take(read_chunk(self.package, place.part, e, self.chunk_depth))
            elif name == "subDoc":
                found.omit("subdocument")
            elif name == "AlternateContent":
                found.take(self._alternative_blocks(e, below))
            elif name in DELETED or name.endswith("Pr"):
                continue
            elif name in _INLINE:
                line = Line()
                self._inline(e, line, below)
                self._finish(e, line, place, found)
            elif name:
                found.take(self._blocks(e, below))
        if not joined.is_empty:
            self._finish(parent, joined, place, found)
        return found

    def _alternative_blocks(self, element: Element, place: Place) -> Blocks:
        tried = Blocks()
        for e in element:
            tried = self._blocks(e, place)
            if tried.lines:
                break
        return tried

    def _paragraph(self, element: Element, place: Place) -> Line:
        style = child(element, "pPr", "pStyle")
        key = self.styles.default if style is None else attribute(style, "val")
        line = Line()
        self._inline(element, line, replace(place, style=key))
        return line

    def _finish(self, element: Element, line: Line, place: Place, found: Blocks) -> None:
        """Append a paragraph as a block, and after it what hangs on it."""
        text = "".join(line.words).strip()
        properties = child(element, "pPr")
        style = child(properties, "pStyle")
        key = self.styles.default if style is None else attribute(style, "val")
        name = self.styles.name(key)
        if name.startswith("toc ") and name[4:].isdigit():
            if text:
                found.omit("table of contents")
        elif text:
            outline = child(properties, "outlineLvl")
            level = self.styles.heading_level(key)
            if outline is not None and attribute(outline, "val") in tuple("012345678"):
                level = min(6, int(attribute(outline, "val")) + 1)
            label = self.numbering.label(properties, key)
            if not label and name.startswith("list"):
                label = "-"
            if level:
                text = " ".join(text.split())
                self.title = self.title or text
            text = f"{label} {text}" if label else text
            found.add(f"{'#' * level} {text}" if level and not place.in_cell else text)
        found.take(line.after)

    def _table(self, element: Element, place: Place, found: Blocks) -> None:
        """A row a line. A table of one column is a frame around what is in it."""
        rows: list[list[Blocks | None]] = []
        inside = replace(place, in_cell=True)
        trs = [r for r in _unwrapped(element, "tr", "tbl") if not _row_is_hidden(r)]
        is_frame = all(len(list(_unwrapped(r, "tc", "tr"))) < 2 for r in trs)
        for r in trs:
            cells: list[Blocks | None] = []
            for c in _unwrapped(r, "tc", "tr"):
                span = child(c, "tcPr", "gridSpan")
                width = attribute(span, "val") if span is not None else "1"
                cells.append(
                    None if _is_covered(c) else self._blocks(c, place if is_frame else inside)
                )
                cells += [None] * (min(int(width), 100) - 1 if width.isdigit() else 0)
            rows.append(cells)
        every = [cell for cells in rows for cell in cells if cell is not None]
        if is_frame:
            for cell in every:
                found.take(cell)
            return
        found.add(table_text([[" ".join(c.lines) if c else "" for c in cells] for cells in rows]))
        for cell in every:
            found.omitted.update(cell.omitted)

    # ── what is in a paragraph ───────────────────────────────────────────────────────────────────

    def _inline(self, parent: Element, line: Line, place: Place) -> None:
        if place.depth > MAX_DEPTH:
            line.after.omit(f"content nested more than {MAX_DEPTH} deep")
            return
        below = replace(place, depth=place.depth + 1)
        if name_of(parent) == "r":
            below = replace(below, is_hidden=place.is_hidden or self._run_is_hidden(parent, place))
        if name_of(parent) == "ruby":
            self._ruby(parent, line, below)
            return
        for e in parent:
            self._element(e, name_of(e), line, below)

    def _element(self, e: Element, name: str, line: Line, place: Place) -> None:
        if name == "t" or name in TEXT or name == "sym":
            if place.is_shown:
                line.words.append(symbol(e) if name == "sym" else TEXT.get(name) or e.text or "")
        elif name == "fldChar":
            shown = place.fields.mark(e)
            if not place.is_hidden:
                line.words.append(shown)
        elif name in DELETED:
            self.notes.drop(e, is_moved=name == "moveFrom")
        elif name in ("footnoteReference", "endnoteReference", "commentReference"):
            kind = name.removesuffix("Reference")
            line.after.take(self.notes.take(self, kind, attribute(e, "id"), place.is_shown))
        elif name == "oMath":
            if place.is_shown:
                line.words.append(formula(e))
        elif name in DRAWINGS:
            if place.is_shown:
                read_drawing(self, e, line, place)
        elif name == "AlternateContent":
            self.alternative(e, line, place)
        elif name in ("instrText", "delInstrText", "delText") or name.endswith("Pr"):
            pass
        elif name:
            self._inline(e, line, place)

    def _run_is_hidden(self, run: Element, place: Place) -> bool:
        properties = child(run, "rPr")
        own = child(properties, "vanish")
        if own is not None:
            return is_on(own)
        style = child(properties, "rStyle")
        return self.styles.hides(place.style, "" if style is None else attribute(style, "val"))

    def _ruby(self, element: Element, line: Line, place: Place) -> None:
        """The characters, and in brackets how they are read."""
        above = Line()
        for e in element:
            if name_of(e) == "rubyBase":
                self._inline(e, line, place)
            elif name_of(e) == "rt":
                self._inline(e, above, place)
        if text := "".join(above.words).strip():
            line.words.append(f"({text})")
        line.after.take(above.after)

    def alternative(self, element: Element, line: Line, place: Place) -> None:
        """The first of the alternatives that has text; they are the same for programs of different ages."""
        first: Line | None = None
        for e in element:
            tried = Line()
            self._inline(e, tried, place)
            first = first or tried
            if not tried.is_empty:
                line.take(tried)
                return
        if first is not None:
            line.take(first)


_INLINE = frozenset(("r", "hyperlink", "fldSimple", "oMath", "oMathPara", "smartTag", "ruby"))
"""Elements that belong into a paragraph; where they stand without one they make one."""


def _unwrapped(element: Element, name: str, owner: str) -> list[Element]:
    """Rows of a table or cells of a row, also those in content controls and the like."""
    found = []
    for e in element:
        kind = name_of(e)
        if kind == name:
            found.append(e)
        elif (
            kind not in DELETED and kind not in ("p", "tbl", "tc", "tr") and not kind.endswith("Pr")
        ):
            found += _unwrapped(e, name, owner)
    return found


def _row_is_hidden(row: Element) -> bool:
    properties = child(row, "trPr")
    return child(properties, "del") is not None or is_on(child(properties, "hidden"))


def _is_covered(cell: Element) -> bool:
    """True for a cell that one above or beside it covers, and for one whose deletion was tracked."""
    properties = child(cell, "tcPr")
    merges = (child(properties, name) for name in ("vMerge", "hMerge"))
    if any(e is not None and attribute(e, "val") != "restart" for e in merges):
        return True
    return child(properties, "cellDel") is not None


def _ends_deleted(paragraph: Element) -> bool:
    """True if the end of a paragraph is deleted: what follows is the same paragraph."""
    properties = child(paragraph, "pPr", "rPr")
    return any(child(properties, name) is not None for name in DELETED)
