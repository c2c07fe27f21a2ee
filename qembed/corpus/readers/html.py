"""HTML to what its reader sees: the main content as Markdown with its headings, the title, some metadata.

The parser is Lexbor (selectolax): C, made for the web as it is, and without entities of one's own or
anything fetched. What nests deeper than MAX_DEPTH is not HTML that anybody wrote.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

MAX_DEPTH = 2000

_DROP_NAMES = (
    "head script style noscript template nav aside iframe object embed svg math canvas audio video "
    "button select textarea dialog footer"
)
_BLOCK_NAMES = (
    "address article blockquote body center dd details div dl dt fieldset figcaption figure header hr html "
    "main ol p section summary table tbody tfoot thead ul"
)
_DROP, _BLOCK = frozenset(_DROP_NAMES.split()), frozenset(_BLOCK_NAMES.split())
_HEADINGS = {f"h{n}": "#" * n for n in range(1, 7)}
_MAIN = ("main", "[role=main]", "article")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TAG = re.compile(rb"<\s*(/?)\s*([a-zA-Z][a-zA-Z0-9]*)[^<>]*?(/?)>")
_VOID = frozenset(
    b"area base br col embed hr img input link meta source track wbr p li td tr th".split()
)


class Page(NamedTuple):
    """What of a page is kept."""

    text: str
    title: str
    meta: dict[str, Any]


class TooDeep(ValueError):
    """Elements in elements in elements."""


def read_page(html: str) -> Page:
    """The page that `html` is. Raises TooDeep."""
    from selectolax.lexbor import LexborHTMLParser

    _check_depth(html)
    tree = LexborHTMLParser(html)
    body: Any = tree.body or tree.root
    if body is None:
        return Page("", "", {})
    main = body
    for selector in _MAIN:
        found = tree.css(selector)
        if len(found) == 1 and _letters(found[0]) * 4 >= _letters(body):
            main = found[0]
            break
    text = render(main)
    title = _line(tree, "title") or _line(tree, "h1")
    meta: dict[str, Any] = {}
    for name in ("description", "author"):
        node = tree.css_first(f'meta[name="{name}"]')
        if node is not None and (value := _squeeze(node.attributes.get("content") or "")):
            meta[name] = value
    root = tree.css_first("html")
    if root is not None and (language := root.attributes.get("lang")):
        meta["lang"] = language
    return Page(text, title, meta)


def _check_depth(html: str) -> None:
    """Raises TooDeep for what would make the parser's tree deeper than MAX_DEPTH, by counting tags."""
    depth = 0
    for close, tag, own in _TAG.findall(html.encode("utf-8", "replace")):
        if close:
            depth = max(0, depth - (tag.lower() not in _VOID))
        elif not own and tag.lower() not in _VOID:
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeep(f"HTML nested more than {MAX_DEPTH} deep")


def _letters(node: Any) -> int:
    return len((node.text(deep=True) or "").strip())


def _line(tree: Any, tag: str) -> str:
    node = tree.css_first(tag)
    return _squeeze(node.text(deep=True)) if node is not None else ""


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def render(top: Any) -> str:
    """An element's content as Markdown: headings, paragraphs, list items, table rows, code."""
    out: list[str] = []
    pre = 0
    node = top
    while True:
        tag = node.tag
        enters = (
            tag not in _DROP and node.attributes.get("hidden", 0) == 0 if tag[0] != "-" else False
        )
        if tag == "-text":
            text = node.text_content or ""
            out.append(text.replace("\n", "\0") if pre else _SPACE.sub(" ", text))
        elif enters:
            out.append(_opening(tag))
            pre += tag == "pre"
            if node.child is not None:
                node = node.child
                continue
            out.append(_closing(tag))
            pre -= tag == "pre"
        while node.mem_id != top.mem_id and node.next is None:
            node = node.parent
            out.append(_closing(node.tag))
            pre -= node.tag == "pre"
        if node.mem_id == top.mem_id:
            return _tidy("".join(out))
        node = node.next


def _opening(tag: str) -> str:
    if tag in _HEADINGS:
        return f"\n\n{_HEADINGS[tag]} "
    if tag in _BLOCK:
        return "\n\n"
    return {"li": "\n- ", "br": "\n", "pre": "\n\n```\n"}.get(tag, "")


def _closing(tag: str) -> str:
    if tag in _HEADINGS or tag in _BLOCK:
        return "\n\n"
    return {"td": " | ", "th": " | ", "pre": "\n```\n\n", "tr": "\n"}.get(tag, "")


def _tidy(text: str) -> str:
    """Lines without space around them, one empty line between paragraphs; \\0 is a line end in `pre`."""
    lines = (line.strip(" ").removesuffix(" |") for line in text.split("\n"))
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return re.sub(r"\n?\0\n?", "\n", joined).strip("\n")
