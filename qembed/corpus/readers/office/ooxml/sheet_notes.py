"""Text beside the cells of a sheet: comments, labels of controls, margins of the printed page."""

from __future__ import annotations

import re

from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    child,
    descendants,
    name_of,
)


def comments(package: Package, part: str) -> Blocks:
    """Read a sheet's comments, a line each: `B2, Ann: text`. Of one with answers the old form is a stub."""
    found = Blocks()
    lines: list[str] = []
    threaded: set[str] = set()
    people = _people(package)
    for name in package.related(part, "threadedComment"):
        try:
            root = package.xml(name)
        except ValueError as error:
            found.omit("comments", str(error))
            continue
        for e in descendants(root, "threadedComment"):
            body = child(e, "text")
            threaded.add(attribute(e, "ref"))
            lines.append(_line(attribute(e, "ref"), people.get(attribute(e, "personId"), ""), body))
    for name in package.related(part, "comments"):
        try:
            root = package.xml(name)
        except ValueError as error:
            found.omit("comments", str(error))
            continue
        authors = [e.text or "" for e in descendants(root, "author")]
        for e in descendants(root, "comment"):
            at = attribute(e, "authorId")
            author = authors[int(at)] if at.isdigit() and int(at) < len(authors) else ""
            if attribute(e, "ref") not in threaded:
                lines.append(_line(attribute(e, "ref"), author, child(e, "text")))
    found.add("\n".join(filter(None, lines)))
    return found


def _line(place: str, author: str, body: Element | None) -> str:
    if body is None:
        return ""
    parts = [body.text or "", *(e.text or "" for e in descendants(body, "t"))]
    text = " ".join("".join(parts).split())
    # Excel begins an old comment with its author's name
    shown = author if author and not text.startswith(author) else ""
    return f"{', '.join(filter(None, (place, shown)))}: {text}" if text else ""


def _people(package: Package) -> dict[str, str]:
    """The names of those who comment, by id."""
    found = {}
    for name in package.related(package.main, "person"):
        try:
            root = package.xml(name)
        except ValueError:
            continue
        for e in descendants(root, "person"):
            found[attribute(e, "id")] = attribute(e, "displayName")
    return found


def control_labels(package: Package, part: str) -> Blocks:
    """Read the labels of a sheet's buttons, check boxes and the like; comments have a shape there too."""
    found = Blocks()
    try:
        root = package.xml(part)
    except ValueError:  # Excel writes `<br>` into it
        found.omit("controls")
        return found
    for shape in descendants(root, "shape"):
        data = child(shape, "ClientData")
        box = child(shape, "textbox")
        if box is not None and (data is None or attribute(data, "ObjectType") != "Note"):
            found.add(" ".join("".join(box.itertext()).split()))
    return found


_CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|\d+|[A-Za-z+-])')


def print_margins(element: Element) -> str:
    """Return the text above and below the printed pages, once and without the codes of page numbers."""
    lines: dict[str, None] = {}
    for e in element:
        parts = re.split("&[LCR]", (e.text or "").replace("&&", "\0"))
        for part in parts if name_of(e).endswith(("Header", "Footer")) else ():
            text = " ".join(_CODE.sub(" ", part).replace("\0", "&").split())
            if any(c.isalnum() for c in text):
                lines[text] = None
    return "\n".join(lines)
