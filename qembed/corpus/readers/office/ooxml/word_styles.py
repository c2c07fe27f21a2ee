"""Styles and automatic numbers of a Word document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    child,
    descendants,
    is_on,
)

MAX_BASES = 20
"""Styles that a style is based on, one on the other."""


class Style(NamedTuple):
    """Settings of a style that matter for its text. `hidden` is None where the style does not set it."""

    name: str
    base: str
    hidden: bool | None
    outline: int | None
    numbering: Element | None


class Styles:
    """The styles of a document by id."""

    def __init__(self, root: Element | None) -> None:
        self._styles: dict[str, Style] = {}
        self.default = ""
        """Id of the style of paragraphs without one."""
        for e in descendants(root, "style") if root is not None else ():
            key = attribute(e, "styleId")
            name = child(e, "name")
            base = child(e, "basedOn")
            hidden = child(e, "rPr", "vanish")
            outline = child(e, "pPr", "outlineLvl")
            self._styles[key] = Style(
                "" if name is None else attribute(name, "val"),
                "" if base is None else attribute(base, "val"),
                None if hidden is None else is_on(hidden),
                None if outline is None else _whole(attribute(outline, "val")),
                child(e, "pPr", "numPr"),
            )
            if attribute(e, "type") == "paragraph" and attribute(e, "default") in ("1", "true"):
                self.default = key

    def chain(self, key: str) -> list[Style]:
        """Return a style and those it is based on."""
        found: list[Style] = []
        while (style := self._styles.get(key)) is not None and len(found) < MAX_BASES:
            found.append(style)
            key = style.base
        return found

    def name(self, key: str) -> str:
        """Return a style's name in lower case, "" if there is no such style."""
        style = self._styles.get(key)
        return style.name.lower() if style is not None else ""

    def heading_level(self, key: str) -> int:
        """Return 1 to 6 for the style of a heading or of a document's title, else 0."""
        for style in self.chain(key):
            if style.outline is not None and 0 <= style.outline <= 8:
                return min(6, style.outline + 1)
            if found := re.fullmatch(r"heading (\d)", style.name.lower()):
                return max(1, min(6, int(found[1])))
            if style.name.lower() == "title":
                return 1
        return 0

    def hides(self, paragraph: str, character: str) -> bool:
        """True if the styles of a paragraph and of a run in it hide the text.

        Hidden is a switch: of two styles that turn it on, each turns what the other says around.
        """
        return self._hides(paragraph) != self._hides(character)

    def _hides(self, key: str) -> bool:
        return next((s.hidden for s in self.chain(key) if s.hidden is not None), False)


