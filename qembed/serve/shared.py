"""One encoder for the threads of a server: it remembers, and encodes together what waits together.

Answers are the bytes that a fresh process gives. Where a text's vector differs in its eighth digit by what it
is encoded beside, a call is therefore repeated whole or not at all; most exports know no such difference.

A batch grows while the one before is encoded. If enough waits, a second one goes beside the first, each on
half of the cores: other threads make answers meanwhile, and a batch on all cores waits for them at each step.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import QembedError
from qembed.models.installed import threads
from qembed.types import Encoder

if TYPE_CHECKING:
    from qembed.types import Vectors

VECTORS = 8192
"""Vectors of past calls that are kept: 12 MB at 384 dimensions."""
TOGETHER = 16
"""Calls that are made one: a short text by itself does not fill the processor."""
SHORT = 400
"""Characters of a call that goes together with others: it is padded to the longest of them."""
GATHERED = 3
"""Calls that are worth a batch beside another one."""
BATCHES = 2
"""At a time."""


class _Call:
    """What a thread waits for, asleep until it is told that it is done or that the next batch is its own.

    `vectors` stays None if it went wrong.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.vectors: Vectors | None = None
        self.batch: list[_Call] = []
        self._told = threading.Lock()
        self._told.acquire()

    def wait(self) -> None:
        """Until `tell`."""
        self._told.acquire()

    def tell(self) -> None:
        """Once for each `wait`."""
        self._told.release()


class Shared:
    """An Encoder that many threads may call."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        # an exported graph takes calls side by side; torch and the user's own code may not
        self.side_by_side = bool(getattr(encoder, "side_by_side", False))
        self._apart = bool(getattr(encoder, "apart", False))
        self._beside = getattr(encoder, "encode_beside", encoder.encode)
        self._places = threading.Semaphore(threads() if self.side_by_side else 1)
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._held = 0
        self._waiting: OrderedDict[_Call, None] = OrderedDict()
        self._batches = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dim), as the encoder gives it for just these texts in one call."""
        call = _Call(tuple(texts))
        with self._guard:
            if call.texts in self._known:
                self._known.move_to_end(call.texts)
                return self._known[call.texts].copy()
        if self._apart and sum(map(len, call.texts)) <= SHORT:
            self._join(call)
        if call.vectors is None:
            with self._places:
                call.vectors = self._encoder.encode(call.texts)
        with self._guard:
            self._remember(call.texts, call.vectors)
        return call.vectors

    def _join(self, call: _Call) -> None:
        """Waits until another thread has done the call, or does it with what else waits."""
        with self._guard:
            self._waiting[call] = None
            if self._room():
                self._take(call)
        if not call.batch:
            call.wait()
        if not call.batch:
            return
        try:
            self._work(call.batch)
        finally:
            with self._guard:
                self._batches -= 1
                first = next(iter(self._waiting), None) if self._room() else None
                if first is not None:
                    self._take(first)
            # the next batch first: nothing is encoded until its thread is awake
            for c in (first, *call.batch):
                if c is not None and c is not call:
                    c.tell()

    def _take(self, call: _Call) -> None:
        """Makes a batch of the call and of what waits beside it."""
        call.batch = [call, *(c for c in self._waiting if c is not call)][:TOGETHER]
        for c in call.batch:
            del self._waiting[c]
        self._batches += 1

    def _room(self) -> bool:
        if not self._batches:
            return bool(self._waiting)
        return self._batches < min(BATCHES, threads()) and len(self._waiting) >= GATHERED

    def _work(self, calls: Sequence[_Call]) -> None:
        """Encodes all calls as one. An error is for the call that meets it when it is made alone."""
        encode = self._encoder.encode if len(calls) == 1 else self._beside
        try:
            vectors = encode([t for c in calls for t in c.texts])
        except QembedError:
            return
        at = 0
        for c in calls:
            c.vectors = vectors[at : at + len(c.texts)].copy()
            at += len(c.texts)

    def _remember(self, key: tuple[str, ...], vectors: Vectors) -> None:
        if key not in self._known and len(key) <= VECTORS // 4:
            self._known[key] = vectors.copy()
            self._held += len(key)
        while self._held > VECTORS:
            self._held -= len(self._known.popitem(last=False)[0])
