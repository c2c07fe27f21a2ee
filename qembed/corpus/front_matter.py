"""Front matter of Markdown: YAML between `---`, TOML between `+++`, or a JSON object, at the top of a file.

What its parser refuses is read key by key: a value that is no YAML is the text that stands there. Lines
that are not even `key: value` are named in a warning. Anchors may repeat what they name as often as makes
MAX_VALUES values, and no tag runs code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

MAX_BYTES = 1 << 20
"""Characters of front matter."""
MAX_NESTED = 50
"""Brackets in brackets; PyYAML's time grows with their depth at every token, minutes for thousands."""
MAX_VALUES = 10_000
"""Values that anchors may make of a few."""

_OPENING = re.compile(r"(---|\+\+\+|;;;)[ \t]*(yaml|toml|json)?[ \t]*\r?\n")
_KEY = re.compile(
    r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#\-\[\]{}:=,'"][^:=\n]*?))[ \t]*[:=](?:[ \t]+|$)(.*)"""
)
_JSON_LINE = re.compile(r'\s*"((?:[^"\\]|\\.)+)"\s*:\s*(.*?),?\s*$')


class FrontMatter(NamedTuple):
    """Metadata, the title as it is written, and (line, message) of doubts."""

    meta: dict[str, Any]
    title: str = ""
    warnings: tuple[tuple[int, str], ...] = ()


def front_matter(text: str) -> FrontMatter:
    """Read the front matter of a text; an empty one if there is none."""
    if text.startswith("{") and re.match(r'\{\s*"', text):
        return _json(text)
    opening = _OPENING.match(text)
    if opening is None:
        return FrontMatter({})
    mark = opening[1]
    kind = opening[2] or {"---": "yaml", "+++": "toml", ";;;": "json"}[mark]
    closing = re.compile(
        rf"^(?:{re.escape(mark)}{'|[.]{3}' if mark == '---' else ''})[ \t]*$", re.M
    )
    body = text[opening.end() : opening.end() + MAX_BYTES].replace("\r\n", "\n")
    found = closing.search(body)
    if found is None:
        if _KEY.match(body.split("\n", 1)[0]):
            return FrontMatter(
                {}, warnings=((1, f"front matter without a closing {mark}: read as text"),)
            )
        return FrontMatter({})
    block = body[: found.start()]
    lines = block.split("\n")
    if not lines[0].strip() or (kind == "yaml" and not any(map(_KEY.match, lines))):
        return FrontMatter({})  # a rule and text below it
    read = {"yaml": _yaml, "toml": _toml, "json": _json_block}[kind]
    return read(block)


# ── YAML ─────────────────────────────────────────────────────────────────────────────────────────


def _yaml(block: str) -> FrontMatter:
    try:
        value = _load(block)
        if isinstance(value, dict):
            return _result(value, (), _raw_title(block))
    except _unreadable():
        pass
    meta: dict[str, Any] = {}
    warnings = []
    for line, part in _parts(block):
        found = _KEY.match(part.split("\n", 1)[0])
        if found is None:
            if part.strip() and not part.lstrip().startswith("#"):
                warnings.append((line, f"front matter that cannot be read: {_short(part)}"))
            continue
        key = (found[1] or found[2] or found[3]).strip()
        try:
            value = _load(part.expandtabs(2))
            if not isinstance(value, dict) or len(value) != 1:
                raise ValueError
            meta.update(value)
        except _unreadable():
            rest = part.split("\n")[1:]
            words = [found[4].strip(), *(x.strip() for x in rest)]
            meta[key] = " ".join(w for w in words if w).strip("\"'")
    return _result(meta, tuple(warnings), _raw_title(block))


def _unreadable() -> tuple[type[BaseException], ...]:
    import yaml

    return yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError


def _parts(block: str) -> Iterator[tuple[int, str]]:
    """(line in the file, text) of each key with the indented lines and list items below it."""
    part: list[str] = []
    first = 2
    for number, line in enumerate(block.rstrip("\n").split("\n"), 2):
        goes_on = line[:1] in (" ", "\t", "") or line.startswith(("- ", "]", "}"))
        if part and not (goes_on and _KEY.match(part[0])):
            yield first, "\n".join(part)
            part = []
        if not part:
            first = number
        part.append(line)
    if part:
        yield first, "\n".join(part)