@dataclass
class _Level:
    """Numbering of the paragraphs on one level of a list."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    restarts: bool = True
    is_legal: bool = False


@dataclass
class _List:
    """A list: its levels, and the number that each has reached."""

    levels: dict[int, _Level] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    link: str = ""
    """The style whose list it is, where it has no levels of its own."""


class Numbering:
    """Numbers in front of paragraphs (`2.1`, `(a)`, `Article 7`), asked for in the order of the text."""

    def __init__(self, root: Element | None, styles: Styles) -> None:
        self._styles = styles
        self._lists: dict[str, _List] = {}
        self._list_of: dict[str, str] = {}
        self._starts: dict[tuple[str, int], int] = {}
        """(list in use, level) -> the number that it starts with when it is first met."""
        self._own: dict[tuple[str, int], _Level] = {}
        if root is None:
            return
        for e in descendants(root, "abstractNum"):
            link = child(e, "numStyleLink")
            levels = {
                _whole(attribute(level, "ilvl")) or 0: _level(level)
                for level in descendants(e, "lvl")
            }
            self._lists[attribute(e, "abstractNumId")] = _List(
                levels, link="" if link is None else attribute(link, "val")
            )
        for e in descendants(root, "num"):
            key = attribute(e, "numId")
            abstract = child(e, "abstractNumId")
            self._list_of[key] = "" if abstract is None else attribute(abstract, "val")
            for change in descendants(e, "lvlOverride"):
                number = _whole(attribute(change, "ilvl")) or 0
                if (start := child(change, "startOverride")) is not None:
                    self._starts[key, number] = _whole(attribute(start, "val")) or 0
                if (level := child(change, "lvl")) is not None:
                    self._own[key, number] = _level(level)

    def label(self, properties: Element | None, style: str) -> str:
        """Return what stands in front of a paragraph: its number, `-` for a bullet, "" for nothing."""
        found = child(properties, "numPr")
        key, level = _reference(found)
        for s in self._styles.chain(style):
            if key and level is not None:
                break
            if s.numbering is not None:
                own_key, own_level = _reference(s.numbering)
                key = key or own_key
                level = own_level if level is None else level
        level = level or 0
        if not key or key == "0":
            return ""
        return self._next(key, level)

    def _next(self, key: str, level: int) -> str:
        numbered = self._list(key)
        if numbered is None:
            return ""
        own = self._own.get((key, level)) or numbered.levels.get(level) or _Level()
        if (start := self._starts.pop((key, level), None)) is not None:
            numbered.reached[level] = start
        elif level in numbered.reached:
            numbered.reached[level] += 1
        else:
            numbered.reached[level] = own.start
        for deeper in [n for n in numbered.reached if n > level]:
            if numbered.levels.get(deeper, own).restarts:
                del numbered.reached[deeper]
        if own.format == "bullet":
            return "-"
        if own.format == "none":
            return re.sub(r"%\d", "", own.text).strip()

        def number(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            other = numbered.levels.get(at, own)
            value = numbered.reached.get(at, other.start)
            return formatted(value, "decimal" if own.is_legal else other.format)

        return re.sub(r"%(\d)", number, own.text).strip()

    def _list(self, key: str) -> _List | None:
        for _ in range(MAX_BASES):
            found = self._lists.get(self._list_of.get(key, ""))
            if found is None or not found.link:
                return found
            styles = self._styles.chain(found.link)
            key = _reference(styles[0].numbering)[0] if styles else ""
        return None


def _reference(properties: Element | None) -> tuple[str, int | None]:
    """The list and the level that a paragraph's or style's properties name."""
    key, level = child(properties, "numId"), child(properties, "ilvl")
    return (
        "" if key is None else attribute(key, "val"),
        None if level is None else _whole(attribute(level, "val")),
    )


def _level(element: Element) -> _Level:
    start, form, text = (child(element, n) for n in ("start", "numFmt", "lvlText"))
    restart = child(element, "lvlRestart")
    return _Level(
        start=1 if start is None else _whole(attribute(start, "val")) or 0,
        format="decimal" if form is None else attribute(form, "val"),
        text="" if text is None else attribute(text, "val"),
        restarts=restart is None or attribute(restart, "val") != "0",
        is_legal=is_on(child(element, "isLgl")),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def formatted(value: int, form: str) -> str:
    """Return a number in one of Word's formats; in digits for those that are not Latin."""
    if form in ("upperRoman", "lowerRoman") and 0 < value < 4000:
        roman = _roman(value)
        return roman if form == "upperRoman" else roman.lower()
    if form in ("upperLetter", "lowerLetter") and value > 0:
        letter = chr(ord("A") + (value - 1) % 26) * min(20, 1 + (value - 1) // 26)
        return letter if form == "upperLetter" else letter.lower()
    return f"{value:02}" if form == "decimalZero" else str(value)


_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)


def _roman(value: int) -> str:
    found = ""
    for unit, letters in _ROMAN:
        count, value = divmod(value, unit)
        found += letters * count
    return found


def load(package: Package) -> tuple[Styles, Numbering]:
    """Read the styles and the numbering of a document; what is missing or broken has none."""

    def root(kind: str) -> Element | None:
        for name in package.related(package.main, kind):
            try:
                return package.xml(name)
            except ValueError:
                return None
        return None

    styles = Styles(root("styles"))
    return styles, Numbering(root("numbering"), styles)
