"""Shapes of slides and sheets to text: groups at any depth, tables, charts, diagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from qembed.corpus.readers.converted import table_text
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.charts import add_related
from qembed.corpus.readers.office.ooxml.package import (
    MAX_DEPTH,
    Element,
    Package,
    attribute,
    child,
    descendants,
    name_of,
)
from qembed.corpus.readers.office.ooxml.text_body import body_text, table_rows

Wanted: TypeAlias = Callable[[Element], bool]
"""Tells of a shape whether its text is read."""


def shapes(
    package: Package, part: str, tree: Element, wanted: Wanted = lambda _: True, depth: int = 0
) -> Blocks:
    """Read the shapes of `tree`, which lies in `part`; `wanted` is asked of those with text."""
    found = Blocks()
    if depth > MAX_DEPTH:
        found.omit(f"shapes nested more than {MAX_DEPTH} deep")
        return found
    for e in tree:
        name = name_of(e)
        if is_hidden(e):
            continue
        if name == "sp":
            if wanted(e):
                found.add(body_text(child(e, "txBody")))
        elif name == "tbl":
            found.add(table_text(table_rows(e)))
        elif name in ("chart", "relIds"):
            add_related(package, part, e, found)
        elif name == "pic":
            _picture(e, found)
        elif name in ("oleObj", "control"):
            kind = "embedded object" if name == "oleObj" else "control"
            found.omit(kind, attribute(e, "progId"), attribute(e, "name"))
        elif name == "contentPart":
            found.omit("ink")
        elif name == "AlternateContent":
            found.take(_alternative(package, part, e, wanted, depth))
        elif name and not name.endswith("Pr"):
            found.take(shapes(package, part, e, wanted, depth + 1))
    return found


def _alternative(
    package: Package, part: str, element: Element, wanted: Wanted, depth: int
) -> Blocks:
    """The first of the alternatives that has text, else the first."""
    tried = [shapes(package, part, e, wanted, depth + 1) for e in element]
    return next((found for found in tried if found.lines), tried[0] if tried else Blocks())


def about(shape: Element) -> Element | None:
    """Return the element with a shape's name, description and id."""
    for e in shape:
        if name_of(e).startswith("nv") and (found := child(e, "cNvPr")) is not None:
            return found
    return None


def is_hidden(shape: Element) -> bool:
    """True for a shape that is switched off in the list of shapes."""
    found = about(shape)
    return found is not None and attribute(found, "hidden") in ("1", "true")


def _picture(shape: Element, found: Blocks) -> None:
    named = about(shape)
    labels = [attribute(named, k) for k in ("descr", "title")] if named is not None else []
    for kind, tags in (("video", ("videoFile",)), ("audio", ("audioFile", "wavAudioFile"))):
        if next(descendants(shape, *tags), None) is not None:
            found.omit(kind, *labels)
            return
    if not any(attribute(e, "val") in ("1", "true") for e in descendants(shape, "decorative")):
        found.omit("picture", *labels)
