"""Progress callbacks and stage timings of a long-running operation.

The core never prints: the command line hands in a `Progress`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple, TypeVar

T = TypeVar("T")

LOAD_RERANKER = "load reranker"
"""Stage and phase of opening a reranker: it may take longer than the search."""


def never() -> bool:
    """Stop condition of an operation that nobody stops."""
    return False


class Progress(NamedTuple):
    """Callbacks of an operation, no-ops by default.

    `say(line)`: print a message; `warn(line)`: one on a likely mistake, also
    where talk is silenced. `phase(name, unit, total)`: a phase begins, of `total` units, None if that
    is not known. `advance(n)`: n more units of the phase are done. `expect(total)`: a new estimate of its
    total. `note(text)`: what is shown beside the units, such as a loss. `stop()`: polled between two steps;
    True ends the operation with the work so far committed. `committing()`: context of a part that commits
    when it is stopped; KeyboardInterrupt ends any other.
    """

    say: Callable[[str], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None
    phase: Callable[[str, str, int | None], None] = lambda _name, _unit, _total: None
    advance: Callable[[int], None] = lambda _: None
    expect: Callable[[int], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None
    stop: Callable[[], bool] = never
    committing: Callable[[], AbstractContextManager[object]] = nullcontext

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, each as one more unit of the phase."""
        for item in items:
            self.advance(1)
            yield item


class StageTimer(defaultdict[str, float]):
    """Map from stage name to seconds; `with timer("encode"):` adds the duration of the block."""

    def __init__(self) -> None:
        super().__init__(float)

    def end(self, total: float) -> None:
        """Set the total, and "other": what of it no stage has."""
        self["other"] = max(0.0, total - sum(self.values()))
        self["total"] = total

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time a block, also one that raises."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self[stage] += time.perf_counter() - began
