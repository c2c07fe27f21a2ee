"""Types of CSV columns, from all of their cells, and cells as values.

A column is of numbers if each cell is one as JSON writes it, of at most 15 digits before the point, or
begins with the point: leading zeros, plus signs and thousands separators make text (`01234`, `+49 30`). In
a file whose delimiter is a semicolon numbers may have a decimal comma instead. A column is boolean if each
cell is `true` or `false`, in capitals or not. Empty cells and those of MISSING say nothing, as in pandas;
anything else is text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_NUMBER = re.compile(r"-?(?:(?:0|[1-9]\d{0,14})(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,2})?")
_DECIMAL_COMMA = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:,\d+)?")
_WHOLE = re.compile(r"-?\d{1,400}")
MISSING = frozenset(
    [
        *(
            "",
            "#N/A",
            "#N/A N/A",
            "#NA",
            "-1.#IND",
            "-1.#QNAN",
            "-NaN",
            "-nan",
            "1.#IND",
            "1.#QNAN",
        ),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    ]
)
"""Cells without a value in a column of numbers or booleans: what pandas takes for missing."""
_COMMA = "number with a decimal comma"
_KINDS = {1: "number", 2: _COMMA, 4: "boolean"}
_ANY = sum(_KINDS)
_NUMBERS = 1 | 2
_CODE = re.compile(r"[+0][\d ()/.-]*")
MOST_OTHERS = 0.05
"""Most other cells for each number that are taken for mistakes in a column of numbers."""
SAMPLE_ROWS = 50_000
"""Rows of a table whose types are found out where a sample of its documents is wanted."""
FEW_OTHERS = 5
"""Other cells among the first ones that do not yet decide it."""


class Spoiled(NamedTuple):
    """Column of numbers that a few other cells make one of text. `cell`, `line`: of the first of these."""

    cell: str
    line: int
    numbers: int


class _Column:
    """Cells of a column so far. `possible`: bits of _KINDS. `has_codes`: digits that are no numbers."""

    __slots__ = ("first", "has_codes", "line", "numbers", "others", "possible")

    def __init__(self) -> None:
        self.possible = _ANY
        self.numbers = self.others = self.line = 0
        self.first = ""
        self.has_codes = False

    def add(self, cell: str, has_comma: bool, line: int) -> None:
        """Count a cell that says something."""
        kinds = _kinds(cell, has_comma)
        if kinds & _NUMBERS:
            self.numbers += 1
        else:
            self.others += 1
            self.has_codes |= _CODE.fullmatch(cell) is not None
            if self.others == 1:
                self.first, self.line = cell, line
        self.possible &= kinds

    def is_text(self) -> bool:
        """True if no more cells need to be looked at."""
        few = max(MOST_OTHERS * self.numbers, FEW_OTHERS)
        return not self.possible and (self.has_codes or self.others > few)

    def is_spoiled(self) -> bool:
        """True if it would be of numbers but for a few cells."""
        return not self.has_codes and 0 < self.others <= MOST_OTHERS * self.numbers


def infer_types(
    rows: Iterable[tuple[Mapping[str, str], bool, int]], is_sample: bool = False
) -> tuple[dict[str, str], dict[str, Spoiled]]:
    """Infer the types of columns, and which ones a few cells make columns of text.

    `rows`: (cells by name, if numbers may have a decimal comma, line) of each row. Types: but for text.
    `is_sample`: no more rows than SAMPLE_ROWS are read, and a table that has more has no types.
    """
    columns: dict[str, _Column] = {}
    for number, (cells, has_comma, line) in enumerate(rows):
        if is_sample and number == SAMPLE_ROWS:
            return {}, {}
        for name, cell in cells.items():
            column = columns.get(name)
            if (column and column.is_text()) or (bare := cell.strip()) in MISSING:
                continue
            if column is None:
                column = columns[name] = _Column()
            column.add(bare, has_comma, line)
    types = {
        name: next(kind for bit, kind in _KINDS.items() if column.possible & bit)
        for name, column in columns.items()
        if column.possible
    }
    spoiled = {
        name: Spoiled(column.first, column.line, column.numbers)
        for name, column in columns.items()
        if not column.possible and column.is_spoiled()
    }
    return types, spoiled


def _kinds(cell: str, has_comma: bool) -> int:
    """The types that a cell can have, as bits of _KINDS."""
    if _NUMBER.fullmatch(cell):
        return 1 | (2 if has_comma and _WHOLE.fullmatch(cell) else 0)
    if has_comma and _DECIMAL_COMMA.fullmatch(cell):
        return 2
    return 4 if cell.lower() in ("true", "false") else 0


def typed_value(cell: str, kind: str) -> float | bool | None:
    """A cell as a value of a type, None if it is none."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(cell.lower())
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if "_" in cell:  # Python's own
        return None
    try:
        value = float(cell.replace(",", ".") if kind == _COMMA else cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
