"""`python -m qembed` and the console script."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

GC_THRESHOLD = 100_000
"""Allocations between two garbage collections: imports make many objects, and no garbage."""
BLAS_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
"""Variable: log2 of the clock ticks that numpy's idle threads spin, at least 4. A query has one small product
for them; by default they then take a core from other processes for .1 s."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # data is UTF-8 whatever cron's locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    from qembed.cli.app import app

    app(prog_name="qembed")


def command() -> None:
    """Run the command line in a process of its own, as a shell does."""
    gc.set_threshold(GC_THRESHOLD)
    os.environ.setdefault(BLAS_TIMEOUT, "4")
    try:
        main()
    except SystemExit as done:
        from qembed.cli.teardown import end_process

        end_process(done)


if __name__ == "__main__":
    command()
