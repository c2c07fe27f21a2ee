"""Charts and SmartArt diagrams of Office: titles, labels and data as text."""

from __future__ import annotations

from collections.abc import Iterable

from qembed.corpus.readers.converted import table_text
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    child,
    descendants,
    name_of,
)
from qembed.corpus.readers.office.ooxml.text_body import body_text, paragraphs

MAX_POINTS = 500
"""Values of a chart that are read; a cloud of points says nothing in words."""


def chart(package: Package, part: str) -> Blocks:
    """Read a chart: its title, its data as a table, titles of axes and labels. Raises ValueError."""
    root = package.xml(part)
    found = Blocks()
    titles = list(descendants(root, "title"))
    for title in titles[:1]:
        found.add(_label(title))
    _data(root, found)
    for title in titles[1:]:
        found.add(_label(title))
    for e in descendants(root, "dLbl", "dispUnitsLbl"):
        found.add(_label(e))
    for e in descendants(root, "trendline"):
        found.add((name.text or "") if (name := child(e, "name")) is not None else "")
    for drawing in package.related(part, "chartUserShapes"):
        for body in descendants(package.xml(drawing), "txBody"):
            found.add(body_text(body))
    return found


def _label(element: Element) -> str:
    """The words of a title or label, typed in or taken from cells."""
    lines = [line for rich in descendants(element, "rich") for line in paragraphs(rich)]
    if not lines:
        lines = [e.text or "" for e in descendants(element, "v")]
    return " ".join(" ".join(lines).split())


def _data(root: Element, found: Blocks) -> None:
    """The series as a table: a column each, under its name; the categories are the first column."""
    columns: list[tuple[str, dict[int, str]]] = []
    categories: dict[int, str] = {}
    for series in descendants(root, "ser"):
        name = child(series, "tx")
        heading = "" if name is None else " ".join(e.text or "" for e in descendants(name, "v"))
        for e in series:
            kind = name_of(e)
            if kind in ("cat", "xVal"):
                categories = {**_points(e), **categories}
            elif kind in ("val", "yVal", "bubbleSize"):
                columns.append((heading, _points(e)))
                heading = ""
        if heading:
            columns.append((heading, {}))
    values = sum(len(column) for _, column in columns)
    if values > MAX_POINTS:
        found.omit(f"{values:,} values of a chart")
        columns = [(name, {}) for name, _ in columns]
    keys = sorted({*categories, *(key for _, column in columns for key in column)})
    rows = [[categories.get(key, ""), *(c.get(key, "") for _, c in columns)] for key in keys]
    if any(name for name, _ in columns):
        rows.insert(0, ["", *(name for name, _ in columns)])
    found.add(table_text(rows))


def _points(data: Element) -> dict[int, str]:
    """Index -> text of a cache; of categories in several levels, the inner one first."""
    found: dict[int, list[str]] = {}
    for point in descendants(data, "pt"):
        index = attribute(point, "idx")
        text = " ".join(e.text or "" for e in point if name_of(e) == "v")
        if index.isdigit() and text:
            found.setdefault(int(index), []).append(_number(text))
    return {index: " ".join(reversed(texts)) for index, texts in found.items()}


def _number(text: str) -> str:
    """`0.30000000000000004` as it is shown."""
    try:
        return f"{float(text):.10g}" if "." in text else text
    except ValueError:
        return text


def chart_extended(package: Package, part: str) -> Blocks:
    """Read a chart of the kinds that came with Office 2016: waterfall, tree map, ... Raises ValueError."""
    root = package.xml(part)
    found = Blocks()
    for title in descendants(root, "title"):
        found.add(_label(title))
    for series in descendants(root, "series"):
        name = child(series, "tx")
        found.add("" if name is None else _label(name))
    rows = []
    for level in descendants(root, "lvl"):
        points = [_number(e.text) for e in level if name_of(e) == "pt" and e.text]
        if len(points) > MAX_POINTS:
            found.omit(f"{len(points):,} values of a chart")
        else:
            rows.append(points)
    found.add(table_text(rows))
    return found


def diagram(package: Package, part: str) -> Blocks:
    """Read the data of a SmartArt diagram: its points as a list, as they are drawn. Raises ValueError."""
    root = package.xml(part)
    texts: dict[str, str] = {}
    first = ""
    for point in descendants(root, "pt"):
        key = attribute(point, "modelId")
        if attribute(point, "type") == "doc":
            first = key
        body = child(point, "t")
        texts[key] = "" if body is None else " ".join(" ".join(paragraphs(body)).split())
    below: dict[str, list[tuple[int, str]]] = {}
    for link in descendants(root, "cxn"):
        if attribute(link, "type", "parOf") == "parOf":
            order = attribute(link, "srcOrd", "0")
            place = int(order) if order.isdigit() else 0
            below.setdefault(attribute(link, "srcId"), []).append(
                (place, attribute(link, "destId"))
            )
    found = Blocks()
    found.add("\n".join(f"- {text}" for key in _drawn(first, below, texts) if (text := texts[key])))
    return found


def _drawn(
    first: str, below: dict[str, list[tuple[int, str]]], texts: Iterable[str]
) -> dict[str, None]:
    """The points from the first down, each before those below it; then the ones that hang on nothing."""
    order: dict[str, None] = {}
    stack = [first]
    known = set(texts)
    while stack:
        key = stack.pop()
        if key in known and key not in order:
            order[key] = None
            stack += [k for _, k in sorted(below.get(key, ()), reverse=True)]
    return order | dict.fromkeys(key for key in texts if key not in order)


_READERS = {"chart": chart, "chartEx": chart_extended, "diagramData": diagram}
_KINDS = {"diagramData": "diagram"}


def add_related(package: Package, part: str, element: Element, found: Blocks) -> None:
    """Append the chart or diagram that an element of `part` refers to, or count it as left out."""
    key = attribute(element, "dm") or attribute(element, "id")
    target = package.target(part, key)
    kind = package.relations(part)[key].type if target is not None else "chart"
    reader = _READERS.get(kind)
    if target is None or reader is None:
        found.omit(_KINDS.get(kind, "chart"))
        return
    try:
        found.take(reader(package, target))
    except ValueError as e:
        found.omit(_KINDS.get(kind, "chart"), str(e))
