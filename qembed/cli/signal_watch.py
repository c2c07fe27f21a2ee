"""Limit of the time between a signal and the end of the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from qembed.cli.teardown import skip_teardown

GRACE_SECONDS = 0.25
"""Time that a library's call may go on after the last signal of a watched block."""
STDERR = 2


@contextmanager
def watched(signals: int = 1) -> Iterator[None]:
    """End the process if the block still runs GRACE_SECONDS after its n-th signal that has a handler.

    `signals`: n. Python's handlers run between two instructions of the main thread, which may be in a matrix
    product or a tokenizer for a minute; the wakeup descriptor is written to at once. Libraries' imports lose
    a KeyboardInterrupt, too: numpy's, called from another extension, becomes an ImportError without a cause.
    """
    if threading.current_thread() is not threading.main_thread():  # no signal comes here
        yield
        return
    ended = threading.Event()
    read, write = os.pipe()
    os.set_blocking(write, False)

    def watch() -> None:
        for _ in range(signals):
            received = os.read(read, 1)
            if not received:
                return
        if not ended.wait(GRACE_SECONDS):
            if os.isatty(STDERR):
                os.write(STDERR, b"\r\x1b[K")  # a bar's remains
            os._exit(128 + received[0])

    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    thread = threading.Thread(target=watch, name="signals", daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        if (
            signals == 1
        ):  # nothing is to be committed; threads of a library may be busy for a second
            skip_teardown()
        raise
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(write)
        thread.join(GRACE_SECONDS)
        os.close(read)
