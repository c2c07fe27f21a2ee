"""SIGINT before a command begins and after it has ended: the process exits at once, with code 130.

Nothing is begun there that would have to be ended. An exception could be lost in an import's callbacks, or
be shown with a traceback by the interpreter's end. This module is the first that a process imports, so it
imports what the interpreter has already: `_signal` rather than `signal`, which makes enumerations.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTERRUPTED = 130
"""Exit code after SIGINT, `ExitCode.INTERRUPTED`: this module is imported before enum."""


def exit_at_once(*_: object) -> None:
    """Handle a signal by ending the process."""
    os._exit(INTERRUPTED)


def exit_on_interrupt() -> None:
    """Install the handler of a process's start, unless SIGINT is ignored (nohup, a shell's `&`)."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, exit_at_once)


IMPORT_SYSTEM = "<frozen importlib"
"""Beginning of the file name that frames of the import system have."""
STDERR = 2


def interrupt(_: int, frame: Any) -> None:
    """Handle SIGINT by KeyboardInterrupt; during an import, which may lose it, by ending the process.

    numpy, imported by another extension, prints a traceback and leaves an ImportError without a cause.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORT_SYSTEM):
            if os.isatty(STDERR):
                os.write(STDERR, b"\r\x1b[K")  # a bar's remains
            exit_at_once()
        frame = frame.f_back
    raise KeyboardInterrupt


class interruptible:
    """Context in which SIGINT raises KeyboardInterrupt, so that the block can clean up (`interrupt`)."""

    def __enter__(self) -> None:
        self._is_ours = _signal.getsignal(_signal.SIGINT) is exit_at_once
        if self._is_ours:
            _signal.signal(_signal.SIGINT, interrupt)

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            _signal.signal(_signal.SIGINT, exit_at_once)


def is_interruption(error: BaseException, causes_only: bool = False) -> bool:
    """True if the error stems from a KeyboardInterrupt, as Python 3.11 wraps one in a class's body.

    `causes_only`: an error met while the interruption was handled, such as a full disk, is one of its own.
    """
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        if isinstance(at, KeyboardInterrupt):
            return True
        seen.add(id(at))
        at = at.__cause__ or (None if causes_only or at.__suppress_context__ else at.__context__)
    return False
