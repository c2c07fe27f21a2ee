"""How the core tells what it is doing. It never prints: the command line hands these in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`say`: one line of talk. `files`: (done, total) files read. `passages`: so many more encoded."""

    say: Callable[[str], None] = lambda _: None
    files: Callable[[int, int], None] = lambda _done, _total: None
    passages: Callable[[int], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    """Asked between two steps: true ends the work with what is done committed."""
