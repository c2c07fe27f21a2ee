"""EPUB to Markdown, a chapter a document, in the order of the book's spine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.parsers import expat

from qembed.corpus.readers.archive import Archive, resolve
from qembed.corpus.readers.converted import Broken, Converted, Omitted, Text
from qembed.corpus.readers.html import read_xhtml
from qembed.corpus.readers.xhtml import new_parser, to_html

_PAGES = re.compile(r"|.*(?:xhtml|html|xml|dtbook).*")
"""Media types of chapters, SVG among them; an item that says none is taken for one."""
_ENCODING = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([\w.-]+)")
MAX_FALLBACKS = 10
"""Items that stand in for one another."""


class _Element(NamedTuple):
    """An element of a file that describes the book: its name without prefix, its attributes, its text."""

    name: str
    attributes: dict[str, str]
    text: str


class _Item(NamedTuple):
    """A file of the book."""

    name: str
    media: str
    properties: str
    fallback: str


class _Book(NamedTuple):
    """The book as its package describes it. `contents`: names of pages that are a table of contents."""

    title: str
    author: str
    items: dict[str, _Item]
    spine: list[str]
    contents: frozenset[str]


def epub(data: bytes) -> Iterator[Converted]:
    """Read each chapter that has text. Raises ValueError for what is no EPUB, and for a book without text."""
    archive = Archive(data)
    book = _package(archive)
    encrypted = _encrypted(archive)
    omitted: dict[str, int] = {}
    found = problems = 0
    for n, key in enumerate(book.spine, 1):
        item = _readable(book, key)
        if item is None or item.name not in archive or item.name in encrypted:
            problems += 1
            yield Broken(_problem(n, key, book.items.get(key), item, encrypted))
            continue
        if not _PAGES.fullmatch(item.media):
            kind = "picture" if item.media.startswith("image/") else item.media
            omitted[f"{kind}: {item.name}"] = 1
            continue
        try:
            page_text = _decoded(archive.read(item.name))
            page = read_xhtml(page_text, is_chapter=True)
        except ValueError as e:
            problems += 1
            yield Broken(f"chapter {n} ({item.name}): {e}")
            continue
        if _is_contents(item, book, page.text, page_text):
            continue
        for what, count in page.left_out.items():
            omitted[what] = omitted.get(what, 0) + count
        if page.text:
            found += 1
            meta: dict[str, Any] = {"chapter": n}
            if book.author:
                meta["author"] = book.author
            yield Text(f"#chapter={n}", page.text, book.title or page.title, meta)
    if not found and not problems:
        raise ValueError(f"no text in it ({', '.join(list(omitted)[:5]) or 'no chapters'})")
    for what, count in omitted.items():
        yield Omitted(what, count)


def _package(archive: Archive) -> _Book:
    """The description of the book that the container names. Raises ValueError."""
    roots = [
        e.attributes.get("full-path", "")
        for e in _elements(archive, "META-INF/container.xml")
        if e.name == "rootfile"
    ]
    if not roots:
        raise ValueError("it does not say where its package is")
    root = resolve("", roots[0])
    title = author = ""
    items: dict[str, _Item] = {}
    spine: list[str] = []
    contents = set()
    for e in _elements(archive, root):
        get = e.attributes.get
        if e.name == "title":
            title = title or " ".join(e.text.split())
        elif e.name == "creator":
            author = author or " ".join(e.text.split())
        elif e.name == "item":
            name = resolve(root, get("href", ""))
            items[get("id", "")] = _Item(
                name, get("media-type", "").lower(), get("properties", ""), get("fallback", "")
            )
        elif e.name == "itemref":
            spine.append(get("idref", ""))
        elif e.name == "reference" and get("type", "").lower() == "toc":
            contents.add(resolve(root, get("href", "")))
    if not spine:
        raise ValueError("its package names no chapters")
    return _Book(title, author, items, spine, frozenset(contents))


def _elements(archive: Archive, name: str) -> Iterator[_Element]:
    """The elements of an XML file in the order they begin; of a broken one those before the mistake."""
    parser = new_parser(namespaces=False)
    found: list[tuple[str, dict[str, str], list[str]]] = []
    open_: list[list[str]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        plain = {k.rpartition(":")[2]: v for k, v in attributes.items()}
        open_.append([])
        found.append((tag.rpartition(":")[2], plain, open_[-1]))

    def characters(text: str) -> None:
        if open_:
            open_[-1].append(text)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_.pop()
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(_decoded(archive.read(name)).encode("utf-8", "replace"), True)
    except expat.ExpatError as e:
        if not found:
            raise ValueError(f"{name}: {e}") from None
    for tag, attributes, texts in found:
        yield _Element(tag, attributes, "".join(texts))


def _readable(book: _Book, key: str) -> _Item | None:
    """An item of the spine, or what it names to be read in its place if it is not a page."""
    item = book.items.get(key)
    for _ in range(MAX_FALLBACKS):
        if item is None or _PAGES.fullmatch(item.media) or item.fallback not in book.items:
            break
        item = book.items[item.fallback]
    return item


def _problem(
    n: int, key: str, named: _Item | None, item: _Item | None, encrypted: frozenset[str]
) -> str:
    if named is None or item is None:
        return f"chapter {n}: its manifest has no {key!r}"
    if item.name in encrypted:
        return f"chapter {n} ({item.name}): encrypted"
    return f"chapter {n} ({item.name}): not in the archive"


def _encrypted(archive: Archive) -> frozenset[str]:
    """The names of files that are encrypted, as books of many shops are."""
    name = "META-INF/encryption.xml"
    if name not in archive:
        return frozenset()
    found = (e for e in _elements(archive, name) if e.name == "CipherReference")
    return frozenset(resolve("", e.attributes.get("URI", "")) for e in found)


def _is_contents(item: _Item, book: _Book, text: str, page: str) -> bool:
    """True for a table of contents: chapters say themselves what they are."""
    if "nav" in item.properties.split():
        return all(line.startswith("#") for line in text.split("\n") if line)
    return item.name in book.contents and _share_of_links(page) > 0.5


def _share_of_links(page: str) -> float:
    """Share of a page's text that is links, 0 to 1."""
    from selectolax.lexbor import LexborHTMLParser

    def letters(node: Any) -> int:
        return len((node.text(deep=True) or "").strip())

    tree = LexborHTMLParser(to_html(page))
    every = letters(tree.body) if tree.body is not None else 0
    return sum(map(letters, tree.css("a[href]"))) / every if every else 0.0


def _decoded(data: bytes) -> str:
    """XML as text, by its mark or declaration, else UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared:
        try:
            return data.decode(declared[1].decode("ascii")).removeprefix("\ufeff")
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
