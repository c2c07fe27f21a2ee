"""Progress on stderr: a bar on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qembed.cli.render.units import span

INTERVAL = 30.0
"""Seconds between two lines."""
QUICK_SECONDS, DRAW_SECONDS = 0.5, 0.25
"""Time before the bar is drawn, and between two drawings."""


class ProgressDisplay:
    """Phase of an operation, units done, their rate, and the time left.

    `say`: prints a line. `bar`: draw a bar in place of lines. Both come from a thread, so that a phase
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
        self._note = ""
        self._done = 0
        self._began = clock()
        self._ended = threading.Event()
        self._lock = threading.RLock()

    def __enter__(self) -> ProgressDisplay:
        run = self._draw_regularly if self._draws else self._say_regularly
        threading.Thread(target=run, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._lock:
            self._close_bar()

    def phase(self, name: str, unit: str, total: int | None) -> None:
        """Begin a phase of `total` units, None if that is not known."""
        with self._lock:
            self._name, self._unit, self._total = name, unit, total
            self._is_estimate, self._done, self._began = False, 0, self._clock()
            self._note = ""
            if self._bar is not None:
                self._draw()

    def advance(self, n: int) -> None:
        """Count `n` more units."""
        self._done += n
        if self._is_estimate and self._total is not None:
            self._total = max(self._total, self._done)

    def expect(self, total: int) -> None:
        """Set the estimated total."""
        self._total, self._is_estimate = max(total, self._done), True

    def note(self, text: str) -> None:
        """Set what is shown beside the units until the next phase, such as a loss."""
        self._note = text

    def line(self) -> str:
        """The phase as `encode: 640 of about 9,000 passages, 80/s, 1m 44s left`; "" before the first."""
        if not self._name:
            return ""
        spent = self._clock() - self._began
        about = "about " if self._is_estimate else ""
        of = "" if self._total is None else f" of {about}{self._total:,}"
        if not self._done:
            none_yet = f"0{of} {self._unit}, " if of else ""
            return f"{self._name}: {none_yet}{span(spent)} so far"
        rate = self._done / max(spent, 1e-9)
        left = ""
        if self._total is not None and self._total > self._done:
            left = f", {span((self._total - self._done) / rate)} left"
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        note = f", {self._note}" if self._note else ""
        return f"{self._name}: {self._done:,}{of} {self._unit}{note}, {shown}/s{left}"

    def write(self, text: str) -> None:
        """Print a message, above the bar if there is one."""
        with self._lock:
            if self._bar is None:
                self._say(text)
            else:
                self._bar.clear()
                self._say(text)
                self._bar.refresh()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Show nothing while the block runs: it asks a question."""
        with self._lock:
            self._close_bar()
            yield

    def _draw(self) -> None:
        """Draw the bar with the line of the phase in front."""
        if self._bar is None:
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # no further thread
            self._bar = tqdm(file=sys.stderr, dynamic_ncols=True, leave=False, bar_format="{desc}")
        bar, total = self._bar, self._total
        bar.bar_format = "{desc}" if total is None else "{desc} {bar}"
        bar.total, bar.n = max(total or 0, self._done, 1), self._done
        bar.set_description_str(f"qembed: {self.line()}", refresh=False)
        bar.refresh()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw_regularly(self) -> None:
        """Draw until the end, from QUICK_SECONDS on: what is over sooner has no bar."""
        pause = QUICK_SECONDS
        while not self._ended.wait(pause):
            pause = DRAW_SECONDS
            with self._lock:
                if self._name and not self._ended.is_set():
                    self._draw()

    def _say_regularly(self) -> None:
        while not self._ended.wait(self._interval):
            with self._lock:
                if (line := self.line()) and not self._ended.is_set():
                    self._say(line)
