"""Text of XML that is not well-formed: what stands outside of its tags.

Tags are paired as far as they can be. An element whose name says so, one among whose siblings no text stands,
and one that nothing closes begin and end a line; others stand in running text, so that `<b>un</b>able` is one
word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

_TAG = re.compile(
    r"<!--|<!\[CDATA\[|<[?!][^<>]*>|<(?P<close>/?)(?P<name>[^\W\d][\w:.-]*)"
    r"(?:[^<>\"']*(?:(?:\"[^\"<]*\"|'[^'<]*')[^<>\"']*)*|[^<>]*)>"
)
"""A tag, a declaration, or the beginning of a comment or a CDATA section; `< 5` is text."""
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}
_SPACE = re.compile(r"\s+")


class _Element:
    """Element while its tags are paired. `has_text`: directly in it."""

    __slots__ = ("has_text", "is_closed", "name", "parent")

    def __init__(self, name: str, parent: _Element | None) -> None:
        self.name, self.parent = name, parent
        self.has_text = self.is_closed = False


class _Tags(NamedTuple):
    """Names of elements that are lines of their own, and of those that are parts of words."""

    blocks: frozenset[str]
    inline: frozenset[str]

    def are_lines(self, e: _Element) -> bool:
        """True if a tag of the element ends a line."""
        if e.name in self.blocks:
            return True
        if e.name in self.inline:
            return False
        return not e.is_closed or e.parent is None or not e.parent.has_text


def without_tags(text: str, blocks: frozenset[str], inline: frozenset[str]) -> str:
    """Text of a file that is not well-formed: all that stands outside of tags, in lines.

    `blocks`: local names of elements that are lines of their own; `inline`: of those that never are.
    """
    tags = _Tags(blocks, inline)
    parts: list[str] = []
    before: _Element | None = None  # element of an end tag right in front
    for item in list(_tokens(text)):
        if isinstance(item, str):
            parts.append(item)
            before = before if not item else None
            continue
        element, is_start = item
        if tags.are_lines(element):
            parts.append("\n")
        elif is_start and before is not None and not {before.name, element.name} & inline:
            parts.append(" ")
        before = None if is_start else element
    lines = (_SPACE.sub(" ", line).strip() for line in "".join(parts).splitlines())
    return "\n".join(line for line in lines if line)


def _tokens(text: str) -> Iterator[str | tuple[_Element, bool]]:
    """Texts, and tags as their element and whether they begin it."""
    top = _Element("", None)
    opened: Counter[str] = Counter()
    at, endless = 0, set()  # beginnings that nothing ends any more
    while (token := _TAG.search(text, at)) is not None:
        if token.start() > at:
            found = text[at : token.start()]
            top.has_text |= not found.isspace()
            yield unescape(found)
        at = token.end()
        if token["name"] is None:
            begin = token[0]
            stop = -1 if begin in endless else text.find(_ENDS.get(begin, ""), at)
            if stop < 0:
                endless.add(begin)
            elif begin in _ENDS:
                if begin != "<!--" and (raw := text[at:stop]):
                    top.has_text |= not raw.isspace()
                    yield raw
                at = stop + len(_ENDS[begin])
            continue
        name = token["name"].rpartition(":")[2]
        if not token["close"]:
            element = _Element(name, top)
            yield element, True
            if token[0].endswith("/>"):
                element.is_closed = True
                yield element, False
            else:
                opened[name] += 1
                top = element
        elif not opened[name]:  # nothing that it could close
            stray = _Element(name, top)
            stray.is_closed = True
            yield stray, False
        else:
            while True:
                element, top = top, top.parent or top
                opened[element.name] -= 1
                if element.name == name:
                    break
            element.is_closed = True
            yield element, False
    yield unescape(text[at:])
