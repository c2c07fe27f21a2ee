"""Parsers of TREC topics: the classic tagged text, which is no XML, and the XML of later tracks.

Both yield (line of the topic, number, title), "" for a missing one. White space in a title is layout and is
collapsed. Description and narrative are not used.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from qembed.evaluation.formats.source_file import ProblemList, Source

# "<" and a letter: "x < y" in a title is text
_TAG = r"</?[a-zA-Z]"


def classic_topics(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, str, str]]:
    """Parse topics `<top> <num> Number: 301 <title> … </top>`; inner tags need no end tag."""
    text = source.text(mistakes)
    if text is None:
        return
    marks = list(re.finditer(r"<(/?)top\s*>", text, re.I))
    line, counted = 1, 0
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        line, counted = line + text.count("\n", counted, mark.start()), mark.start()
        if mark[1]:
            continue
        if after is None or not after[1]:
            mistakes.add(line, "<top> is never closed by </top>")
            continue
        topic = text[mark.end() : after.start()]
        name = re.sub(r"^number:\s*", "", _field(topic, "num"), flags=re.I)
        title = re.sub(r"^Topic:\s*", "", _field(topic, "title") or _field(topic, "query"))
        yield line, name, title


def _field(topic: str, tag: str) -> str:
    found = re.search(rf"<{tag}\s*>(.*?)(?={_TAG}|\Z)", topic, re.I | re.S)
    if not found:
        return ""
    # only complete entities: "AT&T" and "copy&paste" are words
    plain = re.sub(r"&(#\d+|#x[\da-f]+|\w+);", lambda m: html.unescape(m[0]), found[1], flags=re.I)
    return " ".join(plain.split())


def xml_topics(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, str, str]]:
    """Parse topics `<topic number="1"><title>…`; without a title, `<query>` or bare text is the title."""
    # expat tells the line of an element, ElementTree does not
    from xml.parsers import expat

    reader = _Topics()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, have: reader.start(tag, have, parser.CurrentLineNumber)
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    data = source.data
    # several tracks publish topics without an enclosing element
    bare = re.match(rb"\s*<topic[\s>]", data)
    try:
        parser.Parse(b"<topics>" + data + b"</topics>" if bare else data, True)
    except expat.ExpatError as e:
        mistakes.add(e.lineno, f"not XML ({expat.ErrorString(e.code)} at column {e.offset + 1})")
        return
    yield from reader.found


class _Topics:
    """Handlers for expat: fill `found` with one entry for each <topic>."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str, str]] = []
        self._open: list[str] = []
        self._parts: dict[str, str] = {}
        self._name = ""
        self._line = 0

    def start(self, tag: str, have: dict[str, str], line: int) -> None:
        if not self._open and tag == "topic":
            self._name = have.get("number") or have.get("id") or have.get("num") or ""
            self._line, self._parts = line, {}
        if self._open or tag == "topic":
            self._open.append(tag)

    def text(self, text: str) -> None:
        if self._open:
            tag = self._open[1] if len(self._open) > 1 else ""
            self._parts[tag] = self._parts.get(tag, "") + text

    def end(self, tag: str) -> None:
        if not self._open:
            return
        self._open.pop()
        if not self._open:
            parts = {tag: " ".join(text.split()) for tag, text in self._parts.items()}
            name = self._name.strip() or parts.get("num", "") or parts.get("number", "")
            title = parts.get("title") or parts.get("query") or parts.get("", "")
            self.found.append((self._line, name, title))
