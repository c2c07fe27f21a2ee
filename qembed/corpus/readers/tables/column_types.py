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


def infer_types(rows: Iterable[tuple[Mapping[str, str], bool]]) -> dict[str, str]:
    """Infer the types of columns from (cells by name, if numbers may have a decimal comma) of each row.

    Columns of text are left out.
    """
    possible: dict[str, int] = {}
    for cells, has_comma in rows:
        for name, cell in cells.items():
            left = possible.get(name, _ANY)
            if left and (bare := cell.strip()) not in MISSING:
                possible[name] = left & _kinds(bare, has_comma)
    return {
        name: next(kind for bit, kind in _KINDS.items() if left & bit)
        for name, left in possible.items()
        if left
    }


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
