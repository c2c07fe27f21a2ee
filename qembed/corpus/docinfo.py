"""Metadata of reStructuredText: the field list at the top (docinfo), Nikola's comments, or front matter.

As docutils and Sphinx have it, the list follows the document's title and subtitle, or stands before any
title; comments between them do not matter.
"""

from __future__ import annotations

import re
from typing import Any

from qembed.corpus.front_matter import FrontMatter, front_matter
from qembed.corpus.rst import bare, is_mark

HEADS = (4096, 1 << 18)
"""Characters from the top of a file that are looked at: more where the fewer are comments and fields only."""
_FIELD = re.compile(r":((?:[^:\\\n]|\\.|:(?=\S))+?):(?:[ \t]+(.*)|$)")
_COMMENT = re.compile(r"\.\.(?:[ \t]+(?!_|\[|\||[\w:.+-]+::)(.*)|$)")
_NIKOLA = re.compile(r"([\w-]+):(?:[ \t]+(.*)|$)")
_KEYWORD = re.compile(r"\$\w+:[ \t]*(.*?)[ \t]*\$$")
_LISTS = frozenset(("tags", "authors", "keywords"))
"""Fields that hold several values, between semicolons if there are any, else between commas."""


def docinfo(text: str) -> FrontMatter:
    """Metadata at the top of a text: names in lower case, values as they are written, without markup.

    A name that comes twice has a list of its values, one without a value is true.
    """
    front = front_matter(text)
    if front.meta:
        return front
    fields: list[tuple[str, str]] = []
    for size in HEADS:
        lines = text[:size].split("\n")
        if len(text) > size:
            lines.pop()  # it may be half of one
        fields, is_whole = _fields([line.rstrip() for line in lines])
        if is_whole or len(text) <= size:
            break
    meta: dict[str, Any] = {}
    for name, written in fields:
        value = _value(name, written)
        if name not in meta:
            meta[name] = value
        elif isinstance(meta[name], list):
            meta[name] += value if isinstance(value, list) else [value]
        else:
            meta[name] = [meta[name], value]
    title = meta.get("title")
    return FrontMatter(meta, title if isinstance(title, str) else "", front.warnings)


def _value(name: str, written: str) -> Any:
    value = bare(keyword[1] if (keyword := _KEYWORD.match(written)) else written)
    if name in _LISTS:
        parts = value.split(";" if ";" in value else ",")
        return [part.strip() for part in parts if part.strip()]
    return value or True


def _fields(lines: list[str]) -> tuple[list[tuple[str, str]], bool]:
    """(name, value) of the field list, and of comments that look like fields; True if other text follows."""
    fields: list[tuple[str, str]] = []
    at = titles = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        while end < len(lines) and lines[end][:1] in (" ", "\t"):
            end += 1
        body = " ".join(words for words in map(str.strip, lines[at + 1 : end]) if words)
        if not line:
            end = at + 1
        elif field := _FIELD.match(line):
            fields.append((field[1].strip().lower(), f"{field[2] or ''} {body}".strip()))
        elif comment := _COMMENT.match(line):
            if named := _NIKOLA.match(comment[1] or ""):
                fields.append((named[1].lower(), f"{named[2] or ''} {body}".strip()))
        elif titles == 2 or fields:
            return fields, True
        elif end_of_title := _end_of_title(lines, at):
            end, titles = end_of_title, titles + 1
        else:
            return fields, True
        at = end
    return fields, False


def _end_of_title(lines: list[str], at: int) -> int:
    """The line behind a title that begins at a line, 0 if none does."""
    first, *below = [*lines[at : at + 3], "", ""][:3]
    if is_mark(first):
        return at + 3 if below[0] and below[1] == first else 0
    return at + 2 if not first[0].isspace() and is_mark(below[0]) else 0
