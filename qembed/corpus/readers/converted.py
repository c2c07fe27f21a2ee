"""Results of converting a file in the sandbox: texts, pictures, parts left out, parts that are broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias


class Text(NamedTuple):
    """The text of a file, or of one of its pages, sheets or chapters, whose id ends in `end` then.

    `line`: its first one, from 1, where the file has lines.
    """

    end: str
    text: str
    title: str
    meta: dict[str, Any]
    line: int | None = None


class Image(NamedTuple):
    """A picture in a file, or the file. `png`: base64; `digest`: hexadecimal. Fields else as of `Text`.

    `written`: text that was read in it.
    """

    end: str
    text: str
    title: str
    meta: dict[str, Any]
    png: str
    digest: str
    written: str = ""


class Omitted(NamedTuple):
    """Parts of a file that are in no text: `what` names them, `number` is how many they are."""

    what: str
    number: int = 1


class Broken(NamedTuple):
    """A part of a file that should have been read and could not be, and its line, from 1, if it has one."""

    error: str
    line: int | None = None


Converted: TypeAlias = Text | Image | Omitted | Broken

Converter: TypeAlias = Callable[[bytes], Iterator[Converted]]
"""A function from a file's bytes to its texts; raises whatever its libraries do for a file that is broken."""


def table_text(rows: list[list[str]]) -> str:
    """Lines of cells with `|` between them; each cell in one line, empty cells at the end dropped."""
    return "\n".join(" | ".join(" ".join(c.split()) for c in row).rstrip(" |") for row in rows)
