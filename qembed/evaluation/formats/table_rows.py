"""Rows of a table whose layout is known."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    ignore_warning,
    is_comment,
    summarize_names,
)
from qembed.evaluation.formats.table_layout import (
    BLANKS,
    Layout,
    TableFormat,
    declared_separator,
    split_line,
)

MAX_CELL_LINES = 10_000
"""Lines after which a quote counts as never closed."""
MAX_OPEN_QUOTES = 20
"""Number of quotes that are never closed, after which no cell is read over several lines."""

_SEPARATOR_NAMES = {"\t": "tab", BLANKS: "blank", ",": "comma", ";": "semicolon", "|": "bar"}


def read_rows(
    source: Source,
    layout: Layout,
    wanted: TableFormat,
    mistakes: ProblemList,
    warn: Warn = ignore_warning,
) -> Iterator[tuple[int, list[str]]]:
    """(line, cells of the layout's roles, in the roles' order) of a table's rows.

    Comments are left out, and counted to `warn` where they have as many columns as the rows.

    Blanks around cells are removed, except around the verbatim role's. The cell of a role without a
    column is "", and so are cells that a row below a header lacks at its end. Rows that lack a wanted
    cell or have too many cells are added to `mistakes`.
    """
    most = least = layout.columns
    if layout.header is not None:
        required = layout.places[: wanted.required or len(wanted.alternatives[0])]
        least = 1 + max(place for place in required if place is not None)
    places = [-1 if place is None else place for place in layout.places]
    unchanged = next(
        (at for at, role in zip(places, layout.roles, strict=True) if role is wanted.verbatim), None
    )
    split_at_blanks = layout.separator == BLANKS
    tabs = layout.separator == "\t" and not layout.quoted
    clean = unquote if tabs else str.strip
    last = tabs and unchanged == most - 1
    lines = _RowFilter(layout)
    rows = _quoted_rows(source, lines, mistakes) if layout.quoted else None
    for line, cells in rows or _plain_rows(source, lines, most if last else 0, mistakes):
        if len(cells) != most:
            while len(cells) > most and not cells[-1].strip():
                cells.pop()
            if len(cells) > most or len(cells) < least:
                mistakes.add(line, _wrong_count(len(cells), least, layout))
                continue
            cells += [""] * (most - len(cells))
        cells.append("")  # of roles without a column
        if split_at_blanks:
            yield line, [cells[at] for at in places]
        else:
            yield line, [cells[at] if at == unchanged else clean(cells[at]) for at in places]
    if lines.comments:
        count, where = len(lines.comments), summarize_names(lines.comments)
        warn(f"{source.path}: rows that are comments, which are left out: {count} ({where})")


def _wrong_count(found: int, least: int, layout: Layout) -> str:
    if found > layout.columns:
        if layout.separator == BLANKS:
            hint = " (an id with a blank? separate the columns by tabs)"
        else:
            hint = " (a cell that holds the separator must be in quotes)"
        return f"{found} columns where {layout.columns} are expected{hint}"
    wanted = f"{least}" if least == layout.columns else f"at least {least}"
    if found == 1:
        name = _SEPARATOR_NAMES.get(layout.separator, repr(layout.separator))
        return f"no {name} between columns, of which {wanted} are expected"
    return f"{found} columns where {wanted} are expected"


@dataclass(frozen=True, slots=True)
class _RowFilter:
    """Tells rows from the header, comments and a declared separator.

    `comments`: places of comments that have as many columns as the rows.
    """

    layout: Layout
    comments: list[str] = field(default_factory=list)

    def accepts(self, number: int, line: str) -> bool:
        """True for a row."""
        if number == self.layout.header:
            return False
        if line[0] not in "# \t" and number > 1:
            return True
        if is_comment(line):
            if len(split_line(line, self.layout.separator)) == self.layout.columns:
                self.comments.append(f"line {number}")
            return False
        return number > 1 or declared_separator(line) is None


def _plain_rows(
    source: Source, lines: _RowFilter, joined: int, mistakes: ProblemList
) -> Iterator[tuple[int, list[str]]]:
    """Rows of one line each. `joined`: number of columns if the last takes the rest, else 0."""
    separator = lines.layout.separator
    for number, line in source.lines(mistakes):
        if lines.accepts(number, line):
            yield (
                number,
                line.split(separator, joined - 1) if joined else split_line(line, separator),
            )


def _quoted_rows(
    source: Source, rows: _RowFilter, mistakes: ProblemList
) -> Iterator[tuple[int, list[str]]]:
    """Rows with CSV's quotes, each with the number of its first line."""
    separator = rows.layout.separator
    lines = list(source.lines(mistakes, blank=True))
    at = unclosed = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        if not line.strip() or not rows.accepts(number, line):
            continue
        if '"' not in line:
            yield number, line.split(separator)
            continue
        text, after = line, at
        cells = _csv_cells(text, separator)
        limit = min(len(lines), at + MAX_CELL_LINES) if unclosed < MAX_OPEN_QUOTES else at
        while cells is None and after < limit:
            more = next((i for i in range(after, limit) if '"' in lines[i][1]), limit - 1) + 1
            text = "\n".join([text, *(line for _, line in lines[after:more])])
            after = more
            cells = _csv_cells(text, separator)
        if isinstance(cells, list):
            at = after
            yield number, cells
        elif cells is None or after > at:
            unclosed += 1
            mistakes.add(number, "a quote that is never closed")
        else:
            mistakes.add(number, f"not CSV ({cells})")


def _csv_cells(text: str, separator: str) -> list[str] | str | None:
    """Cells of one row; None if a quote is open at its end, a text for another mistake."""
    blank = re.search(rf'(^|{re.escape(separator)})[ ]+"', text) is not None
    reader = csv.reader([text], delimiter=separator, strict=True, skipinitialspace=blank)
    try:
        return next(reader)
    except csv.Error as e:
        return None if "unexpected end" in str(e) else str(e)


def unquote(cell: str) -> str:
    """A cell without blanks around it and without the quotes that some editors put around a text."""
    cell = cell.strip()
    if len(cell) > 2 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"')
    return cell
