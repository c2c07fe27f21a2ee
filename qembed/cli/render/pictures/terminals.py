"""Graphics protocols of terminals, and the size of a cell.

A terminal is known by its environment alone. One that is asked answers into the keyboard's input: what the
user has typed meanwhile would be read with the answer, and be lost to the shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Protocol: TypeAlias = Literal["kitty", "iterm2", "sixel"]

_KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")
_ITERM2_PROGRAMS = ("iTerm.app", "WezTerm", "mintty", "rio")
_SIXEL_TERMS = ("foot", "mlterm", "contour", "yaft")
_MULTIPLEXERS = ("screen", "tmux")
LEAST_KONSOLE = 220400
"""Version of Konsole (22.04) from which on it has kitty's protocol."""


class Cell(NamedTuple):
    """Pixels of a cell. `known`: the terminal tells them."""

    width: int
    height: int
    known: bool = True


def protocol_of(environ: Mapping[str, str]) -> Protocol | None:
    """Protocol of the terminal that an environment tells of, None for none, and inside screen and tmux."""
    term = environ.get("TERM", "")
    if term.startswith(_MULTIPLEXERS) or "TMUX" in environ or "STY" in environ:
        return None  # variables of the terminal around them are there, but sequences do not pass
    program = environ.get("TERM_PROGRAM", "")
    konsole = environ.get("KONSOLE_VERSION", "")
    if (
        term.startswith(_KITTY_TERMS)
        or "KITTY_WINDOW_ID" in environ
        or program == "ghostty"
        or (konsole.isdecimal() and int(konsole) >= LEAST_KONSOLE)
    ):
        return "kitty"
    if program in _ITERM2_PROGRAMS or environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return "sixel" if term.startswith(_SIXEL_TERMS) else None


def cell_of(fd: int) -> Cell:
    """Cell of the terminal at a file descriptor, as the system knows it: asked, it would answer as above."""
    import array
    import fcntl
    import termios

    size = array.array("H", [0, 0, 0, 0])
    try:
        fcntl.ioctl(fd, termios.TIOCGWINSZ, size)
    except OSError:
        return UNKNOWN_CELL
    rows, columns, width, height = size
    if not (rows and columns and width >= columns and height >= rows):
        return UNKNOWN_CELL
    return Cell(width // columns, height // rows)


UNKNOWN_CELL = Cell(8, 16, known=False)
"""A small cell: sixels, which are pixels, then take no more rows than were left for them."""
