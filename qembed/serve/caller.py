"""Caller of a request: a connection of the socket, or another face of the server in this process.

Imports no other room.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias


class Reply(Protocol):
    """An answer that can be sent."""

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        ...


class Abandoned(Exception):
    """Nobody waits for the answer any more: the work is dropped."""


Outcome: TypeAlias = Reply | Exception
"""Answer of a request, or the reason why there is none."""


class Caller(Protocol):
    """Side that asked. All methods may be called by any thread, and none of them blocks."""

    def mark_running(self) -> None:
        """Mark the request as running: it waits for no other one any more."""
        ...

    def is_closed(self) -> bool:
        """True if nobody waits for the answer any more."""
        ...

    def finish(self, outcome: Outcome, hold: bool = False) -> None:
        """Take the answer, or the reason why there is none.

        `hold`: the server's event loop gives it, with others soon to come; the caller may keep it back until
        the loop calls `Face.flush`.
        """
        ...

    def abandon(self) -> None:
        """Give the request up without an answer: nobody waits, or there are no threads for it."""
        ...
