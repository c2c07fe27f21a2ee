"""Formulas of Office (`m:oMath`) in a line: `x=(-b±√(b^2-4ac))/(2a)`."""

from __future__ import annotations

from collections.abc import Callable

from qembed.corpus.readers.office.ooxml.package import (
    MAX_DEPTH,
    Element,
    attribute,
    child,
    is_off,
    is_on,
    name_of,
)


def formula(element: Element, depth: int = 0) -> str:
    """Return the text of a formula or of a part of one; parts nested deeper than MAX_DEPTH are cut off."""
    name = name_of(element)
    if depth > MAX_DEPTH or not name or name.endswith("Pr") or name == "del":
        return ""
    if name == "t":
        return element.text or ""
    if name == "r" and _is_hidden(element):
        return ""
    if name == "phant" and is_off(child(element, "phantPr", "show")):
        return ""
    form = _FORMS.get(name)
    return form(element, depth) if form is not None else _inside(element, depth)


def _inside(element: Element | None, depth: int) -> str:
    return "" if element is None else "".join(formula(e, depth + 1) for e in element)


def _part(element: Element, name: str, depth: int) -> str:
    return _inside(child(element, name), depth + 1)


def _group(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _is_hidden(run: Element) -> bool:
    """True for a run that is hidden or deleted; it has properties of a formula and of text."""
    own = [e for e in run if name_of(e) == "rPr"]
    return any(is_on(child(e, "vanish")) or child(e, "del") is not None for e in own)


def _fraction(element: Element, depth: int) -> str:
    parts = (_group(_part(element, name, depth)) for name in ("num", "den"))
    return "/".join(parts)


def _scripts(element: Element, depth: int) -> str:
    found = _part(element, "e", depth)
    for name, mark in (("sub", "_"), ("sup", "^")):
        if text := _part(element, name, depth):
            found += mark + _group(text)
    return found


def _root(element: Element, depth: int) -> str:
    return f"{_part(element, 'deg', depth)}√{_group(_part(element, 'e', depth))}"


def _character(element: Element, properties: str, name: str, default: str) -> str:
    found = child(element, properties, name)
    return default if found is None else attribute(found, "val")


def _delimited(element: Element, depth: int) -> str:
    begin, between, end = (
        _character(element, "dPr", name, default)
        for name, default in (("begChr", "("), ("sepChr", "|"), ("endChr", ")"))
    )
    parts = (_inside(e, depth + 1) for e in element if name_of(e) == "e")
    return f"{begin}{between.join(parts)}{end}"


def _nary(element: Element, depth: int) -> str:
    found = _character(element, "naryPr", "chr", "∫")
    for name, mark in (("sub", "_"), ("sup", "^")):
        if text := _part(element, name, depth):
            found += mark + _group(text)
    return f"{found} {_part(element, 'e', depth)}"


def _function(element: Element, depth: int) -> str:
    return f"{_part(element, 'fName', depth)} {_part(element, 'e', depth)}"


def _limit(element: Element, depth: int) -> str:
    return f"{_part(element, 'e', depth)}_{_group(_part(element, 'lim', depth))}"


def _matrix(element: Element, depth: int) -> str:
    rows = (r for r in element if name_of(r) == "mr")
    return "; ".join(", ".join(_inside(e, depth + 2) for e in r if name_of(e) == "e") for r in rows)


def _equations(element: Element, depth: int) -> str:
    return "; ".join(_inside(e, depth + 1) for e in element if name_of(e) == "e")


_FORMS: dict[str, Callable[[Element, int], str]] = {
    "f": _fraction,
    **dict.fromkeys(("sSub", "sSup", "sSubSup", "sPre"), _scripts),
    "rad": _root,
    "d": _delimited,
    "nary": _nary,
    "func": _function,
    **dict.fromkeys(("limLow", "limUpp"), _limit),
    "m": _matrix,
    "eqArr": _equations,
}
