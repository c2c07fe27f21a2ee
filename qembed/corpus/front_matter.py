"""Front matter: YAML between `---`, TOML between `+++`, or a JSON object, at the top of a file.

What its parser refuses is read key by key: a value that is none is the text that stands there. Lines that
are not even `key: value` are named in a warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from qembed.corpus.front_matter_yaml import KEY, plain, read_yaml, unread

MAX_BYTES = 1 << 20
"""Characters of front matter."""
MAX_STATEMENT = 200
"""Lines of a value of TOML in a block that its parser refuses."""

_OPENING = re.compile(r"(---|\+\+\+|;;;)[ \t]*(yaml|toml|json)?[ \t]*\r?\n")
_JSON_LINE = re.compile(r'\s*"((?:[^"\\]|\\.)+)"\s*:\s*(.*?),?\s*$')


class FrontMatter(NamedTuple):
    """Metadata, the title as it is written, (line, message) of doubts, and the offset of what follows."""

    meta: dict[str, Any]
    title: str = ""
    warnings: tuple[tuple[int, str], ...] = ()
    end: int = 0


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
    whole = text[opening.end() : opening.end() + MAX_BYTES]
    body = whole.replace("\r\n", "\n")
    found = closing.search(body)
    if found is None:
        if KEY.match(body.split("\n", 1)[0]):
            return FrontMatter(
                {}, warnings=((1, f"front matter without a closing {mark}: read as text"),)
            )
        return FrontMatter({})
    block = body[: found.start()]
    lines = block.split("\n")
    if not lines[0].strip() or (kind == "yaml" and not any(map(KEY.match, lines))):
        return FrontMatter({})  # a rule and text below it
    read = {"yaml": _yaml, "toml": _toml, "json": _json_block}[kind]
    lines_above = block.count("\n") + 2
    end = sum(map(len, text[: opening.end() + MAX_BYTES].splitlines(keepends=True)[:lines_above]))
    return read(block)._replace(end=end)


# ── YAML, TOML and JSON ──────────────────────────────────────────────────────────────────────────


def _yaml(block: str) -> FrontMatter:
    meta, doubts = read_yaml(block, 2)
    return _result(meta, tuple(doubts), _raw_title(block))


def _raw_title(block: str) -> str:
    """The title as it is written, on one line: `1984` and `No` are titles, not values."""
    found = re.search(r"^[\"']?title[\"']?[ \t]*[:=][ \t]+(.+?)[ \t]*$", block, re.M | re.I)
    return "" if found is None else found[1]


def _toml(block: str) -> FrontMatter:
    import tomllib

    try:
        return _result(_deep(tomllib.loads(block)), (), _raw_title(block))
    except (ValueError, RecursionError):
        pass
    meta: dict[str, Any] = {}
    warnings = []
    table: dict[str, Any] = meta
    for line, part in _statements(block):
        if header := re.match(r"(\[\[?)[ \t]*(.+?)[ \t]*\]\]?[ \t]*(?:#.*)?$", part):
            table = _table(meta, _names(header[2]), header[1] == "[[")
            continue
        try:
            _merge(table, _deep(tomllib.loads(part)))
        except (ValueError, RecursionError):
            found = re.match(r"((?:[\w.-]|\"[^\"\n]*\"|'[^'\n]*')+)[ \t]*=[ \t]*(.*)", part)
            if found is None:
                warnings.append((line, unread(part)))
            else:
                *above, name = _names(found[1])
                _table(table, above, False)[name] = found[2].strip().strip("\"'")
                doubt = f"front matter with a value that is no TOML, read as text: {part[:60]}"
                warnings.append((line, doubt))
    return _result(meta, tuple(warnings), _raw_title(block))


def _statements(block: str) -> Iterator[tuple[int, str]]:
    """(line in the file, text) of each statement of TOML; of several lines where only these are one."""
    import tomllib

    lines = block.split("\n")
    at = 0
    while at < len(lines):
        number, end = 1, at + 1
        if re.search(r"=[ \t]*(?:\[|\"\"\"|''')", lines[at]):
            for more in range(2, MAX_STATEMENT):
                try:
                    tomllib.loads("\n".join(lines[at : at + more]))
                except (ValueError, RecursionError):
                    continue
                number = more
                break
            end = at + number
        if lines[at].strip() and not lines[at].lstrip().startswith("#"):
            yield at + 2, "\n".join(lines[at:end]).strip()
        at = end


def _names(dotted: str) -> list[str]:
    """The parts of a dotted name."""
    return [
        a or b or c for a, b, c in re.findall(r"\"([^\"]*)\"|'([^']*)'|([^.\s\"']+)", dotted)
    ] or [""]


def _table(above: dict[str, Any], names: list[str], is_new: bool) -> dict[str, Any]:
    """The table of these names below another; `is_new` appends one to the list of that name."""
    for n, name in enumerate(names):
        found = above.get(name)
        if is_new and n + 1 == len(names):
            found = [*found, {}] if isinstance(found, list) else [{}]
            above[name] = found
        elif not isinstance(found, dict) and not (
            isinstance(found, list) and found and isinstance(found[-1], dict)
        ):
            found = above[name] = {}
        above = found[-1] if isinstance(found, list) else found
    return above


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        old = into.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        else:
            into[name] = value


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _deep(v) for k, v in value.items()}
    return [_deep(v) for v in value] if isinstance(value, list) else plain(value)


def _json(text: str) -> FrontMatter:
    """A JSON object that a text begins with, and something after it."""
    try:
        value, length = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        end = re.search(r"^\}[ \t]*$", text[:MAX_BYTES], re.M)
        if end is not None:
            return _json_lines(text[: end.end()], 1)._replace(end=end.end())
        first = text.split("\n", 1)[0]
        if not re.match(r'\{\s*"[^"\n]*"\s*:', first):
            return FrontMatter({})
        return FrontMatter({}, warnings=((1, unread(first)),))
    return _result(_deep(value), (), "")._replace(end=length)


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
            warnings.append((number, unread(line)))
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
