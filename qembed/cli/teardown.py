"""End of a command's process.

Tearing down libraries and sessions takes a tenth of a query's time. A command that has nothing left to finish
says so, and its process ends without.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from qembed.cli.interrupts import INTERRUPTED

_needed = True


def skip_teardown() -> None:
    """Declare that nothing of this process needs an orderly end: files are closed, threads may die."""
    global _needed
    _needed = False


def end_process(done: SystemExit) -> NoReturn:
    """End the process with the exit's code: at once after success or SIGINT if teardown is to be skipped.

    Raises `done` otherwise.
    """
    if not _needed and done.code in (0, None, INTERRUPTED):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(done.code or 0))
    raise done
