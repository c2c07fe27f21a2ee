"""One encoder for the threads of a server: it remembers, and encodes together what waits together.

Answers are the bytes that a fresh process gives. Where a text's vector differs in its eighth digit by what it
is encoded beside, a call is therefore repeated whole or not at all; most exports know no such difference.
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


class _Call:
    """What a thread waits for. `vectors` stays None if it went wrong beside others."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.taken = False
        self.done = threading.Event()
        self.vectors: Vectors | None = None


class Shared:
    """An Encoder that many threads may call."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        # an exported graph takes calls side by side; torch and the user's own code may not
        self.side_by_side = bool(getattr(encoder, "side_by_side", False))
        self._apart = bool(getattr(encoder, "apart", False))
        # what goes together goes one batch after the other, and grows while it waits
        alone = self._apart or not self.side_by_side
        self._places = threading.Semaphore(1 if alone else threads())
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._held = 0
        self._waiting: OrderedDict[_Call, None] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dim), as the encoder gives it for just these texts in one call."""
        call = _Call(tuple(texts))
        with self._guard:
            if call.texts in self._known:
                self._known.move_to_end(call.texts)
                return self._known[call.texts].copy()
            self._waiting[call] = None
        with self._places:
            calls = self._take(call)
            if calls:
                self._work(calls)
        call.done.wait()
        if call.vectors is None:
            with self._places:
                call.vectors = self._encoder.encode(call.texts)
        self._remember(call.texts, call.vectors)
        return call.vectors

    def _take(self, call: _Call) -> list[_Call]:
        """The call and those that may go with it; none if another thread has taken it along."""
        with self._guard:
            if call.taken:
                return []
            calls = [call]
            if self._joins(call):
                others = [c for c in self._waiting if c is not call and self._joins(c)]
                calls += others[: TOGETHER - 1]
            for c in calls:
                c.taken = True
                del self._waiting[c]
            return calls

    def _joins(self, call: _Call) -> bool:
        return self._apart and sum(map(len, call.texts)) <= SHORT

    def _work(self, calls: Sequence[_Call]) -> None:
        """Encodes all calls as one. An error is for the call that meets it when it is made alone."""
        try:
            vectors = self._encoder.encode([t for c in calls for t in c.texts])
            at = 0
            for c in calls:
                c.vectors = vectors[at : at + len(c.texts)].copy()
                at += len(c.texts)
        except QembedError:
            if len(calls) == 1:
                raise
        finally:
            for c in calls:
                c.done.set()

    def _remember(self, key: tuple[str, ...], vectors: Vectors) -> None:
        with self._guard:
            if key not in self._known and len(key) <= VECTORS // 4:
                self._known[key] = vectors.copy()
                self._held += len(key)
            while self._held > VECTORS:
                self._held -= len(self._known.popitem(last=False)[0])
