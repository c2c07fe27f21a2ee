"""Batching encoder: one encoder for all requests of a server, with a cache of vectors.

Vectors have the bits that a fresh process gives. Where they depend on the batch, a call is repeated whole or
not at all; vectors of most exports do not (`EncoderInfo.batch_invariant`).

A batch waits while more requests are being answered than wait for it: a client that has its answer asks
again, and a text costs less in a batch than alone. Answers are made on the other cores meanwhile, so a batch
takes half of the cores and half of all texts: with all of them, one core would wait for the other in turn.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models.environment import threads
from qembed.protocols import Encoder, EncoderInfo

if TYPE_CHECKING:
    from qembed.types import Vectors

CACHED_VECTORS = 8192
"""Vectors kept of past calls: 12 MB at 384 dimensions."""
MAX_BATCHED_REQUESTS = 16
"""Requests per batch: a short text alone does not use a core fully."""
MAX_BATCHED_CHARS = 400
"""Characters of a request that may share a batch."""
MAX_UNAWAITED_REQUESTS = 1
"""Requests being answered that a batch does not wait for, so that encoding and answering overlap."""
THREAD_IDLE_SECONDS = 10.0
"""Idle timeout of the encoder thread."""


class _WaitingTexts:
    """Texts that wait for a batch.

    `done` is called with the seconds of the batch, also if it failed; `vectors` is None then. `urgent`: the
    caller blocks, so that it may be a request that the batch would wait for.
    """

    def __init__(self, texts: tuple[str, ...], done: Callable[[float], None], urgent: bool) -> None:
        self.texts = texts
        self.done = done
        self.urgent = urgent
        self.vectors: Vectors | None = None


class BatchingEncoder:
    """An Encoder that many threads may call. `pending`: number of requests being answered.

    `hits`, `misses`: calls that the cache answered, and others.
    """

    def __init__(self, encoder: Encoder, pending: Callable[[], int] = lambda: 0) -> None:
        self._encoder = encoder
        self._pending = pending
        self.info: EncoderInfo = encoder.info
        """Capabilities of the wrapped encoder."""
        # an exported graph takes several calls at a time; torch and the user's own code may not
        self._direct_calls = threading.Semaphore(threads() if self.info.thread_safe else 1)
        self._condition = threading.Condition()
        self._cache: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._cached_vectors = 0
        self._waiting: deque[_WaitingTexts] = deque()
        self._thread_runs = False
        self.hits = self.misses = 0

    @property
    def cached_vectors(self) -> int:
        """Number of vectors in the cache."""
        return self._cached_vectors

    @property
    def waiting(self) -> int:
        """Number of calls that wait for a batch."""
        return len(self._waiting)

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors, float32 (len(texts), dim), as the encoder gives them for these texts in one call.

        `half_cores` is ignored: batches decide for themselves. Raises what the encoder raises.
        """
        key = tuple(texts)
        if (cached := self.cached(key)) is not None:
            return cached
        finished = threading.Lock()
        finished.acquire()
        with self._condition:
            waiting = self._enqueue(key, lambda _: finished.release(), urgent=True)
        if waiting is not None:
            finished.acquire()
            if waiting.vectors is not None:
                return waiting.vectors
        with self._direct_calls:
            vectors = self._encoder.encode(key)
        with self._condition:
            self._remember(key, vectors)
        return vectors

    def cached(self, texts: Sequence[str]) -> Vectors | None:
        """A copy of the vectors of an earlier call with these texts, None if there is none."""
        key = tuple(texts)
        with self._condition:
            if key not in self._cache:
                return None
            self._cache.move_to_end(key)
            return self._cache[key].copy()

    def start(self, texts: Sequence[str], done: Callable[[float], None]) -> bool:
        """Queue texts for batched encoding, for a later `encode`.

        Returns False without queueing if they need a call of their own. `done` is called with the seconds it
        took, by this thread or another, also if it failed: the later `encode` raises the error.
        """
        key = tuple(texts)
        with self._condition:
            known = not key or key in self._cache
            self.hits += known
            if not known:
                return self._enqueue(key, done, urgent=False) is not None
        done(0.0)
        return True

    def notify(self) -> None:
        """Wake the encoder thread: fewer requests are pending, a batch may be due."""
        if self._waiting:
            with self._condition:
                self._condition.notify()

    def _enqueue(
        self, key: tuple[str, ...], done: Callable[[float], None], urgent: bool
    ) -> _WaitingTexts | None:
        """Queue texts and see to it that the thread runs. None if they need a call of their own."""
        if not self.info.batch_invariant or sum(map(len, key)) > MAX_BATCHED_CHARS:
            return None
        if not self._thread_runs:
            try:
                threading.Thread(target=self._encode_batches, name="encode", daemon=True).start()
            except RuntimeError:  # no more threads
                return None
            self._thread_runs = True
        waiting = _WaitingTexts(key, done, urgent)
        self._waiting.append(waiting)
        self._condition.notify()
        return waiting

    def _encode_batches(self) -> None:
        """Encode batches until none comes within the idle timeout."""
        while batch := self._next_batch():
            began = time.perf_counter()
            self._encode_batch(batch)
            seconds = time.perf_counter() - began
            for waiting in batch:
                waiting.done(seconds)

    def _next_batch(self) -> list[_WaitingTexts]:
        """Texts of the next batch, once it is due; empty at the idle timeout."""
        with self._condition:
            self._condition.wait_for(self._is_due, THREAD_IDLE_SECONDS)
            waiting = len(self._waiting)
            half = (waiting + self._pending() + 1) // 2
            n = min(waiting, MAX_BATCHED_REQUESTS, half)
            batch = [self._waiting.popleft() for _ in range(n)]
            self._thread_runs = bool(batch)
            return batch

    def _is_due(self) -> bool:
        waiting = self._waiting
        return bool(waiting) and (
            len(waiting) + MAX_UNAWAITED_REQUESTS >= self._pending()
            or any(w.urgent for w in waiting)
        )

    def _encode_batch(self, batch: Sequence[_WaitingTexts]) -> None:
        """Encode a batch in one call. If that fails, each request meets its own error in its own call."""
        alone = len(batch) == 1 and not self._pending()
        try:
            texts = [t for waiting in batch for t in waiting.texts]
            vectors = self._encoder.encode(texts, half_cores=not alone)
        except Exception:
            return
        at = 0
        with self._condition:
            for waiting in batch:
                waiting.vectors = vectors[at : at + len(waiting.texts)].copy()
                self._remember(waiting.texts, waiting.vectors)
                at += len(waiting.texts)

    def _remember(self, key: tuple[str, ...], vectors: Vectors) -> None:
        self.misses += 1
        if key not in self._cache and len(key) <= CACHED_VECTORS // 4:
            self._cache[key] = vectors.copy()
            self._cached_vectors += len(key)
        while self._cached_vectors > CACHED_VECTORS:
            self._cached_vectors -= len(self._cache.popitem(last=False)[0])
