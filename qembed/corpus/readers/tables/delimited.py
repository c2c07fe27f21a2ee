r"""CSV and TSV: a document a row. How a file is written is found out from the file.

Delimiter and escapes: those with which most of the first rows are as wide as the head; a line `sep=;` says
it. Types: those of `column_types`, from all cells of a column: a file is read twice, and neither time held.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from qembed.corpus.file_contents import open_stream
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.tables.column_types import (
    MISSING,
    Spoiled,
    infer_types,
    typed_value,
)
from qembed.corpus.readers.tables.structured import row_document
from qembed.corpus.text_lines import MAX_LINE, TextLines
from qembed.errors import refusal
from qembed.types import ReadItem, ReadWarning, SourceFile, Unreadable

MAX_COLUMNS = 10_000
MAX_REPAIRS = 100
"""Quotation marks without a partner in one file."""
SAMPLE_LINES = 100
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*$', re.I)
_DELIMITERS = ",;\t|"
_RETURN = re.compile(r"(?<=\r)(?!\n)(?!$)")


class Dialect(NamedTuple):
    """A file's delimiter, and the character that escapes a quotation mark, if not another one."""

    delimiter: str
    escape: str | None


def read_csv(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a row; the first row has the columns' names. Ids as in JSON lines."""
    where = os.fspath(file.location)
    csv.field_size_limit(MAX_LINE)
    said = options.column_types
    try:
        types: Mapping[str, str] = said
        if "*" not in said:
            with open_stream(file) as stream:
                table = _Table(TextLines(stream, where, options.encoding), file.name, where)
                is_sample = options.position is not None
                inferred, spoiled = infer_types(table.typed_cells(), is_sample)
            types = {**inferred, **said}
            yield from _spoiled_columns(spoiled, options, where)
        with open_stream(file, options.position) as stream:
            lines = TextLines(stream, where, options.encoding, position=options.position)
            yield from _documents(_Table(lines, file.name, where), types, file.name, options)
            yield from lines.warnings
            if lines.unreadable is not None:
                yield lines.unreadable
    except OSError as e:
        yield Unreadable(where, refusal(e))


def _documents(
    table: _Table, types: Mapping[str, str], name: str, options: ReadOptions
) -> Iterator[ReadItem]:
    texts = _text_columns(options)
    doubted: set[str] = set()
    for item in table:
        if not isinstance(item, _Row):
            yield item
            continue
        cells, line = item
        values: dict[str, Any] = {}
        for column, cell in cells.items():
            kind = "text" if column in texts else types.get(column) or types.get("*", "text")
            if kind == "text":
                values[column] = cell
            elif (bare := cell.strip()) not in MISSING:
                value = typed_value(bare, kind)
                values[column] = cell if value is None else value
                if value is None and column not in doubted:
                    doubted.add(column)
                    message = f"column {column!r}: {bare[:40]!r} is no {kind}, and kept as text"
                    yield ReadWarning(table.path, message, line)
        try:
            yield row_document(values, options, name, f"#{line}", line, cells)
        except ValueError as e:
            yield Unreadable(table.path, str(e), line)


def _text_columns(options: ReadOptions) -> set[str]:
    """Columns that are text whatever their cells are."""
    named = (options.id_field or "id", options.title_field or "title", options.text_field or "text")
    return {*named, "_id"}


def _spoiled_columns(
    spoiled: Mapping[str, Spoiled], options: ReadOptions, path: str
) -> Iterator[ReadWarning]:
    """Warn of columns that would be numbers but for a few cells, and are compared as text."""
    for name in sorted(spoiled.keys() - options.column_types.keys() - _text_columns(options)):
        cell, line, numbers = spoiled[name]
        yield ReadWarning(
            path,
            f"column {name!r}: {cell[:40]!r} is no number, which makes text of its {numbers:,} numbers "
            f"(--column-types {shlex.quote(f'{name}=number')} keeps them)",
            line,
        )


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


class _Row(NamedTuple):
    """Cells by their columns' names, and the line in which the row begins, 1-based."""

    cells: dict[str, str]
    line: int


class _Recorder:
    """Iterator over lines that keeps those of the present row. Raises OSError for a line that is too long."""

    def __init__(self, lines: Iterator[str | None], number: int) -> None:
        self._lines = lines
        self.number = number
        self.kept: list[str] = []

    def __iter__(self) -> _Recorder:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            raise OSError(f"a line of more than {MAX_LINE // 1024**2} MiB")
        self.number += 1
        self.kept.append(line)
        return line


def _at_returns(lines: Iterable[str | None]) -> Iterator[str | None]:
    """Lines, also where only a carriage return ends them."""
    for line in lines:
        if line is None or "\r" not in line[:-2]:
            yield line
        else:
            yield from _RETURN.split(line)


class _Table:
    """Rows of a file with a head; iterating yields Unreadable and ReadWarning where a row is none."""

    def __init__(self, lines: Iterable[str | None], name: str, path: str) -> None:
        self.path = path
        self.dialect: Dialect | None = None
        self._lines = _at_returns(lines)
        self._is_tsv = ".tsv" in name.lower()[-8:]
        self._repairs = 0

    def typed_cells(self) -> Iterator[tuple[dict[str, str], bool, int]]:
        """Cells of each row by name, if numbers may have a decimal comma, as beside semicolons, and line."""
        for item in self:
            if isinstance(item, _Row):
                comma = self.dialect is not None and self.dialect.delimiter == ";"
                yield item.cells, comma, item.line

    def __iter__(self) -> Iterator[_Row | Unreadable | ReadWarning]:
        sample = list(islice(self._lines, SAMPLE_LINES))
        skipped = 0
        while skipped < len(sample) and not (sample[skipped] or "x").strip():
            skipped += 1
        head = sample[skipped] if skipped < len(sample) else None
        if head is None:
            return
        if said := _SEPARATOR.match(head):
            self.dialect = Dialect(said[1], None)
            skipped += 1
        else:
            texts = [line for line in sample[skipped:] if line is not None]
            self.dialect = sniff(texts, self._is_tsv, whole=len(sample) < SAMPLE_LINES)
        lines = _Recorder(_chain(sample[skipped:], self._lines), skipped)
        names: list[str | None] | None = None
        for item in self._rows(lines):
            if isinstance(item, ReadWarning | Unreadable):
                yield item
                continue
            row, line = item
            if names is None:
                names = column_names(row)
                if len(names) > MAX_COLUMNS:
                    yield Unreadable(self.path, f"more than {MAX_COLUMNS:,} columns", line)
                    return
            elif any(cell.strip() for cell in row):
                while len(row) > len(names) and not row[-1].strip():
                    row.pop()
                if len(row) > len(names):
                    error = f"{len(row)} fields where there are {len(names)} columns"
                    yield Unreadable(self.path, error, line)
                else:
                    yield _Row(_named(names, row), line)

    def _rows(self, lines: _Recorder) -> Iterator[tuple[list[str], int] | Unreadable | ReadWarning]:
        """(cells, line) of each row. A quotation mark without a partner is a character of its line."""
        rows = self._reader(lines)
        while True:
            begin = lines.number + 1
            lines.kept.clear()
            try:
                row = next(rows, None)
            except csv.Error as e:
                if len(lines.kept) < 2:
                    yield Unreadable(self.path, f"not CSV: {e}", lines.number)
                    return
                row = []
            if row is None:
                return
            if len(lines.kept) > 1 and (not row or self._is_open(lines.kept)):
                self._repairs += 1
                if self._repairs > MAX_REPAIRS:
                    yield Unreadable(self.path, "quotation marks without a partner", begin)
                    return
                yield ReadWarning(self.path, "a quotation mark without a partner", begin)
                first, *rest = lines.kept
                yield next(self._reader([first], csv.QUOTE_NONE)), begin
                lines = _Recorder(_chain(rest, lines), begin)
                rows = self._reader(lines)
            else:
                yield row, begin

    def _reader(self, lines: Iterable[str], quoting: int = csv.QUOTE_MINIMAL) -> Any:
        assert self.dialect is not None
        return _reader(lines, self.dialect, quoting)

    def _is_open(self, lines: Sequence[str]) -> bool:
        """True if lines end inside quotation marks."""
        assert self.dialect is not None
        try:
            list(_reader(lines, self.dialect, strict=True))
        except csv.Error as e:
            return "unexpected end" in str(e)
        return False


def _chain(first: Iterable[str | None], rest: Iterator[Any]) -> Iterator[str | None]:
    yield from first
    yield from rest


def _reader(
    lines: Iterable[str], dialect: Dialect, quoting: int = csv.QUOTE_MINIMAL, strict: bool = False
) -> Any:
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        escapechar=dialect.escape,
        doublequote=dialect.escape is None,
        quoting=quoting,  # type: ignore[arg-type]
        strict=strict,
    )


