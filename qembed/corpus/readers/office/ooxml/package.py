"""Packages of Office Open XML: parts, the relationships between them, and their XML.

Elements are known by their local names: the transitional and the strict form of the standard have other
namespaces and the same names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from qembed.corpus.readers.archive import Archive, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

Element: TypeAlias = Any
"""An element of lxml."""

_ENCODING = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([^\"']*)")
_PLAIN_ENCODINGS = frozenset((b"utf-8", b"utf-16", b"us-ascii", b"iso-8859-1", b"windows-1252"))

MAX_DEPTH = 400
"""Elements inside one another that are looked at."""


class Relation(NamedTuple):
    """A reference from one part to another. `type`: the last word of its type (`image`, `comments`)."""

    type: str
    target: str
    external: bool


@lru_cache(maxsize=4096)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def name_of(element: Element) -> str:
    """Return an element's local name, "" of a comment or an entity."""
    tag = element.tag
    return _local(tag) if isinstance(tag, str) else ""


def attribute(element: Element, name: str, default: str = "") -> str:
    """Return an attribute by its local name, with or without a namespace."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, value in element.items():
        if _local(key) == name:
            return str(value)
    return default


def child(element: Element | None, *names: str) -> Element | None:
    """Return the first child of this local name, and of that the first child of the next name, or None."""
    for name in names:
        if element is None:
            return None
        element = next((e for e in element if name_of(e) == name), None)
    return element


def descendants(element: Element, *names: str) -> Iterator[Element]:
    """Yield the elements of these local names below `element`, in the order of the document."""
    yield from element.iter(*(f"{{*}}{name}" for name in names))


_OFF = ("0", "false", "off")


def is_on(element: Element | None) -> bool:
    """True for a switch such as `<w:vanish/>` that is there and is not turned off."""
    return element is not None and attribute(element, "val", "1").lower() not in _OFF


def is_off(element: Element | None) -> bool:
    """True for a switch that is there and is turned off."""
    return element is not None and not is_on(element)


class Package:
    """The parts of a file by name. Raises ValueError for what is no package."""

    def __init__(self, data: bytes) -> None:
        self._archive = Archive(data)
        self._relations: dict[str, dict[str, Relation]] = {}
        main = self.related("", "officeDocument")
        if not main:
            raise ValueError("it does not say where its content is")
        self.main = main[0]
        """Name of the part that the content begins in."""

    def __contains__(self, name: str) -> bool:
        return name in self._archive

    def read(self, name: str) -> bytes:
        """Return a part's bytes. Raises ValueError if it is missing or damaged."""
        return self._archive.read(name)

    def xml(self, name: str) -> Element:
        """Return the root element of a part. Raises ValueError."""
        return parse_xml(self.read(name), name)

    def relations(self, name: str) -> dict[str, Relation]:
        """Return what a part refers to, by the id of the reference; {} if it refers to nothing."""
        if name not in self._relations:
            folder, _, leaf = name.rpartition("/")
            rels = f"{folder}/_rels/{leaf}.rels".lstrip("/")
            found = {}
            if rels in self._archive:
                for e in descendants(self.xml(rels), "Relationship"):
                    external = e.get("TargetMode") == "External"
                    target = e.get("Target", "")
                    found[e.get("Id", "")] = Relation(
                        e.get("Type", "").rpartition("/")[2],
                        target if external else resolve(name, target),
                        external,
                    )
            self._relations[name] = found
        return self._relations[name]

    def related(self, name: str, *types: str) -> list[str]:
        """Return the names of the parts of these types that a part refers to and that are there."""
        return [
            r.target
            for r in self.relations(name).values()
            if r.type in types and not r.external and r.target in self._archive
        ]

    def target(self, name: str, key: str) -> str | None:
        """Return the part that the reference `key` of a part means, None if there is no such part."""
        found = self.relations(name).get(key)
        if found is None or found.external or found.target not in self._archive:
            return None
        return found.target

    def properties(self) -> tuple[str, str]:
        """Return title and author."""
        try:
            (name, *_) = self.related("", "core-properties")
            root = self.xml(name)
        except ValueError:
            return "", ""
        found = {name_of(e): " ".join((e.text or "").split()) for e in root}
        return found.get("title", ""), found.get("creator", "")


def parse_xml(data: bytes, name: str) -> Element:
    """Return the root of XML without a document type. Raises ValueError."""
    from lxml import etree

    try:
        return etree.fromstring(data, etree.XMLParser(**xml_options(data, name)))
    except etree.XMLSyntaxError as e:
        raise ValueError(f"{name}: {e.msg}") from None


def xml_options(data: bytes, name: str) -> dict[str, bool]:
    """Return the options to parse `data` with.

    Raises ValueError for XML with a document type, which could hold entities that grow without end.
    """
    mark = "<!DOCTYPE"
    if any(mark.encode(encoding) in data for encoding in ("ascii", "utf-16-le", "utf-16-be")):
        raise ValueError(f"{name}: a document type, which Office files never have")
    declared = _ENCODING.match(data)
    return {
        "resolve_entities": False,
        "no_network": True,
        # long texts and deep elements; safe where no document type can hide in an odd encoding
        "huge_tree": not declared or declared[1].lower() in _PLAIN_ENCODINGS,
        "remove_comments": True,
        "remove_pis": True,
    }
