"""One encoder for all requests of a server: it remembers, and encodes together what waits together.

Answers are the bytes that a fresh process gives. Where a text's vector differs in its eighth digit by what it
is encoded beside, a call is therefore repeated whole or not at all; most exports know no such difference.

A batch waits while more requests are being answered than wait to be encoded: whoever is answered asks again,
and a text takes less time in a batch than alone. Meanwhile answers are made on the other cores, so a batch
takes half of them, and half of all texts: while five are encoded and three answered one core waits, and then
the other.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models.environment import threads
from qembed.types import Encoder, EncoderInfo

if TYPE_CHECKING:
    from qembed.types import Vectors

CACHED_VECTORS = 8192
"""Vectors of past calls that are kept: 12 MB at 384 dimensions."""
MAX_BATCHED_REQUESTS = 16
"""Calls that are made one: a short text by itself does not fill the processor."""
MAX_BATCHED_CHARS = 400
"""Characters of a call that goes together with others."""
MAX_UNAWAITED_REQUESTS = 1
"""Requests being answered that a batch does not wait for: else no core encodes while the last of them are."""
THREAD_IDLE_SECONDS = 10.0
"""Seconds after which the thread that encodes goes home if nothing waits."""


class _Call:
    """Texts that wait. `vectors` stays None if it went wrong; `done` is called in any case.

    `now`: somebody does nothing until then, and may be the one whom a batch would wait for.
    """

    def __init__(self, texts: tuple[str, ...], done: Callable[[float], None], now: bool) -> None:
        self.texts = texts
        self.done = done
        self.now = now
        self.vectors: Vectors | None = None


class BatchingEncoder:
    """An Encoder that many threads may call. `elsewhere`: requests that are being answered just now."""

    def __init__(self, encoder: Encoder, elsewhere: Callable[[], int] = lambda: 0) -> None:
        self._encoder = encoder
        self._elsewhere = elsewhere
        self.info: EncoderInfo = encoder.info
        """Capabilities of the wrapped encoder."""
        # an exported graph takes calls side by side; torch and the user's own code may not
        self._places = threading.Semaphore(threads() if self.info.thread_safe else 1)
        self._change = threading.Condition()
        self._known: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._held = 0
        self._waiting: deque[_Call] = deque()
        self._at_work = False

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """float32 (len(texts), dim), as the encoder gives it for just these texts in one call.

        The batching decides which cores are used: `half_cores` is ignored.
        """
        key = tuple(texts)
        if (known := self.known(key)) is not None:
            return known
        told = threading.Lock()
        told.acquire()
        with self._change:
            call = self._queue(key, lambda _: told.release(), now=True)
        if call is not None:
            told.acquire()
            if call.vectors is not None:
                return call.vectors
        with self._places:
            vectors = self._encoder.encode(key)
        with self._change:
            self._remember(key, vectors)
        return vectors

    def known(self, texts: Sequence[str]) -> Vectors | None:
        """What `encode` gives, if it was encoded before."""
        key = tuple(texts)
        with self._change:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
            return self._known[key].copy()

    def begin(self, texts: Sequence[str], done: Callable[[float], None]) -> bool:
        """Has the texts encoded for a later `encode`; False, and nothing is done, for what goes by itself.

        `done` is called with the seconds it took, by this thread or another, also if it went wrong: the later
        `encode` says why.
        """
        key = tuple(texts)
        with self._change:
            known = not key or key in self._known
            if not known:
                return self._queue(key, done, now=False) is not None
        done(0.0)
        return True

    def look(self) -> None:
        """There are fewer elsewhere than before."""
        if self._waiting:
            with self._change:
                self._change.notify()

    def _queue(
        self, key: tuple[str, ...], done: Callable[[float], None], now: bool
    ) -> _Call | None:
        """The call, waiting; None for what is not encoded beside others."""
        if not self.info.batch_invariant or sum(map(len, key)) > MAX_BATCHED_CHARS:
            return None
        if not self._at_work:
            try:
                threading.Thread(target=self._work, name="encode", daemon=True).start()
            except RuntimeError:  # no more threads
                return None
            self._at_work = True
        call = _Call(key, done, now)
        self._waiting.append(call)
        self._change.notify()
        return call

    def _work(self) -> None:
        while calls := self._next():
            began = time.perf_counter()
            self._together(calls)
            took = time.perf_counter() - began
            for c in calls:
                c.done(took)

    def _next(self) -> list[_Call]:
        """The next batch, once it is worth while; none if nothing comes any more."""
        with self._change:
            self._change.wait_for(self._ripe, THREAD_IDLE_SECONDS)
            waiting = len(self._waiting)
            half = (waiting + self._elsewhere() + 1) // 2
            n = min(waiting, MAX_BATCHED_REQUESTS, half)
            calls = [self._waiting.popleft() for _ in range(n)]
            self._at_work = bool(calls)
            return calls

    def _ripe(self) -> bool:
        waiting = self._waiting
        return bool(waiting) and (
            len(waiting) + MAX_UNAWAITED_REQUESTS >= self._elsewhere()
            or any(c.now for c in waiting)
        )

    def _together(self, calls: Sequence[_Call]) -> None:
        """Encodes all calls as one. An error is for the call that meets it when it is made alone."""
        alone = len(calls) == 1 and not self._elsewhere()
        try:
            texts = [t for c in calls for t in c.texts]
            vectors = self._encoder.encode(texts, half_cores=not alone)
        except Exception:
            return
        at = 0
        with self._change:
            for c in calls:
                c.vectors = vectors[at : at + len(c.texts)].copy()
                self._remember(c.texts, c.vectors)
                at += len(c.texts)

    def _remember(self, key: tuple[str, ...], vectors: Vectors) -> None:
        if key not in self._known and len(key) <= CACHED_VECTORS // 4:
            self._known[key] = vectors.copy()
            self._held += len(key)
        while self._held > CACHED_VECTORS:
            self._held -= len(self._known.popitem(last=False)[0])