def sniff(lines: Sequence[str], is_tsv: bool, whole: bool) -> Dialect:
    """The dialect with which most of the rows are as wide as the first; `whole`: these are all lines."""
    escapes = (None, "\\") if any('\\"' in line for line in lines) else (None,)
    delimiters = "\t" + _DELIMITERS.replace("\t", "") if is_tsv else _DELIMITERS
    best, most = Dialect("\t" if is_tsv else "\x1f", None), (0.0, 0)
    for delimiter in delimiters:
        if delimiter not in lines[0]:
            continue
        for escape in escapes:
            dialect = Dialect(delimiter, escape)
            try:
                widths = [len(row) for row in _reader(lines, dialect) if any(row)]
            except csv.Error:
                continue
            if not whole and len(widths) > 2:
                widths.pop()  # may go on
            fits = sum(w == widths[0] for w in widths) / len(widths) if widths else 0.0
            if widths and widths[0] > 1 and (fits, widths[0]) > most:
                best, most = dialect, (fits, widths[0])
                if is_tsv and delimiter == "\t":
                    return best
    return best


def column_names(row: Sequence[str]) -> list[str | None]:
    """Names of columns: a repeated one gets a number (`price_2`), an empty one is None."""
    found: list[str | None] = []
    taken = {cell.strip() for cell in row}
    for cell in row:
        name = cell.strip()
        if name and name in found:
            n = 2
            while f"{name}_{n}" in taken:
                n += 1
            name = f"{name}_{n}"
            taken.add(name)
        found.append(name or None)
    return found


def _named(names: Sequence[str | None], row: Sequence[str]) -> dict[str, str]:
    """Cells by name; one without a name is left out if it is empty, and called `column_3` if not."""
    cells = {}
    for n, (name, cell) in enumerate(zip(names, row, strict=False), 1):
        if name is not None:
            cells[name] = cell
        elif cell.strip():
            cells[f"column_{n}"] = cell
    return cells
