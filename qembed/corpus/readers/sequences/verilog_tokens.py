"""Tokens of Verilog: names, numbers and marks with their lines, without comments and directives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qembed.corpus.readers.sequences.netlist import NetlistError

# one that has no end takes the rest: each of many would be looked for to the end of the file
_COMMENT = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\(\*(?!\)).*?(?:\*\)|\Z)|^[ \t]*`[^\n]*", re.DOTALL | re.MULTILINE
)
_TOKEN = re.compile(r"\\\S+|[A-Za-z_][\w$]*|\d*'[sS]?[bBoOhHdD][0-9a-fA-FxXzZ_?]+|\d+|[^\s\w]")
NAME = re.compile(r"\\\S+|[A-Za-z_][\w$]*")
_SIMPLE = re.compile(r"\\[A-Za-z_][\w$]*")
"""Escaped name that is the same as the one without its backslash."""
NUMBER = re.compile(r"(\d+)'[sS]?([bBoOhHdD])([0-9a-fA-F_]+)")
_BASES = {"b": 2, "o": 8, "h": 16, "d": 10}
MOST_BITS = 1 << 16
"""Bits of a bus."""
MOST_BITS_IN_ALL = 1 << 22
"""Bits of the buses that a file declares or names; a few letters may stand for very many."""


class Token(NamedTuple):
    """Token, and its line from 1."""

    text: str
    line: int


class BusLimit:
    """Count of the bits of a file's buses. `add` raises NetlistError for too many."""

    def __init__(self) -> None:
        self._left = MOST_BITS_IN_ALL

    def add(self, bits: int, line: int) -> None:
        """Count the bits of a bus; single wires are as many as the file has letters for."""
        if bits > MOST_BITS:
            raise NetlistError(f"a bus of more than {MOST_BITS:,} bits", line)
        self._left -= bits if bits > 1 else 0
        if self._left < 0:
            raise NetlistError(f"buses of more than {MOST_BITS_IN_ALL:,} bits in all", line)


def tokens_of(text: str) -> list[Token]:
    """Tokens of a file; an escaped name that needs no backslash has none."""
    plain = _COMMENT.sub(lambda m: " " + "\n" * m[0].count("\n"), text)
    tokens: list[Token] = []
    line, at = 1, 0
    for m in _TOKEN.finditer(plain):
        line += plain.count("\n", at, m.start())
        at = m.start()
        tokens.append(Token(m[0][1:] if _SIMPLE.fullmatch(m[0]) else m[0], line))
    return tokens


def split_modules(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Tokens of each module, without its endmodule. Raises NetlistError."""
    part: list[Token] = []
    for token in tokens:
        if token.text == "module" and part:
            raise NetlistError("module inside of a module (endmodule is missing)", token.line)
        if not part and token.text != "module":
            raise NetlistError(f"{token.text} outside of a module", token.line)
        if token.text == "endmodule":
            yield part
            part = []
        else:
            part.append(token)
    if part:
        raise NetlistError("endmodule is missing", part[0].line)


def bits_of(number: re.Match[str], line: int) -> list[str]:
    """Constant wires of a number such as 4'b01_10, of at most MOST_BITS, the highest bit first.

    Raises NetlistError.
    """
    width, base = int(number[1][:9]), _BASES[number[2].lower()]
    if width > MOST_BITS:
        raise NetlistError(f"a number of more than {MOST_BITS:,} bits", line)
    try:
        value = int(number[3], base)
    except ValueError:
        raise NetlistError(f"{number[0][:40]} is no number of base {base}", line) from None
    return [f"1'b{value >> i & 1}" for i in range(width - 1, -1, -1)]
