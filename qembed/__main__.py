"""Entry point of `python -m qembed` and of the console script."""

from __future__ import annotations

from qembed.cli.interrupts import exit_on_interrupt

exit_on_interrupt()  # before any other import: what the interpreter does earlier is not ours

import gc  # noqa: E402
import os  # noqa: E402

GC_THRESHOLD = 100_000
"""Allocations between two garbage collections: imports make many objects, and no garbage."""
BLAS_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
"""Variable: log2 of the clock ticks that numpy's idle threads spin, at least 4. A query has one small product
for them; by default they then take a core from other processes for .1 s."""


def main() -> None:
    """Run the command line."""
    from qembed.cli.streams import open_streams

    open_streams()
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
