"""XML to running text: DocBook, TEI, JATS, DITA, FictionBook, and text nodes of any other vocabulary.

Elements are known by their local names. Titles become headings as deep as their sections, code is fenced,
list items and table rows are lines. Of an element that is not known, text among which elements stand runs on,
and elements among which no text stands are lines of their own; in one line, a blank stands between two
elements that nothing separates, unless one is emphasis or the like.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from qembed.corpus.readers.xhtml import TooDeep, new_parser

MAX_DEPTH = 200
"""Elements inside one another; nobody writes more."""
ENTRIES = frozenset(("item", "entry", "page"))
"""Elements of feeds and wikis that are documents of their own."""
_SECTION_NAMES = (
    "section sect1 sect2 sect3 sect4 sect5 simplesect refsect1 refsect2 refsect3 refsection refentry sec "
    "chapter part appendix preface article book div div1 div2 div3 topic concept task reference"
)
_SECTIONS = frozenset(_SECTION_NAMES.split())
_HEADS = frozenset(("title", "head", "article-title"))
_RUNNING = frozenset(("p", "para", "simpara", "shortdesc", "cmd", "term", "subtitle"))
_CODE_NAMES = "programlisting screen codeblock literallayout preformat synopsis"
_CODE = frozenset(_CODE_NAMES.split())
_ITEMS = frozenset(("listitem", "item", "list-item", "li", "step", "substep"))
_ROWS = frozenset(("row", "tr", "strow"))
_BREAKS = frozenset(("lb", "br"))
_UNREAD_NAMES = (
    "script style teiHeader journal-meta article-id pub-date permissions history indexterm prolog"
)
_UNREAD = frozenset(_UNREAD_NAMES.split())
_OTHER_BLOCKS = (
    "itemizedlist orderedlist variablelist simplelist list ul ol dl table informaltable figure note warning "
    "tip caution important blockquote example"
)
_BLOCKS = _SECTIONS | _HEADS | _RUNNING | _CODE | _ITEMS | _ROWS | frozenset(_OTHER_BLOCKS.split())
LINES = _BLOCKS | _BREAKS | {"td", "th", "entry"}
"""Elements that are lines of their own where tags cannot be paired."""
_SPACE = re.compile(r"[^\S\n]+|\s*\n\s*")
_INLINE_NAMES = (
    "a abbr acronym b bold citetitle code del em emph emphasis ext-link foreign hi i ins italic link literal "
    "mark monospace overline phrase q roman s sans-serif sc small span strike strikethrough strong sub "
    "subscript sup superscript tt u uicontrol ulink underline xref"
)
INLINE = frozenset(_INLINE_NAMES.split())
"""Elements that may be parts of a word."""


def parse(text: str, lines: dict[Element, int] | None = None) -> Element:
    """Parse XML into elements with local names. Raises ExpatError, TooDeep; nothing is fetched.

    `lines`: receives the line, 1-based, in which each element of ENTRIES begins.
    """
    parser = new_parser(namespaces=True)
    builder = TreeBuilder()
    depth, room = 0, 4 * len(text) + 65_536

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise TooDeep(f"XML nested more than {MAX_DEPTH} deep")
        local = _local(name)
        element = builder.start(local, {_local(k): v for k, v in attributes.items()})
        if lines is not None and local in ENTRIES:
            lines[element] = parser.CurrentLineNumber

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def characters(data: str) -> None:
        nonlocal room
        room -= len(data)
        if room < 0:
            raise expat.ExpatError("entities make the file too long")
        builder.data(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.Parse(text.encode("utf-8", "replace"), True)
    return builder.close()


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def speaks_in_attributes(root: Element) -> bool:
    """True for a file, such as settings, whose content is in attributes rather than in text."""
    words = attributes = 0
    for e in root.iter():
        words += len((e.text or "").strip()) + len((e.tail or "").strip())
        attributes += sum(map(len, e.attrib.values()))
    return attributes > 4 * words or not words


def inline(e: Element) -> str:
    """Text of an element in one run; line breaks only where it says so."""
    return _SPACE.sub(_one_space, _raw(e)).replace("\0", "\n").strip()


def _one_space(_: re.Match[str]) -> str:
    return " "


def _raw(e: Element) -> str:
    parts = [e.text or ""]
    before: Element | None = None  # element with nothing between it and the next one
    for child in e:
        if before is not None and not {before.tag, child.tag} & INLINE:
            parts.append(" ")
        before = None if child.tail else child
        if child.tag in _BREAKS:
            parts.append("\0")
        elif child.tag not in _UNREAD and child.tag != "binary":
            parts.append(_raw(child))
        parts.append(child.tail or "")
    return "".join(parts)


class TextWriter:
    """Text of elements, block by block. `title`: the first heading. `left_out`: parts without text."""

    def __init__(self) -> None:
        self.title = ""
        self.left_out: Counter[str] = Counter()
        self._blocks: list[tuple[str, str]] = []  # kind, text

    def text(self) -> str:
        """All blocks; items, rows and values that follow one another are lines of one block."""
        out: list[str] = []
        before = ""
        for kind, text in self._blocks:
            if out:
                out.append("\n" if kind and kind == before else "\n\n")
            out.append(text)
            before = kind
        return "".join(out)

    def write(self, e: Element, depth: int = 0) -> None:
        """Write an element and what is in it. `depth`: of the section it is in."""
        if e.tag in _UNREAD:
            return
        if e.tag == "binary":
            self.left_out["embedded file"] += 1
        elif e.tag in _HEADS:
            self._heading(inline(e), depth)
        elif e.tag in _CODE:
            self._code("".join(e.itertext()).strip("\n"))
        elif e.tag in _ROWS:
            self._put("row", " | ".join(inline(cell) for cell in e).strip())
        elif e.tag in _ITEMS:
            self._item(e, depth)
        elif e.tag in _RUNNING or _has_text_among(e):
            self._running(e, depth)
        elif not len(e):
            self._put("value", inline(e))
        else:
            below = depth + (e.tag in _SECTIONS)
            for child in e:
                self.write(child, below)

    def _put(self, kind: str, text: str) -> None:
        if text:
            self._blocks.append((kind, text))

    def _heading(self, text: str, depth: int) -> None:
        text = " ".join(text.split())
        if text:
            self.title = self.title or text
            self._put("", f"{'#' * min(max(depth, 1), 6)} {text}")

    def _code(self, code: str) -> None:
        if code.strip():
            fence = "`" * max(3, *(len(f) + 1 for f in re.findall("`+", code) or [""]))
            self._put("", f"{fence}\n{code}\n{fence}")

    def _item(self, e: Element, depth: int) -> None:
        at = len(self._blocks)
        self._running(e, depth)
        if len(self._blocks) > at:
            _, text = self._blocks[at]
            self._blocks[at] = "item", f"- {text}"

    def _running(self, e: Element, depth: int) -> None:
        """Write runs of text, and between them the blocks that stand in it."""
        run = Element("run")
        run.text = e.text
        for child in e:
            if child.tag in _BLOCKS:
                self._put("", inline(run))
                self.write(child, depth)
                run = Element("run")
                run.text = child.tail
            else:
                run.append(child)
        self._put("", inline(run))


def _has_text_among(e: Element) -> bool:
    """True for text beside elements."""
    return bool(len(e)) and bool((e.text or "").strip() or any((c.tail or "").strip() for c in e))


def header_title(root: Element) -> str:
    """Title in the header of a TEI or FictionBook file, "" without one."""
    for path in (".//titleStmt/title", ".//title-info/book-title"):
        found: Any = root.find(path)
        if found is not None and (text := " ".join(inline(found).split())):
            return text
    return ""
