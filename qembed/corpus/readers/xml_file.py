"""XML files: feeds and wiki exports by entry, pages as XHTML, all other vocabularies as one document."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element
from xml.parsers import expat

from qembed.corpus import file_contents
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers import html
from qembed.corpus.readers.malformed_xml import without_tags
from qembed.corpus.readers.xml_tree import (
    INLINE,
    LINES,
    TextWriter,
    header_title,
    inline,
    parse,
    speaks_in_attributes,
)
from qembed.types import (
    Document,
    LeftOut,
    ReadItem,
    ReadWarning,
    Skipped,
    SourceFile,
    Unreadable,
)

_ENTRIES = {"rss": ".//item", "RDF": "item", "feed": "entry", "mediawiki": "page"}
"""Root elements of files with several documents -> path of each."""
NO_WORDS = "drawing without words"
LEAST_TEXT = 0.1
"""Share of a file that is not well-formed which is text, below which its tags are read too."""


def read_xml(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read an XML file. One that is not well-formed gives what stands outside of its tags, with a warning."""
    found = file_contents.text(file, options.encoding)
    if isinstance(found, Unreadable):
        yield found
        return
    where = os.fspath(file.location)
    lines: dict[Element, int] = {}
    try:
        root = parse(found.text, lines)
    except expat.ExpatError as e:
        text = without_tags(found.text, LINES, INLINE)
        if len(text) < LEAST_TEXT * len(found.text):  # it speaks in attributes
            text = found.text
        yield Document(file.name, text, meta=found.meta)
        said = f"not well-formed XML ({e}): read without its tags"
        yield ReadWarning(where, said, getattr(e, "lineno", None))
        return
    except ValueError as e:
        yield Unreadable(where, str(e))
        return
    yield from found.warnings
    path = _ENTRIES.get(root.tag)
    entries = root.findall(path) if path else []
    if entries:
        for number, entry in enumerate(entries, 1):
            options.at(number, len(entries))
            yield _entry(f"{file.name}#item={number}", entry, lines[entry])
        return
    if root.tag == "html":
        page = html.read_xhtml(found.text)
        yield Document(file.name, page.text, page.title, {**page.meta, **found.meta})
    elif root.tag == "opml":
        title = " ".join((root.findtext("head/title") or "").split())
        yield Document(file.name, "\n".join(_outline(root.find("body"), 0)), title, found.meta)
    elif speaks_in_attributes(root):
        yield Document(file.name, found.text, meta=found.meta)
    else:
        writer = TextWriter()
        writer.write(root)
        yield Document(
            file.name, writer.text(), header_title(root) or writer.title, dict(found.meta)
        )
        for what, count in writer.left_out.items():
            yield LeftOut(where, what, count)


def read_svg(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read the words of a drawing: titles, descriptions, labels. Skipped without any."""
    found = file_contents.text(file, options.encoding)
    if isinstance(found, Unreadable):
        yield found
        return
    where = os.fspath(file.location)
    try:
        root = parse(found.text)
    except (expat.ExpatError, ValueError) as e:
        yield Unreadable(where, f"not SVG that can be read: {e}")
        return
    for element in root.iter():
        if element.tag in ("style", "script", "metadata"):
            element.clear()
    writer = TextWriter()
    writer.write(root)
    if text := writer.text():
        yield Document(file.name, text, writer.title, dict(found.meta))
    else:
        yield Skipped(where, NO_WORDS)


def _entry(name: str, entry: Element, line: int) -> Document:
    """Document of an entry of a feed, or of a page of a wiki; `line`: where it begins, 1-based."""
    meta: dict[str, Any] = {}
    link = entry.find("link")
    if link is not None and (address := link.get("href") or (link.text or "").strip()):
        meta["link"] = address
    for tag in ("published", "pubDate", "date", "updated", "revision/timestamp"):
        if date := (entry.findtext(tag) or "").strip():
            meta["date"] = _iso(date)
            break
    for tag in ("author/name", "creator", "author"):
        if author := " ".join((entry.findtext(tag) or "").split()):
            meta["author"] = author
            break
    tags = [(c.get("term") or c.text or "").strip() for c in entry.findall("category")]
    if tags := [t for t in tags if t]:
        meta["tags"] = tags
    title = " ".join((entry.findtext("title") or "").split())
    return Document(name, _body(entry) or title, title, meta, line)


def _body(entry: Element) -> str:
    """Text of an entry: its content, else its summary; the latest text of a page of a wiki."""
    texts = entry.findall("revision/text")
    if texts:
        return (texts[-1].text or "").strip()
    for tag in ("encoded", "content", "description", "summary"):
        found = entry.find(tag)
        if found is None:
            continue
        if len(found):  # XHTML inside
            writer = TextWriter()
            for child in found:
                writer.write(child)
            if text := writer.text():
                return text
        elif text := (found.text or "").strip():
            is_plain = found.get("type") in ("text", "text/plain") or "<" not in text
            return inline(found) if is_plain else html.read_page(text).text
    return ""


def _iso(date: str) -> str:
    """Date in ISO form, as it is if it is in no form that feeds use."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).isoformat()
    except ValueError:
        return date


def _outline(e: Element | None, depth: int) -> Iterator[str]:
    """Lines of an outline, as a nested list."""
    for child in e.findall("outline") if e is not None else ():
        text = child.get("text") or child.get("title") or ""
        if text := " ".join(text.split()):
            yield f"{'  ' * depth}- {text}"
        yield from _outline(child, depth + 1)
