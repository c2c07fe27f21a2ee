"""Texts in Markdown: names, messages and commands that are read as they are, whatever marks they contain.

For GitHub's kind, with its tables, strikethrough, links without brackets, and mathematics.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

LONGEST = 180
"""Characters of a query where many stand one below the other."""
_MARK = re.compile(r"[\\`*\[|~$]|&(?=#?\w+;)|(?<![^\W_])_+|_+(?![^\W_])")
"""Marks inside a line, and entities; underscores between letters or digits are none."""
_BLOCK = re.compile(r"(\d{1,9})?([.)](?=\s|$)|(?:#{1,6}|[+-])(?=\s|$)|>|-{3,}$|={1,}$)")
"""Marks at the beginning of a line: headings, quotes, items of lists, rules."""
_LINK = re.compile(r"(?<=http)(s?)(?=://\S*\\)|(?<=\bwww)(?=\.\S*\\)")
"""Places in addresses with escaped marks: as links they would show the escapes."""


class Marked(str):
    """Cell that is Markdown already."""

    __slots__ = ()


def escape(text: str) -> str:
    """Escape a text inside a line or in a cell: what is rendered is the text, with single blanks."""
    text = _MARK.sub(
        lambda found: "".join(f"\\{mark}" for mark in found[0]), " ".join(text.split())
    )
    text = text.replace("<", "&lt;")
    return _LINK.sub(lambda found: f"{found[0]}\\", text)


def item(text: str) -> str:
    """Escape a text with which a line or an item of a list begins."""
    text = escape(text)
    if (found := _BLOCK.match(text)) is None or (found[1] and found[2] not in ".)"):
        return text
    return f"{text[: found.start(2)]}\\{text[found.start(2) :]}"


def shortened(text: str) -> str:
    """Cut a text for a cell or a summary: at most LONGEST characters, with single blanks."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def code(text: str) -> str:
    """Format a command as a code span, which no backtick in it ends."""
    text = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def inside_html(text: str) -> str:
    """Escape a text inside a line of HTML, which a renderer of Markdown leaves as it is."""
    return html.escape(" ".join(text.split()), quote=False)


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table with every cell escaped, but for those `Marked`; "" without rows."""
    if not rows:
        return ""
    return "\n".join(map(_row, (names, [Marked("---")] * len(names), *rows)))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(c if isinstance(c, Marked) else escape(c) for c in cells)} |"
