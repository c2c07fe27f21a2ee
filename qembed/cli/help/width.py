"""Help on narrow terminals: lines that do not wrap are folded so that they can still be pasted."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

HELP_COLUMNS = 100
"""Widest help: lines of more columns are hard to read."""
LEAST_COLUMNS = 40
"""Narrowest help: a terminal of fewer columns breaks lines itself."""
NARROW = 58
"""Columns below which what an option does stands under its name, not beside it."""
CONTINUED = 4
"""Columns by which the rest of a folded line is indented further."""


def help_columns() -> int:
    """Columns of help in this terminal."""
    return max(min(shutil.get_terminal_size().columns, HELP_COLUMNS), LEAST_COLUMNS)


def name_columns(columns: int) -> int:
    """Most columns that names of options take beside what they do."""
    return 8 if columns < NARROW else 30


def fold(line: str, columns: int) -> str:
    """Line of help, as several of at most `columns`: commands with backslashes."""
    if len(line) <= columns:
        return line
    start = len(line) - len(line.lstrip())
    pad = " " * (start + CONTINUED)
    if line[start] == "-":
        return "\n".join(_folded_names(line, columns, pad))
    command, mark, comment = line.partition(" # ")
    parts = [*_folded_command(command.rstrip(), columns, pad)]
    if mark:
        hash_pad = f"{pad}# "
        words = textwrap.wrap(comment, columns - len(hash_pad), break_long_words=False)
        parts += [hash_pad + part for part in words]
    return "\n".join(parts)


def _folded_names(line: str, columns: int, pad: str) -> Iterator[str]:
    """Names of an option, and what it takes."""
    while len(line) > columns:
        at = max(line.rfind(end, len(pad), columns) for end in "| ,") + 1
        if not at:
            break
        yield line[:at].rstrip()
        line = pad + line[at:].lstrip()
    yield line


def _folded_command(line: str, columns: int, pad: str) -> Iterator[str]:
    """Command of a shell, as lines that it reads as that one."""
    while len(line) > columns:
        outside, inside, quote = _breaks(line, columns - 3)
        if outside:
            yield f"{line[:outside].rstrip()} \\"
            line = pad + line[outside:].lstrip()
        else:  # within a word: no blank may come between
            at = inside or columns - 1 - len(quote)
            yield f"{line[:at]}{quote}\\"
            line = quote + line[at:]
    yield line


def _breaks(line: str, end: int) -> tuple[int, int, str]:
    """(last blank between words before `end`, place behind the last one in quotes, quote open at it).

    0 where there is none. The quote is that at `end` where no blank is in quotes.
    """
    outside = inside = 0
    quote = there = ""
    start = len(line) - len(line.lstrip())
    for at in range(start, end):
        c = line[at]
        if c in "'\"" and quote in ("", c):
            quote = "" if quote else c
        elif c == " " and quote:
            inside, there = at + 1, quote
        elif c == " ":
            outside = at
    return outside, inside, there if inside else quote
