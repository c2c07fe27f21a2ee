"""Merged cells of a sheet: what stands in several cells of one range is said once.

Excel shows the first cell of a range. Other programs write its value into all of them, or keep what was in
the others before; the latter is found too.
"""

from __future__ import annotations

import re

MAX_ROWS = 1000
"""Rows of a range that are entered one by one; longer ranges are looked through."""
MAX_RANGES = 100_000

_RANGE = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']\$?([A-Za-z]{1,3})\$?(\d{1,7}):\$?([A-Za-z]{1,3})\$?(\d{1,7})[\"']"
)


class _Range:
    __slots__ = ("bottom", "left", "right", "said", "top")

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.left, self.right = min(left, right), max(left, right)
        self.top, self.bottom = min(top, bottom), max(top, bottom)
        self.said: set[str] = set()


class MergedCells:
    """Ranges of merged cells, and what has been said in each. At most MAX_RANGES are known."""

    def __init__(self, sheet: bytes) -> None:
        self._rows: dict[int, list[_Range]] = {}
        self._long: list[_Range] = []
        if b"mergeCell" not in sheet:
            return
        for n, found in enumerate(_RANGE.finditer(sheet)):
            if n == MAX_RANGES:
                break
            left, top, right, bottom = found.groups()
            one = _Range(column(left.decode()), int(top), column(right.decode()), int(bottom))
            if one.bottom - one.top > MAX_ROWS:
                self._long.append(one)
                continue
            for number in range(one.top, one.bottom + 1):
                self._rows.setdefault(number, []).append(one)

    def is_said(self, row: int, column: int, text: str) -> bool:
        """Note a cell's text; True if another cell of its range has said it."""
        for one in (*self._rows.get(row, ()), *self._long):
            if one.left <= column <= one.right and one.top <= row <= one.bottom:
                if text in one.said:
                    return True
                one.said.add(text)
                return False
        return False

    def __bool__(self) -> bool:
        return bool(self._rows or self._long)


def column(letters: str) -> int:
    """Number of a column, from 1: 28 of `AB`."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
