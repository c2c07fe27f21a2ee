"""Pictures that pages show from files of their own source, and what they say of them: `alt`, else `title`.

An address is compared with the names of files that a walk has found: no text has a file opened.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any
from urllib.parse import unquote, urlsplit

from qembed.corpus import file_contents
from qembed.corpus.formats import PICTURES, format_of, suffix
from qembed.corpus.markdown import body_start
from qembed.corpus.readers import xhtml
from qembed.types import SourceFile, Unreadable

MAX_SAID = 1000
"""Characters of what a page says of a picture."""
MOST_SAID = 10
"""Texts of one picture on one page."""
MAX_PICTURES = 10_000
"""Pictures of one page; what it shows beyond them is not looked at."""
MAX_MARKDOWN, MAX_PARAGRAPH = 300_000, 10_000
"""Characters of Markdown (page, paragraph) in which pictures are looked for: the parser is slow."""
_SHOWS_IN_HTML = re.compile("<(?:[a-z0-9]+:)?ima?ge?", re.IGNORECASE)


def shown_pictures(file: SourceFile, encoding: str | None) -> dict[str, tuple[str, ...]]:
    """Names inside the source of the pictures that a page shows, each with what the page says of it.

    Whether there are such files is not looked at. Empty for a page that cannot be read.
    """
    found = file_contents.text(file, encoding)
    if isinstance(found, Unreadable):
        return {}
    form = format_of(file.name)
    said: dict[str, dict[str, None]] = {}
    try:
        if form == "markdown":
            page = file.name
            pictures: Iterable[tuple[str, str]] = _in_markdown(found.text)
        else:
            page, pictures = _in_html(found.text, form == "xhtml", file.name)
        for address, words in pictures:
            name = picture_name(address, page)
            if name is None or (name not in said and len(said) >= MAX_PICTURES):
                continue
            texts = said.setdefault(name, {})
            if words and len(texts) < MOST_SAID:
                texts[words] = None
    except xhtml.TooDeep:
        return {}
    return {name: tuple(texts) for name, texts in said.items()}


def picture_name(address: str, page: str) -> str | None:
    """Name inside the source of the picture file that a page names by a relative address, None for others."""
    path = _relative_path(address)
    if not path:
        return None
    name = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return None if name.startswith("../") or suffix(name) not in PICTURES else name


def _relative_path(address: str) -> str | None:
    """Decoded path of an address that names no server and no root, None for one that does."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    path = unquote(parts.path)
    is_own = not (parts.scheme or parts.netloc or path.startswith("/") or "\0" in path)
    return path if is_own else None


def described(tree: Any) -> Iterator[tuple[str, str]]:
    """Address and description of each picture of a page that Lexbor has parsed."""
    for node in tree.css("img, image"):
        named = node.attributes
        address = named.get("src") or named.get("xlink:href") or named.get("href") or ""
        yield address, _line(named.get("alt") or "") or _line(named.get("title") or "")


def base_of(tree: Any) -> str:
    """Address that a page's addresses are relative to, "" for its own."""
    node = tree.css_first("base[href]")
    return "" if node is None else node.attributes.get("href") or ""


def page_of(name: str, base: str) -> str:
    """Name that a page's relative addresses start from; one outside of the source for a base elsewhere."""
    path = _relative_path(base)
    if path is None:
        return "../"
    return posixpath.join(posixpath.dirname(name), path) if path else name


def _line(text: str) -> str:
    """Words in a line, without what no reader sees."""
    return " ".join(text.replace("\0", " ").replace("\xad", "").split())[:MAX_SAID]


def _in_html(text: str, is_xhtml: bool, name: str) -> tuple[str, Iterable[tuple[str, str]]]:
    """The name that a page's addresses start from, and its pictures. Raises TooDeep."""
    from selectolax.lexbor import LexborHTMLParser

    if not _SHOWS_IN_HTML.search(text):
        return name, ()
    html = xhtml.to_html(text) if is_xhtml or xhtml.is_declared(text) else text
    xhtml.check_depth(html)
    tree = LexborHTMLParser(html)
    return page_of(name, base_of(tree)), described(tree)


def _in_markdown(text: str) -> Iterator[tuple[str, str]]:
    """Address and description of each picture of a page; HTML in it is read as such. Raises TooDeep."""
    if len(text) > MAX_MARKDOWN or not _may_show(text):
        return
    from markdown_it import MarkdownIt

    # paragraphs without a picture need not be parsed
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    environment: dict[str, Any] = {}
    for block in parser.parse(text[body_start(text) :], environment):
        if block.type == "html_block":
            yield from _in_markup(block.content)
        if (
            block.type != "inline"
            or len(block.content) > MAX_PARAGRAPH
            or not _may_show(block.content)
        ):
            continue
        tokens: list[Any] = []
        parser.inline.parse(block.content, parser, environment, tokens)
        for token in tokens:
            if token.type == "html_inline":
                yield from _in_markup(token.content)
            elif token.type == "image":
                said = _line(_words(token.children)) or _line(str(token.attrs.get("title") or ""))
                yield str(token.attrs.get("src") or ""), said


def _words(tokens: Iterable[Any] | None) -> str:
    """Words of inline Markdown. What markdown-it renders for `alt` has no escaped letters and no entities."""
    words = []
    for token in tokens or ():
        if token.type == "image":
            words.append(_words(token.children))
        else:
            words.append("\n" if token.type.endswith("break") else token.content)
    return "".join(words)


def _may_show(text: str) -> bool:
    return "![" in text or _SHOWS_IN_HTML.search(text) is not None


def _in_markup(html: str) -> Iterator[tuple[str, str]]:
    from selectolax.lexbor import LexborHTMLParser

    if _SHOWS_IN_HTML.search(html):
        xhtml.check_depth(html)
        yield from described(LexborHTMLParser(html))


def without_own_files(
    left_out: Mapping[str, int],
    shown: Iterable[tuple[str, str]],
    page: str,
    pictures: Set[str],
) -> dict[str, int]:
    """Parts left out of a page, without the pictures that are documents of its source.

    `shown`: of each picture its name among the parts, and its address. `page`: the name that addresses start
    from; `pictures`: names inside the source.
    """
    found = Counter(left_out)
    for name, address in shown:
        if picture_name(address, page) in pictures:
            found[name] -= 1
    return dict(+found)
