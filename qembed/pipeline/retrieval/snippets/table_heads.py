"""Head rows of the tables in a passage: names of columns, which answer no query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qembed.corpus.chunking.table_splitter import tables

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.snippets.definitions import Span

_RULE = re.compile(r"[\s|:-]*-[\s|:-]*")
"""Row of dashes below the head of a pipe table."""


def table_heads(text: str, is_begin: bool) -> list[Span]:
    """Span of the head of each table that has one, and another row too.

    The head is the row above a row of dashes, or above an empty line. Without either, as in tables of office
    formats, it is the first row if it has no digit and a later one has. `is_begin`: the text is the beginning
    of its document; a table with which another text begins may be cut, and its first row is then any row.
    """
    if "|" not in text:
        return []
    found = []
    for rows in tables(text):
        head, *others = rows
        lines = [text[a:b] for a, b in others]
        if _RULE.fullmatch(lines[0]):
            is_head = len(lines) > 1
        elif others[0][0] > head[1]:
            is_head = True
        else:
            whole = is_begin or bool(text[: head[0]].strip())
            first = text[slice(*head)]
            is_head = whole and not _has_digit(first) and any(map(_has_digit, lines))
        if is_head:
            found.append(head)
    return found


def _has_digit(line: str) -> bool:
    return any(c.isdigit() for c in line)
