"""Drawings in a Word document: text boxes, pictures, charts, diagrams, embedded objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.corpus.readers.office.ooxml.charts import add_related
from qembed.corpus.readers.office.ooxml.package import (
    MAX_DEPTH,
    Element,
    attribute,
    descendants,
    name_of,
)
from qembed.corpus.readers.office.ooxml.text_body import body_text
from qembed.corpus.readers.office.ooxml.word_line import Line, Place

if TYPE_CHECKING:
    from qembed.corpus.readers.office.ooxml.word_story import StoryReader

DRAWINGS = frozenset(("txbxContent", "drawing", "pict", "object", "contentPart"))
"""Elements in a paragraph that `read_drawing` reads."""
_TRUE = ("1", "true", "on")


def read_drawing(reader: StoryReader, element: Element, line: Line, place: Place) -> None:
    """Append the texts of a drawing after the line; count its pictures and objects as left out."""
    about = next(descendants(element, "docPr"), None)
    labels: list[str] | None = []
    if about is not None:
        if attribute(about, "hidden") in _TRUE:
            return
        labels = [attribute(about, key) for key in ("descr", "title")]
        if any(attribute(e, "val") in _TRUE for e in descendants(about, "decorative")):
            labels = None
    name = name_of(element)
    if name in ("txbxContent", "contentPart"):
        _shape(reader, element, line, place, labels)
    else:
        _shapes(reader, element, line, place, None if name == "object" else labels)


def _shapes(
    reader: StoryReader, element: Element, line: Line, place: Place, labels: list[str] | None
) -> None:
    """`labels`: names of the pictures in it; None if these are not worth a word."""
    if place.depth > MAX_DEPTH:
        line.after.omit(f"content nested more than {MAX_DEPTH} deep")
        return
    place = replace(place, depth=place.depth + 1)
    for e in element:
        _shape(reader, e, line, place, labels)


def _shape(
    reader: StoryReader, e: Element, line: Line, place: Place, labels: list[str] | None
) -> None:
    name, found = name_of(e), line.after
    if name == "txbxContent":
        found.take(reader.story(place.part, e, place.depth + 1, place.in_cell))
    elif name == "txBody":
        found.add(body_text(e))
    elif name == "AlternateContent":
        reader.alternative(e, line, place)
    elif name in ("pic", "imagedata"):
        if labels is not None:
            own = [attribute(n, "descr") for n in descendants(e, "cNvPr")]
            found.omit("picture", *own, *labels, attribute(e, "title"))
    elif name in ("chart", "relIds"):
        add_related(reader.package, place.part, e, found)
    elif name == "OLEObject":
        found.omit("embedded object", attribute(e, "ProgID"))
    elif name == "control":
        found.omit("control", attribute(e, "name"))
    elif name == "textpath":
        found.add(attribute(e, "string"))
    elif name in ("webVideoPr", "contentPart"):
        found.omit("video" if name == "webVideoPr" else "ink")
    elif name:
        _shapes(reader, e, line, place, labels)
