"""Progress on stderr: a bar on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from qembed.cli.render.units import span

INTERVAL = 30.0
"""Seconds between two lines."""


class ProgressDisplay:
    """Phase of an operation, units done, their rate, and the time left.

    `say`: prints a line. `bar`: draw a bar in place of lines. Lines come from a thread, so that a phase
    without any report is told of, too. Use as a context manager.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        bar: bool,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._draws = bar
        self._interval = interval
        self._clock = clock
        self._bar: Any = None
        self._name = self._unit = ""
        self._total: int | None = None
        self._is_estimate = False
        self._done = 0
        self._began = clock()
        self._ended = threading.Event()

    def __enter__(self) -> ProgressDisplay:
        if not self._draws:
            threading.Thread(target=self._say_regularly, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._close_bar()

    def phase(self, name: str, unit: str, total: int | None) -> None:
        """Begin a phase of `total` units, None if that is not known."""
        self._close_bar()
        self._name, self._unit, self._total = name, unit, total
        self._is_estimate, self._done, self._began = False, 0, self._clock()
        if self._draws:
            from tqdm import tqdm

            self._bar = tqdm(
                desc=name,
                total=total,
                unit=f" {unit}" if unit else " steps",
                file=sys.stderr,
                dynamic_ncols=True,
                leave=False,
            )

    def advance(self, n: int) -> None:
        """Count `n` more units."""
        self._done += n
        if self._bar is not None:
            self._bar.update(n)

    def expect(self, total: int) -> None:
        """Set the estimated total."""
        self._total, self._is_estimate = max(total, self._done), True
        if self._bar is not None:
            self._bar.total = self._total
            self._bar.refresh()

    def line(self) -> str:
        """The phase as `encode: 640 of about 9,000 passages, 80/s, 1m 44s left`; "" before the first."""
        if not self._name:
            return ""
        spent = self._clock() - self._began
        if not self._done:
            return f"{self._name}: {span(spent)} so far"
        about = "about " if self._is_estimate else ""
        of = "" if self._total is None else f" of {about}{self._total:,}"
        rate = self._done / max(spent, 1e-9)
        left = ""
        if self._total is not None and self._total > self._done:
            left = f", {span((self._total - self._done) / rate)} left"
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        return f"{self._name}: {self._done:,}{of} {self._unit}, {shown}/s{left}"

    def write(self, text: str) -> None:
        """Print a message, above the bar if there is one."""
        if self._bar is None:
            self._say(text)
        else:
            self._bar.clear()
            self._say(text)
            self._bar.refresh()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say_regularly(self) -> None:
        while not self._ended.wait(self._interval):
            if line := self.line():
                self._say(line)
