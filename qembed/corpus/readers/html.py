"""HTML and XHTML to the text that a reader of the page sees: Markdown of the main content, title, metadata.

The parser is Lexbor (selectolax): C, made for the web as it is, without entities of one's own or anything
fetched. XHTML is first read by the rules of XML (`xhtml`). Navigation, controls and scripts are not text;
`aside` and `footer` are text inside the main content and boilerplate outside of it. Pictures, frames and
embedded objects are counted as left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from qembed.corpus.readers import xhtml
from qembed.corpus.readers.pictures.shown import base_of
from qembed.corpus.readers.xhtml import check_depth

_HEADINGS = {f"h{n}": "#" * n for n in range(1, 7)}
_BLOCK_NAMES = (
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer header hgroup hr html legend main menu ol p search section summary table tbody tfoot "
    "thead ul"
)
_BLOCK = _BLOCK_NAMES.split()
_OPEN = {
    **dict.fromkeys(_BLOCK, "\n\n"),
    **{tag: f"\n\n{mark} " for tag, mark in _HEADINGS.items()},
    **{"li": "\n- ", "br": "\n", "pre": "\n\n```\n", "textarea": "\n\n", "rt": "("},
}
"""Tag -> text in front of an element's content."""
_CLOSE = {
    **dict.fromkeys((*_BLOCK, *_HEADINGS, "textarea"), "\n\n"),
    **{"td": " | ", "th": " | ", "pre": "\n```\n\n", "tr": "\n", "rt": ")"},
}
"""Tag -> text after an element's content."""
_VERBATIM = frozenset(("pre", "textarea"))
_CONTENT = frozenset(("article", "blockquote", "details", "figure", "main", "section", "table"))
"""Elements whose `aside` and `footer` belong to what they say."""
_DROP_NAMES = "head script style noscript template nav rp annotation annotation-xml"
_DROP = frozenset(_DROP_NAMES.split())
_CAPTIONS = frozenset((*_HEADINGS, "summary", "dt", "th", "legend"))
"""Elements whose buttons are their text: an accordion's questions."""
_MAIN = ("main", "[role=main]", "article")
_SPACE = re.compile(r"[ \t\r\n\f]+")
MAX_FRAMES = 3
"""Pages inside pages (`iframe srcdoc`)."""


class Page(NamedTuple):
    """Text, title and metadata of a page.

    `left_out` counts parts in none of them by kind, `shown` has their addresses, which are relative to
    `base`, `warnings` lines from 1.
    """

    text: str
    title: str
    meta: dict[str, Any]
    left_out: Mapping[str, int] = MappingProxyType({})
    warnings: Sequence[tuple[int | None, str]] = ()
    shown: Sequence[tuple[str, str]] = ()
    base: str = ""


def read_page(html: str) -> Page:
    """Read an HTML page, or an XHTML page that says so in its first lines. Raises TooDeep."""
    return read_xhtml(html) if xhtml.is_declared(html) else _page(html)


def read_xhtml(text: str, is_chapter: bool = False) -> Page:
    """Read XHTML by the rules of XML, or as HTML if it breaks them. Raises TooDeep.

    The whole body of a chapter of a book is its main content.
    """
    return _page(xhtml.to_html(text), is_chapter)


def _page(html: str, is_chapter: bool = False, frames: int = 0) -> Page:
    from selectolax.lexbor import LexborHTMLParser

    check_depth(html)
    tree = LexborHTMLParser(html)
    body: Any = tree.body or tree.root
    if body is None:
        return Page("", "", {})
    main = body if is_chapter else _main(tree, body)
    content = _Renderer(frames)
    text = content.render(main, is_chapter or main.mem_id != body.mem_id)
    for frame in tree.css("frame"):
        content.leave_out("frame", frame, "src")
    if not text and not is_chapter and tree.css_first("script") is not None:
        content.left_out["the content that its scripts would write"] += 1
    return Page(
        text,
        _title(tree),
        _metadata(tree),
        content.left_out,
        shown=content.shown,
        base=base_of(tree),
    )


