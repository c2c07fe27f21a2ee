"""Face of a server: a further way to ask it, beside the socket, in the same process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from qembed.serve.server import Server


class Face(Protocol):
    """Way to ask a server, with threads of its own. `grace`: seconds that begun requests have at the end."""

    grace: float

    def start(self, server: Server) -> None:
        """Begin to take requests, which `Server.ask` answers. Raises StorageError if it cannot."""
        ...

    def is_busy(self) -> bool:
        """True while a request is being answered."""
        ...

    def flush(self) -> None:
        """Hand over the answers that callers kept back. In the thread of the server's event loop."""
        ...

    def status(self) -> dict[str, Any]:
        """Fields for the server's status, JSON values."""
        ...

    def stop(self) -> None:
        """Take no more requests; those that are begun are answered."""
        ...

    def close(self) -> None:
        """End what is left."""
        ...
