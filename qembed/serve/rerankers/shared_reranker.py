"""Shared reranker: one reranker for all requests of a server, which scores their pairs together.

A request's pairs are scored while it does not hold the index, so that another request finds its candidates
meanwhile. Requests that wait for the reranker share one call, in which equal pairs are scored once. Only for
rerankers whose scores do not depend on what shares the call (`batch_invariant`): answers are those of a fresh
process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qembed.protocols import Pair, Scorer, Tasks, Track
from qembed.serve.caller import Abandoned

if TYPE_CHECKING:
    from qembed.types import Scores

MAX_SHARED_PAIRS = 256
"""Pairs of a request that may share a call: a short request does not wait for a long one's pairs."""
WAIT_SECONDS = 0.05
"""Longest wait of a call for requests that look for their candidates. Twenty pairs take a second or two."""


class _Call:
    """Pairs of a request that wait to be scored, then their scores or the error.

    `check`: raises Abandoned once nobody waits for them.
    """

    def __init__(self, pairs: Sequence[Pair], check: Callable[[], None]) -> None:
        self.pairs = pairs
        self._check = check
        self.scores: dict[Pair, float] = {}
        self.truncated: set[Pair] = set()
        self.error: Exception | None = None
        self.done = False

    @property
    def is_large(self) -> bool:
        """True if it does not share a call of the reranker."""
        return len(self.pairs) > MAX_SHARED_PAIRS

    def is_abandoned(self) -> bool:
        """True if nobody waits for the scores."""
        try:
            self._check()
        except Abandoned:
            return True
        return False


class SharedReranker:
    """Scorer for all requests; the wrapped one is called by one thread at a time.

    `score` and `truncated` are for the request that has the index; another one takes `request`.
    """

    instructed = False

    def __init__(self, reranker: Scorer) -> None:
        self._reranker = reranker
        self.kind, self.note = reranker.kind, reranker.note
        self.calibrated, self.meaning = reranker.calibrated, reranker.meaning
        self.truncated: list[Pair] = []
        self._condition = threading.Condition()
        self._waiting: list[_Call] = []
        self._requests = 0
        self._busy = False

    @contextmanager
    def request(self, check: Callable[[], None] = lambda: None) -> Iterator[RequestReranker]:
        """Scorer of one request, for whose pairs a call of the wrapped one waits a moment in this context.

        `check`: raises Abandoned once nobody waits for the answer; its pairs are dropped then.
        """
        with self._condition:
            self._requests += 1
        try:
            yield RequestReranker(self, check)
        finally:
            with self._condition:
                self._requests -= 1
                self._condition.notify_all()

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),). Raises what the wrapped reranker raises."""
        once = RequestReranker(self)
        found = once.score(pairs, track, tasks)
        self.truncated += once.truncated
        return found

    def run(self, pairs: Sequence[Pair], check: Callable[[], None] = lambda: None) -> _Call:
        """Score pairs, with those that wait at the same time. Raises what the wrapped reranker raises."""
        call = _Call(pairs, check)
        with self._condition:
            self._waiting.append(call)
            self._condition.notify_all()
        while batch := self._next_calls(call):
            try:
                self._score_calls(batch)
            finally:
                with self._condition:
                    for scored in batch:
                        scored.done = True
                    self._busy = False
                    self._condition.notify_all()
        if call.error is not None:
            raise call.error
        return call

    def _next_calls(self, call: _Call) -> list[_Call]:
        """Calls for this thread to score, once the reranker is free; none if `call` was scored meanwhile."""
        with self._condition:
            self._condition.wait_for(lambda: call.done or not self._busy)
            if call.done:
                return []
            self._drop_abandoned()
            if call.done:
                return []
            self._busy = True
            self._condition.wait_for(lambda: len(self._waiting) >= self._requests, WAIT_SECONDS)
            first = self._waiting[0]
            batch = [first] if first.is_large else [c for c in self._waiting if not c.is_large]
            self._waiting = [c for c in self._waiting if c not in batch]
            return batch

    def _drop_abandoned(self) -> None:
        """Drop the calls that nobody waits for."""
        dropped = [c for c in self._waiting if c.is_abandoned()]
        for call in dropped:
            call.error, call.done = Abandoned(), True
        if dropped:
            self._waiting = [c for c in self._waiting if c not in dropped]
            self._condition.notify_all()

    def _score_calls(self, calls: Sequence[_Call]) -> None:
        """Score calls together, or each alone if that fails, so that each meets its own error."""
        pairs = list(dict.fromkeys(pair for call in calls for pair in call.pairs))
        self._reranker.truncated.clear()

        def batch_done(_: int) -> None:
            if all(call.is_abandoned() for call in calls):
                raise Abandoned

        try:
            scores = self._reranker.score(pairs, batch_done).tolist()
        except Abandoned as e:
            for call in calls:
                call.error = e
            return
        except Exception as e:
            if len(calls) == 1:
                calls[0].error = e
            else:
                for call in calls:
                    self._score_calls([call])
            return
        known, truncated = dict(zip(pairs, scores, strict=True)), {*self._reranker.truncated}
        for call in calls:
            call.scores = {pair: known[pair] for pair in call.pairs}
            call.truncated = truncated.intersection(call.pairs)


class RequestReranker:
    """Scorer of one request through a SharedReranker; each pair is scored once."""

    instructed = False

    def __init__(self, shared: SharedReranker, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._shared = shared
        self.kind, self.note = shared.kind, shared.note
        self.calibrated, self.meaning = shared.calibrated, shared.meaning
        self.truncated: list[Pair] = []
        self._scores: dict[Pair, float] = {}
        self._truncated: set[Pair] = set()

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),). Raises what the wrapped reranker raises."""
        import numpy as np

        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._scores]
        if new:
            call = self._shared.run(new, self._check)
            self._scores |= call.scores
            self._truncated |= call.truncated
        self.truncated += [pair for pair in dict.fromkeys(pairs) if pair in self._truncated]
        if track is not None:
            track(len(pairs))
        return np.array([self._scores[pair] for pair in pairs], dtype=np.float32)


def shared(reranker: Scorer) -> SharedReranker | None:
    """The reranker for all requests; None if its scores may depend on what shares a call."""
    independent = getattr(reranker, "batch_invariant", False) and not reranker.instructed
    return SharedReranker(reranker) if independent else None
