"""Command lines of editors and pagers, from the user's variables. No shell reads them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath

from qembed.errors import UsageError

_PLUS_LINE = frozenset(
    [
        "vi",
        "vim",
        "nvim",
        "view",
        "vimdiff",
        "gvim",
        "mvim",
        "ex",
        "elvis",
        "nano",
        "pico",
        "emacs",
        "emacsclient",
        "zile",
        "mg",
        "jove",
        "joe",
        "jmacs",
        "jstar",
        "kak",
        "micro",
        "ne",
        "dte",
        "vis",
        "gedit",
        "pluma",
        "xed",
        "leafpad",
        "less",
        "more",
        "most",
        "pg",
    ]
)
"""Programs that take `+LINE FILE`."""
_COLON_LINE = frozenset(
    ["hx", "helix", "subl", "sublime_text", "zed", "zeditor", "atom", "pulsar", "lapce", "lite-xl"]
)
"""Programs that take `FILE:LINE`."""
_GOTO = frozenset(
    [
        "code",
        "code-insiders",
        "codium",
        "vscodium",
        "code-oss",
        "cursor",
        "windsurf",
        "positron",
        "antigravity",
        "kiro",
    ]
)
"""Programs that take `-g FILE:LINE`."""
_LINE_OPTION = {
    **dict.fromkeys(("kate", "kwrite", "mate", "xedit"), "-l"),
    **dict.fromkeys(
        [
            "idea",
            "pycharm",
            "webstorm",
            "phpstorm",
            "goland",
            "clion",
            "rubymine",
            "rider",
            "rustrover",
            "fleet",
            "studio",
        ],
        "--line",
    ),
}
"""Programs that take an option with the line before the file."""


def viewer(environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """(name of the variable, words) of the program that shows a file: an editor, else a pager.

    $VISUAL, $EDITOR, $PAGER; `less` without any, under the name "". Raises UsageError for words that cannot
    be split.
    """
    return _first(environment, ("VISUAL", "EDITOR", "PAGER"))


def pager(environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """(name of the variable, words) of the program that shows a text: $PAGER, else `less`."""
    return _first(environment, ("PAGER",))


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, list[str]]:
    for name in names:
        value = environment.get(name, "")
        try:
            words = shlex.split(value)
        except ValueError as e:
            raise UsageError(f"${name} is {value!r}: {str(e).lower()}") from None
        if words:
            return name, words
    return "", ["less"]


def program_name(words: list[str]) -> str:
    """Name of a command's program, without folder and suffix, in lower case."""
    return PurePath(words[0]).name.lower().removesuffix(".exe")


def takes_line(words: list[str]) -> bool:
    """True if it is known how this program is told a line."""
    name = program_name(words)
    return name in _PLUS_LINE | _COLON_LINE | _GOTO or name in _LINE_OPTION


def at_line(words: list[str], path: str, line: int | None) -> list[str]:
    """Command that opens a file, at a line if the program is known to take one. `path`: absolute."""
    name = program_name(words)
    if line is None:
        return [*words, path]
    if name in _PLUS_LINE:
        return [*words, f"+{line}", path]
    if name in _COLON_LINE:
        return [*words, f"{path}:{line}"]
    if name in _GOTO:
        return [*words, "-g", f"{path}:{line}"]
    if name in _LINE_OPTION:
        return [*words, _LINE_OPTION[name], str(line), path]
    return [*words, path]


def from_stdin(words: list[str], line: int) -> list[str]:
    """Command of a pager that shows its stdin, from a line on if it is known to take one."""
    return [*words, f"+{line}"] if program_name(words) in ("less", "more", "most") else list(words)
