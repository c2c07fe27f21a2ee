"""Tables in Markdown: kept whole where they fit, otherwise cut between rows.

A table is a run of lines with `|` in them, as pipe tables have and as HTML's become when read (there an
empty line may follow the head). What the splitter cuts well stays as it is; a stretch of text whose
tables it has cut badly is put together anew from what lies between the tables and from their rows.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

_LINE = re.compile(r"[^\n]*(?:\n|$)")


def tables(text: str) -> Iterator[list[Span]]:
    """The rows of each table, in order: whole lines."""
    rows: list[Span] = []
    cells = 0
    gap = False
    for found in _LINE.finditer(text):
        line = found[0].strip()
        if "|" in line:
            count = line.strip("|").count("|")
            if gap and (len(rows) > 1 or count != cells):
                yield from _closed(rows)
                rows = []
            rows.append(found.span())
            cells, gap = count, False
        elif rows and not line and not gap:
            gap = True
        else:
            yield from _closed(rows)
            rows, gap = [], False
    yield from _closed(rows)


def _closed(rows: list[Span]) -> Iterator[list[Span]]:
    if len(rows) > 1:
        yield rows


def mended(
    text: str,
    spans: list[Span],
    room: int,
    tokens: Callable[[int, int], int],
    split: Callable[[int, int], list[Span]],
) -> list[Span]:
    """The spans of a text, cut otherwise where they go through a table that fits, or through a row.

    `tokens`: the length of a stretch, of which a passage has room for `room`; `split`: any stretch to
    spans.
    """
    found = []
    for rows in tables(text):
        start, end = rows[0][0], _trimmed(text, rows[-1])
        found.append((rows, tokens(start, end) <= room))
    if all(_kept(text, spans, rows, whole) for rows, whole in found):
        return spans
    out: list[Span] = []

    def join(more: list[Span]) -> None:
        if out and more and tokens(out[-1][0], more[0][1]) <= room:
            out[-1] = out[-1][0], more[0][1]
            more = more[1:]
        out.extend(more)

    at = 0
    for rows, whole in found:
        start, end = rows[0][0], rows[-1][1]
        join(split(at, start))
        parts = [(start, end)] if whole else _packed(text, rows, room, tokens, split)
        join([(a, a + len(text[a:b].rstrip())) for a, b in parts])
        at = end
    join(split(at, len(text)))
    return out


def _trimmed(text: str, row: Span) -> int:
    """End of a row without its line end, which no passage ends with."""
    return row[0] + len(text[slice(*row)].rstrip())


def _packed(
    text: str,
    rows: list[Span],
    room: int,
    tokens: Callable[[int, int], int],
    split: Callable[[int, int], list[Span]],
) -> list[Span]:
    """Groups of as many rows as fit; a row that does not fit by itself is split."""
    out: list[Span] = []
    left = 0
    for start, end in rows:
        n = tokens(start, _trimmed(text, (start, end)))
        if n > room:
            out += split(start, end)
            left = 0
            continue
        if n > left:
            out.append((start, end))
            left = room
        else:
            out[-1] = out[-1][0], end
        left -= tokens(start, end)
    return out


def _kept(text: str, spans: list[Span], rows: list[Span], whole: bool) -> bool:
    """Test that no cut splits a table that fits whole, or a row of one that does not."""
    part = text[rows[0][0] : rows[-1][1]]
    start = rows[0][0] + len(part) - len(part.lstrip())
    end = rows[0][0] + len(part.rstrip())
    if whole:
        return any(a <= start and end <= b for a, b in spans)
    begins = [a for a, _ in rows]
    for at in (cut for span in spans for cut in span if start < cut < end):
        a, b = rows[bisect_right(begins, at) - 1]
        if text[a:at].strip() and text[at:b].strip():
            return False
    return True
