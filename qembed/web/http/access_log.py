"""Access log: a line of JSON on stderr for each request, written by a thread of its own.

A terminal or pipe that nobody reads must not stop the server: lines that it does not take are dropped.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

WAITING_LINES = 10_000
GATHER_SECONDS = 0.05
"""Time in which lines are gathered: a thread that wakes for each of them stops the others."""
CLOSE_SECONDS = 1.0
"""Time to write what waits at the end."""


def to_stderr(lines: str) -> None:
    """Write lines to stderr."""
    sys.stderr.write(lines + "\n")
    sys.stderr.flush()


class AccessLog:
    """Log of requests. `write`: takes one or more lines and may block."""

    def __init__(self, write: Callable[[str], None] = to_stderr) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def add(self, **fields: Any) -> None:
        """Log a request. Fields without a value are left out."""
        self._put(json.dumps({k: v for k, v in fields.items() if v is not None}, default=str))

    def bug(self, error: BaseException) -> None:
        """Log the traceback of a bug."""
        self._put("".join(traceback.format_exception(error)).rstrip())

    def _put(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _run(self) -> None:
        is_open = True
        while is_open:
            lines = [self._lines.get()]
            if lines != [None]:
                time.sleep(GATHER_SECONDS)
            lines += [self._lines.get_nowait() for _ in range(self._lines.qsize())]
            is_open = None not in lines
            try:
                if text := "\n".join(line for line in lines if line is not None):
                    self._write(text)
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._write(json.dumps({"dropped_lines": dropped}))
            except (OSError, ValueError):  # stderr is closed
                pass

    def close(self) -> None:
        """Write what waits, as far as there is time."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)
