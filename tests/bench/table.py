"""Timing in turns, and a table of ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Timed = Callable[[], object]


def seconds(work: Timed) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(a: Timed, b: Timed, rounds: int = 5) -> tuple[float, float, float]:
    """Medians of a and b, run A B A B …, and the median of the pairs' ratios a / b."""
    pairs = [(seconds(a), seconds(b)) for _ in range(rounds)]
    return (
        statistics.median(x for x, _ in pairs),
        statistics.median(y for _, y in pairs),
        statistics.median(x / y for x, y in pairs),
    )


def row(name: str, ours: float, other: float, ratio: float, other_name: str) -> None:
    """One line of the table."""
    print(
        f"{name:44} {ours:9.3f} s  {other_name:34} {other:9.3f} s  ratio {ratio:6.3f}", flush=True
    )


def fact(name: str, value: str) -> None:
    """A line that is no ratio."""
    print(f"{name:44} {value}", flush=True)
