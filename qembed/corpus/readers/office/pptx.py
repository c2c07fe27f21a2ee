"""Presentations to Markdown: a heading a slide, below it what the slide shows, its notes and comments.

Slides that are skipped in a show are read: whoever opens the file sees them among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qembed.corpus.readers.converted import Broken, Converted, Text
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    child,
    descendants,
    name_of,
)
from qembed.corpus.readers.office.ooxml.shapes import shapes
from qembed.corpus.readers.office.ooxml.text_body import body_text

_TITLES = ("title", "ctrTitle")
_ONCE = ("ftr", "hdr", "dt")
"""Placeholders that say the same on every slide."""
_NUMBERS = ("sldNum", "sldImg")


def pptx(data: bytes) -> Iterator[Converted]:
    """Read a presentation as one text. Raises ValueError."""
    package = Package(data)
    deck = _Deck(package)
    yield from deck.slides()
    own, _ = package.properties()
    title = deck.title if own in ("", "PowerPoint Presentation") else own
    if deck.is_empty and deck.found.omitted:
        raise ValueError(f"no text in it ({', '.join(deck.found.omitted)})")
    yield Text("", deck.found.text(), title, {"slides": deck.count})
    yield from deck.found.left_out()


class _Deck:
    """The slides of a presentation, read one after another into `found`."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.found = Blocks()
        self.title = ""
        self.count = 0
        self.is_empty = True
        self._authors = self._names()
        self._once: dict[str, None] = {}
        """Footers, dates and what layouts show: said once, at the end."""

    def slides(self) -> Iterator[Broken]:
        """Read all slides. Yields those that are broken; raises ValueError if there is no list of slides."""
        root = self.package.xml(self.package.main)
        if name_of(root) != "presentation":
            raise ValueError("it is no presentation")
        layouts: dict[str, None] = {}
        for e in descendants(root, "sldId"):
            self.count += 1
            # its own `id` is a number, the relationship's has a namespace
            key = next((v for k, v in e.items() if k.endswith("}id")), "")
            part = self.package.target(self.package.main, key)
            try:
                if part is None:
                    raise ValueError("not in the archive")
                self._slide(part)
                layouts.update(dict.fromkeys(self.package.related(part, "slideLayout")))
            except ValueError as error:
                yield Broken(f"slide {self.count}: {error}")
        self._backgrounds(layouts)
        self.is_empty = self.is_empty and not self._once
        for line in self._once:
            self.found.add(line)

    def _slide(self, part: str) -> None:
        root = self.package.xml(part)
        tree = child(root, "cSld", "spTree")
        if tree is None:
            raise ValueError("no shapes in it")
        titles = (e for e in descendants(tree, "sp") if _placeholder(e) in _TITLES)
        first = next(titles, None)
        name = "" if first is None else " ".join(body_text(child(first, "txBody")).split())
        self.title = self.title or name
        self.found.add(f"## {name or f'Slide {self.count}'}")

        def wanted(shape: Element) -> bool:
            kind = _placeholder(shape)
            if kind in _ONCE and (text := body_text(child(shape, "txBody"))):
                self._once[text] = None
            return shape is not first and kind not in _ONCE and kind not in _NUMBERS

        content = shapes(self.package, part, tree, wanted)
        for notes in self.package.related(part, "notesSlide"):
            self._add(content, notes, self._notes)
        for comments in self.package.related(part, "comments"):
            self._add(content, comments, self._comments)
        self.is_empty = self.is_empty and not name and not content.lines
        self.found.take(content)

    def _add(self, content: Blocks, part: str, read: Callable[[str], Blocks]) -> None:
        try:
            content.take(read(part))
        except ValueError as e:
            content.omit("notes", str(e))

    def _notes(self, part: str) -> Blocks:
        tree = child(self.package.xml(part), "cSld", "spTree")
        if tree is None:
            return Blocks()
        skipped = (*_ONCE, *_NUMBERS)
        return shapes(self.package, part, tree, lambda e: _placeholder(e) not in skipped)

    def _comments(self, part: str) -> Blocks:
        """Comments and their replies, each under its author's name."""
        found = Blocks()
        for e in descendants(self.package.xml(part), "cm", "reply"):
            body = child(e, "txBody")
            plain = child(e, "text")
            text = (
                body_text(body)
                if body is not None
                else (plain.text or "")
                if plain is not None
                else ""
            )
            author = self._authors.get(attribute(e, "authorId"), "")
            if text.strip():
                found.add(f"{author}: {text.strip()}" if author else text.strip())
        return found

    def _names(self) -> dict[str, str]:
        """The authors of comments by id."""
        found = {}
        for part in self.package.related(self.package.main, "commentAuthors", "authors"):
            try:
                root = self.package.xml(part)
            except ValueError:
                continue
            for e in descendants(root, "cmAuthor", "author"):
                found[attribute(e, "id")] = attribute(e, "name")
        return found

    def _backgrounds(self, layouts: dict[str, None]) -> None:
        """Text that layouts and masters show on every slide, without the prompts of their placeholders."""
        parts = dict(layouts)
        for layout in layouts:
            parts.update(dict.fromkeys(self.package.related(layout, "slideMaster")))
        for part in parts:
            try:
                tree = child(self.package.xml(part), "cSld", "spTree")
            except ValueError:
                continue
            if tree is not None:
                shown = shapes(self.package, part, tree, lambda e: _placeholder(e) is None)
                self._once.update(dict.fromkeys(shown.lines))


def _placeholder(shape: Element) -> str | None:
    """The type of the placeholder that a shape fills, `body` if it says none; None for any other shape."""
    for e in shape:
        if name_of(e) == "nvSpPr":
            found = child(e, "nvPr", "ph")
            return None if found is None else attribute(found, "type", "body")
    return None
