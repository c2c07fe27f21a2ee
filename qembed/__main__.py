"""`python -m qembed` and the console script."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

GC_THRESHOLD = 100_000
"""New objects between two looks for garbage: imports make many, and none of it is any."""
BLAS_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
"""log2 of the clock ticks that numpy's threads spin before they sleep, 4 at least: a query has one small
product for them, and they took a core from other processes for .1 s."""


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # data is UTF-8 whatever cron's locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    from qembed.cli.app import app

    app(prog_name="qembed")


def command() -> None:
    """What a shell runs: `main`, and the end of the process behind a query.

    A query has nothing to finish, and taking libraries and sessions apart is a tenth of its time.
    """
    gc.set_threshold(GC_THRESHOLD)
    os.environ.setdefault(BLAS_TIMEOUT, "4")
    try:
        main()
    except SystemExit as done:
        if sys.argv[1:2] == ["query"] and done.code in (0, None):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        raise


if __name__ == "__main__":
    command()
