"""A few calls side by side, each in a thread: without the .01 s that importing a pool of threads takes.

Work that others in the process do at the same time has the other cores already: `alone` tells.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


def usable_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_guard = threading.Lock()
_at_work = 0
"""Blocks of `alone` that run now, in all threads."""


@contextmanager
def alone() -> Iterator[bool]:
    """Run a block that may divide its work: True if no other such block runs in this process."""
    global _at_work
    with _guard:
        _at_work += 1
        first = _at_work == 1
    try:
        yield first
    finally:
        with _guard:
            _at_work -= 1


def run_threads(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Results of calls, the first of which runs in this thread. Raises the first error, once all ended."""
    found: dict[int, T] = {}
    errors: dict[int, BaseException] = {}

    def run(i: int) -> None:
        try:
            found[i] = calls[i]()
        except BaseException as e:
            errors[i] = e

    threads = [threading.Thread(target=run, args=(i,)) for i in range(1, len(calls))]
    begun = 0
    try:
        with suppress(RuntimeError):  # the process may begin no more: this thread runs the rest
            for thread in threads:
                thread.start()
                begun += 1
        for i in range(len(calls)):
            if i == 0 or i > begun:
                run(i)
    finally:
        for thread in threads[:begun]:
            thread.join()
    if errors:
        raise errors[min(errors)]
    return [found[i] for i in range(len(calls))]