def _main(tree: Any, body: Any) -> Any:
    """The element of the main content: `body` if no other stands out."""
    for selector in _MAIN:
        found = tree.css(selector)
        if len(found) == 1 and _letters(found[0]) * 4 >= _letters(body):
            return found[0]
    return body


def _title(tree: Any) -> str:
    """The page's title or first heading; a drawing's title is neither."""
    drawn = {node.mem_id for node in tree.css("svg title")}
    node = next((node for node in tree.css("title") if node.mem_id not in drawn), None)
    if node is not None and (title := _squeeze(node.text(deep=True))):
        return title
    node = tree.css_first("h1")
    return _squeeze(node.text(deep=True)) if node is not None else ""


def _metadata(tree: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for name in ("description", "author"):
        node = tree.css_first(f'meta[name="{name}"]')
        if node is not None and (value := _squeeze(node.attributes.get("content") or "")):
            meta[name] = value
    root = tree.css_first("html")
    if root is not None and (language := root.attributes.get("lang")):
        meta["lang"] = language
    return meta


def _letters(node: Any) -> int:
    return len((node.text(deep=True) or "").strip())


def _squeeze(text: str) -> str:
    return " ".join(text.replace("\xad", "").split())


class _Renderer:
    """An element's content as Markdown: headings, paragraphs, list items, table rows, code.

    `left_out` counts the parts that have no text; `shown`: their kinds and addresses.
    """

    def __init__(self, frames: int) -> None:
        self.left_out: Counter[str] = Counter()
        self.shown: list[tuple[str, str]] = []
        self._frames = frames

    def render(self, top: Any, is_content: bool) -> str:
        """The text below `top`; `is_content` if all of it belongs to the main content."""
        out: list[str] = []
        verbatim, content = 0, int(is_content)
        node = top
        while True:
            tag = node.tag
            if tag == "-text":
                text = node.text_content or ""
                out.append(text.replace("\n", "\0") if verbatim else _SPACE.sub(" ", text))
            elif tag[0] != "-" and tag not in _DROP and _is_shown(node):
                special = _SPECIAL.get(tag)
                instead = special(self, node, content > 0) if special is not None else None
                if instead is not None:
                    out.append(instead)
                else:
                    out.append(_OPEN.get(tag, ""))
                    if node.child is not None:
                        verbatim += tag in _VERBATIM
                        content += tag in _CONTENT
                        node = node.child
                        continue
                    out.append(_CLOSE.get(tag, ""))
            while node.mem_id != top.mem_id and node.next is None:
                node = node.parent
                tag = node.tag
                out.append(_CLOSE.get(tag, ""))
                verbatim -= tag in _VERBATIM
                content -= tag in _CONTENT
            if node.mem_id == top.mem_id:
                return _tidy("".join(out))
            node = node.next

    def leave_out(self, kind: str, node: Any, *names: str) -> str:
        """Count an element as left out, under the first of its attributes that names it; "" for its text."""
        for name in names:
            value = _squeeze(node.attributes.get(name) or "")
            if value and not value.startswith("data:"):
                kind = f"{kind}: {value[:100]}"
                break
        self.left_out[kind] += 1
        self.shown.append((kind, node.attributes.get("src") or ""))
        return ""

    def _boilerplate(self, node: Any, is_content: bool) -> str | None:
        """An `aside` or `footer`: text in the main content, and wherever it is a note."""
        if is_content:
            return None
        found = node.attributes
        role = f"{found.get('role') or ''} {found.get('epub:type') or ''}"
        is_note = "note" in role or "footnote" in (found.get("class") or "")
        return None if is_note else ""

    def _note_mark(self, node: Any, is_content: bool) -> str | None:
        """The number of a note, in brackets: without them it would be part of the word before it."""
        found = node.attributes
        is_mark = "noteref" in f"{found.get('role')} {found.get('epub:type')}"
        is_mark |= node.tag == "sup" and node.css_first("a[href^='#']") is not None
        text = _squeeze(node.text(deep=True)) if is_mark else ""
        return f"[{text}]" if text.isalnum() and len(text) < 4 else None

    def _dialog(self, node: Any, is_content: bool) -> str | None:
        return None if "open" in node.attributes else ""

    def _button(self, node: Any, is_content: bool) -> str | None:
        """A control, unless it is all the text of a heading."""
        above = node.parent
        for _ in range(4):
            if above is None:
                break
            if above.tag in _CAPTIONS:
                return None if _letters(above) == _letters(node) else ""
            above = above.parent
        return ""

    def _select(self, node: Any, is_content: bool) -> str:
        if is_content:
            self.leave_out("choices of a form", node, "aria-label", "name")
        return ""

    def _image(self, node: Any, is_content: bool) -> str:
        """A picture; one with an empty `alt` says that it is decoration."""
        if node.attributes.get("alt") == "" and "alt" in node.attributes:
            return ""
        return self.leave_out("picture", node, "alt", "src")

    def _frame(self, node: Any, is_content: bool) -> str:
        inner = node.attributes.get("srcdoc")
        if not inner or self._frames >= MAX_FRAMES:
            return self.leave_out("frame", node, "title", "src")
        page = _page(inner, frames=self._frames + 1)
        self.left_out.update(page.left_out)
        return f"\n\n{page.text}\n\n"

    def _object(self, node: Any, is_content: bool) -> str:
        return self.leave_out("embedded object", node, "title", "data", "src", "type")

    def _media(self, node: Any, is_content: bool) -> str:
        return self.leave_out(node.tag, node, "title", "aria-label", "src")

    def _drawing(self, node: Any, is_content: bool) -> str:
        """The labels of an SVG drawing, a line each."""
        labels = (_squeeze(n.text(deep=True)) for n in node.css("text, foreignObject"))
        text = "\n".join(dict.fromkeys(filter(None, labels)))
        return f"\n{text}\n" if "\n" in text else text

    def _math(self, node: Any, is_content: bool) -> str:
        """A formula in a line; KaTeX shows the same formula once more as HTML, which is read instead."""
        above = node.parent
        if above is not None and "katex-mathml" in (above.attributes.get("class") or ""):
            return ""
        return f" {' '.join(_formula(node, 0).split())} "


_Special: TypeAlias = "Callable[[_Renderer, Any, bool], str | None]"

_SPECIAL: dict[str, _Special] = {  # the text instead of an element's content, or None
    **dict.fromkeys(("aside", "footer"), _Renderer._boilerplate),
    **dict.fromkeys(("a", "sup"), _Renderer._note_mark),
    "dialog": _Renderer._dialog,
    "button": _Renderer._button,
    "select": _Renderer._select,
    "img": _Renderer._image,
    "iframe": _Renderer._frame,
    **dict.fromkeys(("object", "embed"), _Renderer._object),
    **dict.fromkeys(("audio", "video", "canvas"), _Renderer._media),
    "svg": _Renderer._drawing,
    "math": _Renderer._math,
}


def _is_shown(node: Any) -> bool:
    """False for `hidden`, but true for `until-found`, which a search reveals."""
    return node.attributes.get("hidden", 0) in (0, "until-found")


_BETWEEN = {"mfrac": "/", "msup": "^", "msub": "_", "munder": "_", "mover": "^", "mtr": " "}
"""MathML: what stands between the parts of an element."""


def _formula(node: Any, depth: int) -> str:
    """MathML in a line. Parts more than 100 deep are cut off."""
    if node.tag == "-text":
        return node.text_content or ""
    if node.tag in _DROP or node.tag[0] == "-" or depth > 100:
        return ""
    parts = [_formula(child, depth + 1) for child in node.iter(include_text=True)]
    if node.tag in _BETWEEN:
        return _BETWEEN[node.tag].join(filter(str.strip, parts))
    if node.tag in ("msqrt", "mroot"):
        return f"√({' '.join(parts)})"
    return "".join(parts) + (" " if node.tag in ("mrow", "mtr", "mtd", "mtext") else "")


def _tidy(text: str) -> str:
    """Lines without space around them, one empty line between paragraphs; \\0 is a line end in `pre`."""
    lines = (line.strip(" ").removesuffix(" |") for line in text.replace("\xad", "").split("\n"))
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return re.sub(r"\n?\0\n?", "\n", joined).strip("\n")
