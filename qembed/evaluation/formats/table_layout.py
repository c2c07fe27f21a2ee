"""Layout of a table in a text file: its separator, its header, the columns that are wanted.

Columns are separated by tabs, blanks, commas, semicolons or bars. The first line that is no comment
is the header if it names all wanted columns in one of these ways; then columns are found by name, in
any order. A comment above the first line can be the header too. Without a header the number of
columns decides, as `TableFormat.shapes` says.

Quotes are those of CSV, and a quoted cell may hold separators and line ends. Where tabs separate,
only files whose first cell is quoted are read so, and those that double a quote inside a quoted cell
and quote all of every cell that begins with a quote: elsewhere a quote belongs to the text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from qembed.evaluation.formats.column_names import (
    AmbiguousNames,
    Role,
    find_names,
    found_names,
    wanted_names,
)
from qembed.evaluation.formats.source_file import ASCII_WHITESPACE, ProblemList, Source, is_comment

BLANKS = " "
SEPARATORS = ("\t", BLANKS, ",", ";", "|")
SAMPLE_LINES = 50

# in a file separated by tabs: where a cell begins with a quote, and where quotes enclose it
_QUOTE = re.compile(rb'(?:^|[\t\n]) *"')
_CELL = re.compile(rb'(?:^|[\t\n]) *"((?:[^"\t\n]|"")*)" *(?=[\t\r\n]|$)')

_Row = tuple[int, str]
"""Line number, line."""


@dataclass(frozen=True, slots=True)
class TableFormat:
    """Columns that a reader wants.

    `alternatives`: sets of roles, one of which a header has to name. `optional`: roles that it may
    name. `shapes`: without a header, number of columns -> position of each role of the first
    alternative. `number`: index of the role whose cells `is_number` recognises. `required`: number
    of leading roles whose cells a row must have; the others are "" where a row ends early, None: all.
    `verbatim`: role whose cells are never changed; separated by tabs and without quotes, it takes
    the rest of the line if it comes last. `separators`: those that are tried.
    """

    alternatives: tuple[tuple[Role, ...], ...]
    optional: tuple[Role, ...] = ()
    shapes: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    number: int | None = None
    is_number: Callable[[str], bool] = bool
    required: int | None = None
    verbatim: Role | None = None
    separators: Sequence[str] = SEPARATORS


@dataclass(frozen=True, slots=True)
class Layout:
    """Form of one table. `places`: column of each role, None for an optional role without one.

    `header`: line number of the header, None without one.
    """

    separator: str
    columns: int
    roles: tuple[Role, ...]
    places: tuple[int | None, ...]
    header: int | None
    quoted: bool


def split_line(line: str, separator: str) -> list[str]:
    """Cells of one line without regard to quotes; blanks around the line separate nothing."""
    if separator == BLANKS:
        return ASCII_WHITESPACE.split(line.strip(" \t\r\f\v"))
    return line.split(separator)


def declared_separator(line: str) -> str | None:
    """Separator that a spreadsheet's first line `sep=;` declares, None for other lines."""
    found = re.fullmatch(r'"?sep=(.)"?\s*', line, re.I)
    return found[1] if found else None


def sample_cells(line: str, separator: str) -> list[str]:
    """Cells of one line, quotes removed, without the empty ones at its end."""
    cells = split_line(line, separator)
    if separator != BLANKS and '"' in line:
        with suppress(csv.Error, StopIteration):
            reader = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
            cells = next(reader)
    while len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return cells


def is_quoted(source: Source, separator: str, first: str) -> bool:
    """True if quotes are CSV's in a table whose first line is `first`."""
    if separator == BLANKS or b'"' not in source.data:
        return False
    if separator != "\t":
        return True
    if re.match(r'\s*"([^"]|"")*"\s*(\t|$)', first):
        return True
    cells = [cell[1] for cell in _CELL.finditer(source.data)]
    doubled = any(b'""' in cell for cell in cells)
    return doubled and len(cells) == sum(1 for _ in _QUOTE.finditer(source.data))


def first_rows(source: Source) -> tuple[str | None, list[_Row], list[_Row]]:
    """(declared separator, first rows, comments above them), some SAMPLE_LINES lines in all."""
    sample = list(islice(source.lines(ProblemList(source.path)), SAMPLE_LINES))
    declared = declared_separator(sample[0][1]) if sample and sample[0][0] == 1 else None
    rows = [row for row in sample[declared is not None :] if not is_comment(row[1])]
    comments = [row for row in sample if not rows or row[0] < rows[0][0]]
    return declared, rows, comments


def find_layout(source: Source, wanted: TableFormat, mistakes: ProblemList) -> Layout | None:
    """Layout of a table; None if there is no row or no layout fits.

    A header that cannot be understood is added to `mistakes`.
    """
    declared, rows, comments = first_rows(source)
    if not rows:
        return None
    separators = wanted.separators if declared is None else (declared,)
    try:
        layout = _layout_by_header(source, wanted, separators, rows, comments)
    except AmbiguousNames as e:
        mistakes.add(rows[0][0], f"header: {e}")
        return None
    return layout or _layout_by_shape(source, wanted, separators, rows, mistakes)


