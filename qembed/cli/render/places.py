"""Places of hits: paths that open from the current folder, and links for terminals that have them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from qembed.inputs import as_argument, from_here
from qembed.types import Hit

_LINKING_PROGRAMS = frozenset(
    {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio", "WarpTerminal", "zed"}
)
_LINKING_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour", "rio")
_VTE_WITH_LINKS = 5000
"""Version 0.50 of the library of GNOME's terminals."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys, that end lines or turn the direction of text."""
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def current_folder() -> Path:
    """The current folder; an empty path, which no hit's path is relative to, if it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def file_path(hit: Hit, folder: Path) -> str | None:
    """Path that opens the hit's file from `folder`: relative if below it. None for a record of no file."""
    if hit.path is None:
        return None
    try:
        return as_argument(str(Path(hit.path).relative_to(folder)))
    except ValueError:
        return hit.path


def place(hit: Hit, folder: Path) -> str:
    """The hit's file as `file_path`, with the part in it: `a.pdf#page=3`; the id of a record of no file."""
    path = file_path(hit, folder)
    if path is None:
        return hit.document
    return f"{path}#{hit.fragment}" if hit.fragment else path


def shown_path(path: str) -> str:
    """A full path as it opens from the current folder, in one line as `shell_word`."""
    return shell_word(from_here(path))


def shell_word(path: str) -> str:
    """Path as it is; with control or direction characters as `$'…'`, which shells read as the path."""
    if not _CONTROL.search(path):
        return path
    plain = path.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_CONTROL.sub(_escape, plain)}'"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _ESCAPES.get(found[0]) or (f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")


def shortened(text: str, width: int) -> str:
    """Text of at most `width` columns, cut in the middle: both a path's folder and its end say where."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    end, tail = len(text), 0
    while end and tail + cell_len(text[end - 1]) <= max(width - 1, 1) * 2 // 3:
        end -= 1
        tail += cell_len(text[end])
    start, head = 0, 0
    while head + cell_len(text[start]) <= width - 1 - tail:
        head += cell_len(text[start])
        start += 1
    return f"{text[:start]}…{text[end:]}"


def shows_links(environment: Mapping[str, str]) -> bool:
    """True if the terminal of these variables is known to show OSC 8 hyperlinks."""
    if "NO_COLOR" in environment or environment.get("TERM") in (None, "", "dumb", "linux"):
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in _LINKING_PROGRAMS
        or environment["TERM"].startswith(_LINKING_TERMS)
        or (vte.isdigit() and int(vte) >= _VTE_WITH_LINKS)
        or any(name in environment for name in ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM"))
    )


def file_url(hit: Hit) -> str | None:
    """URL of the hit's file, of a PDF at its page; None for a record of no file."""
    if hit.path is None:
        return None
    from urllib.parse import quote

    page = f"#{quote(hit.fragment, safe='=')}" if hit.fragment.startswith("page=") else ""
    return f"file://{os.uname().nodename}{quote(os.fsencode(hit.path))}{page}"
