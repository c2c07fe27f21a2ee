"""SIGINT before a command begins and after it has ended: the process exits at once, with code 130.

Nothing is begun there that would have to be ended. An exception could be lost in an import's callbacks, or
be shown with a traceback by the interpreter's end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""Exit code after SIGINT, `ExitCode.INTERRUPTED`: this module is imported before enum."""


def exit_at_once(*_: object) -> None:
    """Handle a signal by ending the process."""
    os._exit(INTERRUPTED)


def exit_on_interrupt() -> None:
    """Install the handler of a process's start, unless SIGINT is ignored (nohup, a shell's `&`)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, exit_at_once)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt while the block runs, so that it can clean up."""
    if signal.getsignal(signal.SIGINT) is not exit_at_once:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, exit_at_once)
