"""An encoder for tests: deterministic, fast, and related texts are near, so that relevance can be tested.

Each word has a fixed random direction; a text is the normalised sum of its words. Given to qembed as
`py:tests.encoders:bag`, the way a user gives it an encoder of their own.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence

import numpy as np

DIM = 48
_WORD = re.compile(r"\w+")


def _direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).normal(size=DIM).astype(np.float32)


class Bag:
    name = "bag-of-words"
    dim = DIM
    max_tokens = 200
    version = "1"

    def __init__(self) -> None:
        self.calls = 0
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        self.texts += len(texts)
        if delay := float(os.environ.get("BAG_DELAY", 0)):
            time.sleep(delay * len(texts))
        out = np.stack([self._one(t) for t in texts]) if len(texts) else np.zeros((0, DIM))
        return out.astype(np.float32)

    def _one(self, text: str) -> np.ndarray:
        words = _WORD.findall(text.lower()) or [text]
        v = np.sum([_direction(w) for w in words], axis=0)
        return v / np.linalg.norm(v)

    def encode_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.stack([self._one(w) for w in _WORD.findall(t.lower()) or [t]]) for t in texts]


def bag() -> Bag:
    """The encoder."""
    return Bag()


class OtherBag(Bag):
    """Same width, other vectors: what a swapped model looks like."""

    name = "other-bag"
    version = "2"

    def _one(self, text: str) -> np.ndarray:
        return -super()._one(text[::-1])


def other() -> OtherBag:
    """Another model of the same dimension."""
    return OtherBag()


class NaNBag(Bag):
    """Gives NaN for texts that say so, as half precision does on some."""

    name = "nan-bag"
    version = "3"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        out = super().encode(texts)
        for i, t in enumerate(texts):
            if "poison" in t:
                out[i] = np.nan
        return out


def nan() -> NaNBag:
    """An encoder that fails on some texts."""
    return NaNBag()


class Shouting:
    """A reranker that likes passages with capital letters."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([sum(c.isupper() for c in p) for _, p in pairs], dtype=np.float32)


def shouting() -> Shouting:
    """A reranker."""
    return Shouting()


class Thinking(Shouting):
    """The same, two seconds later."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        time.sleep(2)
        return super().score(pairs)


def thinking() -> Thinking:
    return Thinking()
