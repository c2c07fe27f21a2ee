"""XHTML to HTML: pages read by the rules of XML, written again so that an HTML parser sees the same elements.

In XML `<title/>`, `<script/>` or `<textarea/>` are empty elements; an HTML parser takes all that follows for
their content. The parser is expat: nothing is fetched, HTML's named characters are known, and entities of
one's own are plain text or refused.
"""

from __future__ import annotations

import re
from html import escape
from html.entities import name2codepoint
from typing import Any
from xml.parsers import expat

MAX_DEPTH = 2000
"""Elements inside one another; nobody writes more."""

_XHTML = "http://www.w3.org/1999/xhtml"
_KNOWN = ("", _XHTML, "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML")
_PREFIXES = {
    "http://www.idpf.org/2007/ops": "epub:",
    "http://www.w3.org/XML/1998/namespace": "",
    "http://www.w3.org/1999/xlink": "xlink:",
}
_EMPTY_NAMES = "area base basefont br col embed frame hr img input link meta param source track wbr"
_EMPTY = frozenset(_EMPTY_NAMES.split())
_UNSEEN = frozenset(("script", "style", "noscript", "noembed", "noframes", "template"))
_RENAMED = {"xmp": "pre", "listing": "pre", "plaintext": "pre"}
_DTD = "".join(
    f'<!ENTITY {name} "&#{38 if code in (38, 60) else code};{f"#{code};" if code in (38, 60) else ""}">'
    for name, code in name2codepoint.items()
)
_DECLARED = re.compile(r"\s*<\?xml\b")
_NAMESPACE = re.compile(r"<html\b[^>]*\bxmlns\s*=\s*[\"']" + re.escape(_XHTML), re.IGNORECASE)
_SELF_CLOSED = re.compile(r"<([a-zA-Z][\w:.-]*)((?:\s[^<>]*?)?)/>")
_RAW = "title textarea script style iframe noscript xmp listing noembed noframes plaintext"
_SWALLOWING = re.compile(rf"<(?:{_RAW.replace(' ', '|')})\b[^<>]*/>", re.I)
_TAG = re.compile(rb"<\s*(/?)\s*([a-zA-Z][a-zA-Z0-9]*)[^<>]*?(/?)>")
_VOID = frozenset(
    b"area base br col embed hr img input link meta source track wbr p li td tr th".split()
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)


class TooDeep(ValueError):
    """Elements nested more than MAX_DEPTH deep."""


def check_depth(html: str) -> None:
    """Raises TooDeep for what would make the parser's tree deeper than MAX_DEPTH, by counting tags."""
    depth = 0
    for close, tag, own in _TAG.findall(html.encode("utf-8", "replace")):
        if close:
            depth = max(0, depth - (tag.lower() not in _VOID))
        elif not own and tag.lower() not in _VOID:
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeep(f"HTML nested more than {MAX_DEPTH} deep")


def is_declared(text: str) -> bool:
    """True for a page that says it is XML: by an XML declaration, or by its namespace where that matters."""
    if _DECLARED.match(text):
        return True
    return bool(_SWALLOWING.search(text)) and bool(_NAMESPACE.search(text, 0, 4096))


def to_html(text: str) -> str:
    """The same page as HTML. A page that is not well-formed is only mended. Raises TooDeep."""
    try:
        return _Writer().written(text)
    except expat.ExpatError:
        return mended(text)


def mended(text: str) -> str:
    """XHTML with mistakes as HTML: self-closed elements get end tags, CDATA sections become text."""

    def closed(found: re.Match[str]) -> str:
        tag, rest = found.groups()
        if tag.lower() in _RAW.split():
            return f"<iframe{rest}></iframe>" if tag.lower() == "iframe" else ""
        return f"<{tag}{rest}>" if tag.lower() in _EMPTY else f"<{tag}{rest}></{tag}>"

    return _SELF_CLOSED.sub(closed, _CDATA.sub(lambda found: escape(found[1], False), text))


def new_parser(namespaces: bool) -> Any:
    """Return an XML parser (expat) that knows HTML's named characters and fetches nothing.

    It is fed with UTF-8, whatever a declaration says. With `namespaces`, names are `namespace local`.
    Entities inside entities make it raise ExpatError.
    """
    parser = expat.ParserCreate("utf-8", " " if namespaces else None)
    parser.buffer_text = True
    parser.UseForeignDTD(True)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
    is_own = True

    def external(context: str | None, *_: str | None) -> int:
        nonlocal is_own
        if context is None:  # the document type, of which only named characters matter
            is_own = False
            parser.ExternalEntityParserCreate(context, "utf-8").Parse(_DTD, True)
            is_own = True
        return 1  # any other entity is empty

    def entity(name: str, is_parameter: bool, value: str | None, *_: Any) -> None:
        # entities inside entities grow without end
        if is_own and value is not None and (is_parameter or "&" in value or "%" in value):
            raise expat.ExpatError(f"entity {name} is refused")

    parser.ExternalEntityRefHandler = external
    parser.EntityDeclHandler = entity
    return parser


class _Writer:
    """Events of the XML parser to HTML."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._depth = 0
        self._unseen = 0
        self._room = 0
        """Characters that may still come: entities of the page's own make a page longer, not endless."""

    def written(self, text: str) -> str:
        """The page as HTML. Raises ExpatError, TooDeep."""
        self._room = 4 * len(text) + 65_536
        parser = new_parser(namespaces=True)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(text.encode("utf-8", "replace"), True)
        return "".join(self._out)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeep(f"XHTML nested more than {MAX_DEPTH} deep")
        tag = _tag(name)
        if self._unseen or tag in _UNSEEN:
            self._unseen += 1
            return
        written = "".join(f' {_attribute(k)}="{escape(v)}"' for k, v in attributes.items())
        self._out.append(f"<{tag}{written}>")
        if tag == "iframe":
            self._unseen += 1

    def _end(self, name: str) -> None:
        self._depth -= 1
        tag = _tag(name)
        if self._unseen:
            self._unseen -= 1
            if self._unseen or tag != "iframe":
                return
        if tag not in _EMPTY:
            self._out.append(f"</{tag}>")

    def _characters(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise expat.ExpatError("entities make the page too long")
        if not self._unseen:
            self._out.append(escape(text, False))


def _tag(name: str) -> str:
    space, _, local = name.rpartition(" ")
    if space not in _KNOWN:
        return "span"
    local = local.lower() if space in ("", _XHTML) else local
    return _RENAMED.get(local, local)


def _attribute(name: str) -> str:
    space, _, local = name.rpartition(" ")
    return f"{_PREFIXES.get(space, 'x-')}{local}" if space else local