@dataclass(frozen=True, slots=True)
class _Header:
    """Names of columns in a line, and the places of the roles that they name."""

    separator: str
    names: list[str]
    roles: tuple[Role, ...]
    places: tuple[int | None, ...]

    def fits(self, row: _Row) -> bool:
        """True if a row has as many columns."""
        return len(sample_cells(row[1], self.separator)) == len(self.names)


def _headers(line: str, wanted: TableFormat, separators: Sequence[str]) -> Iterator[_Header]:
    """Readings of a line as a header that names all roles of an alternative.

    Raises AmbiguousNames at the end if names of equal preference were the only obstacle.
    """
    ambiguous: AmbiguousNames | None = None
    found = False
    for separator in separators:
        names = sample_cells(line, separator)
        for needed in wanted.alternatives:
            roles = (*needed, *wanted.optional)
            try:
                places = find_names(tuple(names), roles)
            except AmbiguousNames as e:
                # words in a row may look like names, but a row has a number
                if wanted.number is None or not any(map(wanted.is_number, names)):
                    ambiguous = e
                continue
            if None not in places[: len(needed)]:
                found = True
                yield _Header(separator, names, roles, places)
    if ambiguous is not None and not found:
        raise ambiguous


def _layout_by_header(
    source: Source,
    wanted: TableFormat,
    separators: Sequence[str],
    rows: Sequence[_Row],
    comments: Sequence[_Row],
) -> Layout | None:
    """Layout by the first row, else by a comment above it; AmbiguousNames for the first row."""
    number, line = rows[0]
    headers = list(_headers(line, wanted, separators))
    fitting = (h for h in headers if len(rows) > 1 and h.fits(rows[1]))
    header = next(fitting, headers[0] if headers else None)
    for above, comment in reversed(comments) if header is None else ():
        with suppress(AmbiguousNames):
            names = comment.strip().lstrip("#").strip()
            header = next((h for h in _headers(names, wanted, separators) if h.fits(rows[0])), None)
            if header is not None:
                number = above
                break
    if header is None:
        return None
    quoted = is_quoted(source, header.separator, line)
    return Layout(header.separator, len(header.names), header.roles, header.places, number, quoted)


def _layout_by_shape(
    source: Source,
    wanted: TableFormat,
    separators: Sequence[str],
    rows: Sequence[_Row],
    mistakes: ProblemList,
) -> Layout | None:
    """Layout that fits most rows, first by their numbers, then by their count of columns."""
    most = (0, 0)
    layout: Layout | None = None
    for separator in separators:
        cells = [sample_cells(line, separator) for _, line in rows]
        for columns, places in wanted.shapes.items():
            fits = [row for row in cells if len(row) == columns]
            at = 0 if wanted.number is None else places[wanted.number]
            count = sum(wanted.is_number(row[at]) for row in fits), len(fits)
            if count > most:
                quoted = is_quoted(source, separator, rows[0][1])
                roles = (*wanted.alternatives[0], *wanted.optional)
                padded = (*places, *[None] * len(wanted.optional))
                most, layout = count, Layout(separator, columns, roles, padded, None, quoted)
    names = _misread_header(wanted, separators, rows[0][1], layout if most[0] else None)
    if names is not None:
        mistakes.add(rows[0][0], misread_message(names, wanted))
        return None
    return layout


def add_misfit(
    source: Source, wanted: TableFormat, kind: str, expected: str, mistakes: ProblemList
) -> None:
    """Add that a file with rows is none of a kind, with the columns of its first row."""
    _, rows, _ = first_rows(source)
    if rows:
        number, line = rows[0]
        names = max((sample_cells(line, s) for s in wanted.separators), key=len)
        columns = f" (columns {found_names(names)})" if len(names) > 1 else ""
        mistakes.add(number, f"not {kind}{columns}; expected {expected}")


def misread_message(names: Sequence[str], wanted: TableFormat) -> str:
    """Message about a header that does not name the wanted columns."""
    roles = wanted_names(wanted.alternatives[0])
    return f"a header that is not understood: columns {found_names(names)}; wanted are {roles}"


def _misread_header(
    wanted: TableFormat, separators: Sequence[str], line: str, layout: Layout | None
) -> list[str] | None:
    """Names in a first line that is a header, but not with the wanted names; None for a row.

    A header has no number where rows have one, and names two of the wanted columns or holds no digit.
    `layout`: that of the other rows, None if these have no numbers.
    """
    best: tuple[int, list[str]] = (0, [])
    for separator in separators:
        names = sample_cells(line, separator)
        with suppress(AmbiguousNames):
            places = find_names(tuple(names), wanted.alternatives[0])
            found = len(places) - places.count(None)
            if found > best[0] and not any(map(wanted.is_number, names)):
                best = found, names
    if best[0] > 1:
        return best[1]
    if layout is None or wanted.number is None:
        return None
    names = sample_cells(line, layout.separator)
    if any(re.search(r"\d", name) or wanted.is_number(name) for name in names):
        return None
    return names if len(names) == layout.columns else None
