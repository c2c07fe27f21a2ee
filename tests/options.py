"""Options of a command line that others replace: a command takes each of one value once."""

from __future__ import annotations

from collections.abc import Sequence


def replaced(usual: Sequence[str], given: Sequence[str]) -> list[str]:
    """`given`, after those of the usual options, each with one value, that it does not name."""
    kept: list[str] = []
    for at, word in enumerate(usual):
        name = word if word.startswith("--") else usual[at - 1] if at else ""
        if name not in given:
            kept.append(word)
    return [*kept, *given]
