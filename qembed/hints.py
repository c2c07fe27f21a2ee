"""Commands that messages name: they repeat the `--index` that this command was given."""

from __future__ import annotations

import re
from pathlib import Path

_COMMAND = re.compile(
    r"\bqembed (?:index|verify|status|serve|forget|tune(?= --)|eval (?:init|pool))\b(?![^()\n]*--index)"
)
"""Commands that take `--index` and are named without it."""
_given: Path | None = None


def remember_index(given: Path | None) -> Path | None:
    """Remember the value of `--index`, None without one; the option's callback. Returns the value."""
    global _given
    _given = given
    return given


def remember_indexes(given: list[Path] | None) -> list[Path] | None:
    """Remember the value of an `--index` that may be repeated, as `remember_index`; nothing of several."""
    remember_index(given[0] if given and len(given) == 1 else None)
    return given


def with_index(text: str, given: Path | None = None) -> str:
    """Repeat `--index` in the commands that a message names, if it was given.

    `given`: its value, None for the one that is remembered.
    """
    value = _given if given is None else given
    if value is None:
        return text
    import shlex

    option = f" --index {shlex.quote(str(value))}"
    return _COMMAND.sub(lambda found: found[0] + option, text)
