"""Exit codes of all commands, as docs/cli.md documents them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of a command. 1 is left to bugs."""

    DONE = 0
    CANNOT_RUN = 2
    """Usage error, no index, wrong recipe, unreachable model."""
    GATE = 3
    """Gate or verdict failed."""
    SOME_FAILED = 4
    """Done, but some inputs could not be read: they are listed."""
    LOCKED = 75
    """Another writer holds the lock."""
    HUNG_UP = 129
    """SIGHUP, the terminal was closed; what was done so far is committed."""
    INTERRUPTED = 130
    """SIGINT; what was done so far is committed."""
    TERMINATED = 143
    """SIGTERM; what was done so far is committed."""
