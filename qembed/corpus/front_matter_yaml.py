"""YAML of front matter as JSON values, key by key where its parser refuses it.

A value that is no YAML is the text that stands there. Anchors may repeat what they name as often as makes
MAX_VALUES values, and no tag runs code.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

MAX_NESTED = 50
"""Brackets in brackets; PyYAML's time grows with their depth at every token, minutes for thousands."""
MAX_VALUES = 10_000
"""Values that anchors may make of a few."""
MAX_LEVELS = 20
"""Keys in keys of what is read key by key."""
Doubts = list[tuple[int, str]]
"""Lines of a file, and what is doubtful about them."""

KEY = re.compile(
    r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#\-\[\]{}:=,'"][^:=\n]*?))[ \t]*[:=](?:[ \t]+|$)(.*)"""
)


def read_yaml(block: str, first: int) -> tuple[dict[str, Any], Doubts]:
    """The mapping of a block whose first line is `first` of its file, and the lines that are none of it."""
    try:
        value = load(block)
        if isinstance(value, dict):
            return value, []
    except unreadable():
        pass
    return _key_by_key(block, first, 0)


def _key_by_key(block: str, first: int, level: int) -> tuple[dict[str, Any], Doubts]:
    meta: dict[str, Any] = {}
    doubts: Doubts = []
    for line, part in _parts(block, first):
        found = KEY.match(part.split("\n", 1)[0])
        if found is None:
            if part.strip() and not part.lstrip().startswith("#"):
                doubts.append((line, unread(part)))
            continue
        key = (found[1] or found[2] or found[3]).strip()
        try:
            value = load(part.expandtabs(2))
            if not isinstance(value, dict) or len(value) != 1:
                raise ValueError
            meta.update(value)
        except unreadable():
            below = part.partition("\n")[2]
            inner = _nested(found[4], below, line + 1, level)
            words = " ".join([found[4], *below.split("\n")]).split()
            meta[key] = " ".join(words).strip("\"'") if inner is None else inner
    return meta, doubts


def _nested(value: str, below: str, first: int, level: int) -> dict[str, Any] | list[Any] | None:
    """The mapping or list of texts in the lines below a key, None if they are neither."""
    lines = textwrap.dedent(below.expandtabs(2)).rstrip("\n").split("\n")
    if value.strip() or not any(lines) or level == MAX_LEVELS:
        return None
    if all(line.startswith("- ") or not line for line in lines):
        return [_item(line[2:].strip()) for line in lines if line]
    inner, doubts = _key_by_key("\n".join(lines), first, level + 1)
    return None if doubts else inner


def _item(text: str) -> Any:
    try:
        return load(text)
    except unreadable():
        return text.strip("\"'")


def unread(text: str) -> str:
    """Message about a stretch of front matter that cannot be read."""
    return f"front matter that cannot be read: {' '.join(text.split())[:60]}"


def unreadable() -> tuple[type[BaseException], ...]:
    """Exceptions of `load`."""
    import yaml

    return yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError


def _parts(block: str, start: int) -> Iterator[tuple[int, str]]:
    """(line in the file, text) of each key with the indented lines and list items below it."""
    part: list[str] = []
    first = start
    for number, line in enumerate(block.rstrip("\n").split("\n"), start):
        goes_on = line[:1] in (" ", "\t", "") or line.startswith(("- ", "]", "}"))
        if part and not (goes_on and KEY.match(part[0])):
            yield first, "\n".join(part)
            part = []
        if not part:
            first = number
        part.append(line)
    if part:
        yield first, "\n".join(part)


def load(block: str) -> Any:
    """The value of YAML. Raises what `unreadable` names."""
    import yaml

    steps = (1 if m[0] in "[{" else -1 for m in re.finditer(r"[][{}]", block))
    if max(accumulate(steps, lambda depth, step: max(0, depth + step), initial=0)) > MAX_NESTED:
        raise ValueError("nested too deeply")
    loader = yaml.SafeLoader(block)
    try:
        node = loader.get_single_node()
        _count(node, [], {})
        return None if node is None else _value(loader, node)
    finally:
        loader.dispose()


def _count(node: Any, above: list[int], known: dict[int, int]) -> int:
    """The number of values that a node makes. Raises ValueError over MAX_VALUES, or if it holds itself."""
    if id(node) in above or len(above) > 2 * MAX_NESTED:
        raise ValueError("an anchor that holds itself")
    if id(node) not in known:
        value = getattr(node, "value", None)
        below = value if isinstance(value, list) else []
        children = [x for child in below for x in (child if isinstance(child, tuple) else (child,))]
        n = 1 + sum(_count(child, [*above, id(node)], known) for child in children)
        if n > MAX_VALUES:
            raise ValueError("anchors that make too many values")
        known[id(node)] = n
    return known[id(node)]


def _value(loader: Any, node: Any) -> Any:
    """A node as a JSON value; a scalar of another tag, and one that is none of its tag, is its text."""
    kind = type(node).__name__
    if kind == "ScalarNode":
        if node.tag in ("tag:yaml.org,2002:binary",):
            return node.value
        try:
            return plain(loader.construct_object(node, deep=True))
        except unreadable():
            return node.value
    if kind == "SequenceNode":
        return [_value(loader, child) for child in node.value]
    loader.flatten_mapping(node)
    return {_name(key): _value(loader, child) for key, child in node.value}


def _name(key: Any) -> str:
    if not isinstance(key.value, str):
        raise ValueError("a key that is no text")
    return str(key.value)


def plain(value: Any) -> Any:
    """A scalar as JSON has it: dates in ISO 8601, numbers that are none as text or null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