def _load(block: str) -> Any:
    """The value of YAML. Raises what `_unreadable` names."""
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
            return _plain(loader.construct_object(node, deep=True))
        except _unreadable():
            return node.value
    if kind == "SequenceNode":
        return [_value(loader, child) for child in node.value]
    loader.flatten_mapping(node)
    return {_name(key): _value(loader, child) for key, child in node.value}


def _name(key: Any) -> str:
    if not isinstance(key.value, str):
        raise ValueError("a key that is no text")
    return str(key.value)


def _plain(value: Any) -> Any:
    """A scalar as JSON has it: dates in ISO 8601, numbers that are none as text or null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _raw_title(block: str) -> str:
    """The title as it is written, on one line: `1984` and `No` are titles, not values."""
    found = re.search(r"^[\"']?title[\"']?[ \t]*[:=][ \t]+(.+?)[ \t]*$", block, re.M | re.I)
    return "" if found is None else found[1]


# ── TOML and JSON ────────────────────────────────────────────────────────────────────────────────


def _toml(block: str) -> FrontMatter:
    import tomllib

    try:
        return _result(_deep(tomllib.loads(block)), (), _raw_title(block))
    except (ValueError, RecursionError):
        pass
    meta: dict[str, Any] = {}
    warnings = []
    for line, part in _parts(block):
        found = re.match(r"([\w.\"'-]+)[ \t]*=[ \t]*(.*)", part)
        try:
            meta.update(_deep(tomllib.loads(part)))
        except (ValueError, RecursionError):
            if found is None:
                warnings.append((line, f"front matter that cannot be read: {_short(part)}"))
            else:
                meta[found[1].strip("\"'")] = found[2].strip().strip("\"'")
    return _result(meta, tuple(warnings), _raw_title(block))


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _deep(v) for k, v in value.items()}
    return [_deep(v) for v in value] if isinstance(value, list) else _plain(value)


def _json(text: str) -> FrontMatter:
    """A JSON object that a text begins with, and something after it."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        end = re.search(r"^\}[ \t]*$", text[:MAX_BYTES], re.M)
        if end is not None:
            return _json_lines(text[: end.end()], 1)
        first = text.split("\n", 1)[0]
        if not re.match(r'\{\s*"[^"\n]*"\s*:', first):
            return FrontMatter({})
        return FrontMatter(
            {}, warnings=((1, f"front matter that cannot be read: {_short(first)}"),)
        )
    return _result(_deep(value), (), "")


def _json_block(block: str) -> FrontMatter:
    try:
        value = json.loads(block if block.lstrip().startswith("{") else f"{{{block}}}")
    except (ValueError, RecursionError):
        return _json_lines(block, 2)
    return _result(_deep(value), (), "")


def _json_lines(block: str, first: int) -> FrontMatter:
    meta: dict[str, Any] = {}
    warnings = []
    for number, line in enumerate(block.split("\n"), first):
        found = _JSON_LINE.match(line)
        if found is not None:
            try:
                meta[found[1]] = _deep(json.loads(found[2]))
            except (ValueError, RecursionError):
                meta[found[1]] = found[2].strip("\"'")
        elif line.strip() not in ("", "{", "}"):
            warnings.append((number, f"front matter that cannot be read: {_short(line)}"))
    return _result(meta, tuple(warnings), "")


def _result(
    meta: dict[str, Any], warnings: tuple[tuple[int, str], ...], written: str
) -> FrontMatter:
    title = next((v for k, v in meta.items() if k.lower() == "title"), None)
    if title is None or isinstance(title, dict):
        shown = ""
    elif isinstance(title, str):
        shown = " ".join(title.split())
    elif isinstance(title, list):
        shown = " ".join(map(str, title))
    else:
        shown = written.strip("\"'") or str(title)
    return FrontMatter(meta, shown, warnings)


def _short(text: str) -> str:
    return " ".join(text.split())[:60]
