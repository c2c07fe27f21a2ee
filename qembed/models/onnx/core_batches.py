"""Batches of one core each: cores that share a batch wait for one another at each product."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from qembed.models.batching import by_length
from qembed.models.environment import threads
from qembed.models.onnx.session import batch_tokens

ONE_CORE_TOKENS = 128, 384
"""Tokens in a batch that one core computes, at least and at most. Fewer are not worth reading the weights
for; more are no faster, and the last core works alone for longer."""
BATCHES_PER_CORE = 8
"""At least, unless they become too small: a core waits for the last one no longer than for one batch."""

T = TypeVar("T")
R = TypeVar("R")


def plan_batches(lengths: Sequence[int], fewest: int = 0) -> tuple[int, int]:
    """(batches at a time, tokens in each) for texts of these lengths, in tokens.

    Each core computes batches of its own where there is one for each, and `fewest` tokens in all. Else all
    cores share one.
    """
    cores, (least, most), total = threads(), ONE_CORE_TOKENS, sum(lengths)
    tokens = min(most, max(least, total // (BATCHES_PER_CORE * cores)))
    enough = cores > 1 and total >= fewest
    if enough and len(list(by_length(lengths, tokens=tokens))) >= cores:
        return cores, tokens
    return 1, batch_tokens()


def in_order(
    compute: Callable[[T], R], items: Iterable[T], at_a_time: int
) -> Generator[tuple[T, R]]:
    """Yield each item with its result, in order. `at_a_time`: computed by so many threads, of several.

    Where no thread can begin, this one computes. Items are taken as they are needed. Closing the generator
    ends it without those that are not begun.
    """
    if at_a_time == 1:
        for item in items:
            yield item, compute(item)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(at_a_time)
    begun: deque[tuple[T, Future[R]]] = deque()

    def begin(item: T) -> Future[R]:
        try:
            return pool.submit(compute, item)
        except RuntimeError:  # no more threads: this one computes it
            done: Future[R] = Future()
            done.set_result(compute(item))
            return done

    try:
        for item in items:
            begun.append((item, begin(item)))
            # one more waits for each thread, so that none waits for an item to be made
            if len(begun) > 2 * at_a_time:
                done, result = begun.popleft()
                yield done, result.result()
        for done, result in begun:
            yield done, result.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
