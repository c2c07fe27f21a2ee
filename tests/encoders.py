"""Encoders and rerankers of the tests, given to qembed as `py:tests.encoders:bag`, as users give their own.

Deterministic and fast: `qembed.testing`'s, some with counters, a delay or a fault.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qembed.testing import BagOfWords

if TYPE_CHECKING:
    from qembed.types import Vectors

DIM = 48


class Bag(BagOfWords):
    """The encoder of most tests. `calls`, `texts`: how often it was called, with how many texts.

    BAG_DELAY in the environment: seconds that each text takes. BAG_LOG: a file that gets the number of texts
    after each call.
    """

    def __init__(self) -> None:
        super().__init__(DIM)
        self.calls = 0
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        self.texts += len(texts)
        if delay := float(os.environ.get("BAG_DELAY", 0)):
            time.sleep(delay * len(texts))
        if log := os.environ.get("BAG_LOG"):
            Path(log).write_text(str(self.texts))
        return super().encode(texts)


def bag() -> Bag:
    return Bag()


class EnglishBag(Bag):
    """With the tokenizer of the built-in English model."""

    def __init__(self) -> None:
        super().__init__()
        from qembed.models import open_model

        self.tokenizer = open_model("minilm").tokenizer()


def english() -> EnglishBag:
    return EnglishBag()


class Unreading(Bag):
    """Takes all words that begin with `quantum` for one."""

    def vector(self, text: str) -> Vectors:
        return super().vector(re.sub(r"quantum\w*", "quantum", text))


def unreading() -> Unreading:
    return Unreading()


class OtherBag(Bag):
    """Same width, other vectors: what a swapped model looks like."""

    name = "other-bag"
    version = "2"

    def vector(self, text: str) -> Vectors:
        return -super().vector(text[::-1])


def other() -> OtherBag:
    return OtherBag()


class NaNBag(Bag):
    """Gives NaN for texts that contain "poison", as half precision does on some."""

    name = "nan-bag"
    version = "3"

    def encode(self, texts: Sequence[str]) -> Vectors:
        out = super().encode(texts)
        for i, t in enumerate(texts):
            if "poison" in t:
                out[i] = np.nan
        return out


def nan() -> NaNBag:
    return NaNBag()


class Shouting:
    """A reranker that prefers passages with capital letters."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([sum(c.isupper() for c in p) for _, p in pairs], dtype=np.float32)


def shouting() -> Shouting:
    return Shouting()


class Thinking(Shouting):
    """The same, two seconds later, or those of THINKING_DELAY in the environment."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        time.sleep(float(os.environ.get("THINKING_DELAY", 2)))
        return super().score(pairs)


def thinking() -> Thinking:
    return Thinking()


class Halt(BaseException):
    """An exception of one's own that no `except Exception` catches."""


class FaultyBag(Bag):
    """Fails for texts that contain "poison", in the way that BAG_FAULT names; for every text with `dead`."""

    name = "faulty-bag"
    version = "4"

    def encode(self, texts: Sequence[str]) -> Any:
        fault = os.environ.get("BAG_FAULT", "")
        bad = [i for i, t in enumerate(texts) if "poison" in t or fault == "dead"]
        vectors = list(super().encode(texts))
        if not bad or not fault:
            return np.array(vectors)
        if fault in ("raise", "dead"):
            raise RuntimeError(f"cannot take {texts[bad[0]][:20]}\nat all")
        if fault == "exit":
            sys.exit(7)
        if fault == "halt":
            raise Halt("no more")
        if fault == "nothing":
            return None
        if fault == "short":
            return np.array([v for i, v in enumerate(vectors) if i not in bad])
        for i in bad:
            vectors[i] = {
                "nan": np.full(DIM, np.nan),
                "inf": np.full(DIM, np.inf),
                "zeros": np.zeros(DIM),
                "none": None,
                "ragged": vectors[i][:9],
            }[fault]
        return vectors


class FaultyScorer:
    """Counts shared words; refuses pairs with "poison" in the query or passage, in the way of BAG_FAULT."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> Any:
        fault = os.environ.get("BAG_FAULT", "")
        bad = ["poison" in f"{q} {p}" or fault == "dead" for q, p in pairs]
        if any(bad) and fault in ("raise", "dead"):
            raise RuntimeError("cannot score that")
        scores = [float(len({*q.split()} & {*p.split()})) for q, p in pairs]
        return [np.nan if b and fault else s for b, s in zip(bad, scores, strict=True)]


def faulty_scorer() -> FaultyScorer:
    return FaultyScorer()


def faulty() -> FaultyBag:
    return FaultyBag()


def _long_call() -> None:
    """A library's call of minutes, in which no Python runs. Tells of its beginning by a file, $STUBBORN."""
    Path(os.environ["STUBBORN"]).touch()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 400_000_000)


class Stubborn(Shouting):
    """Does not listen while it scores."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> Any:
        _long_call()
        return super().score(pairs)


def stubborn() -> Stubborn:
    return Stubborn()


class StubbornBag(Bag):
    """Does not listen while it encodes passages."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if "STUBBORN" in os.environ and any("w" in t for t in texts):
            _long_call()
        return super().encode(texts)


def stubborn_bag() -> StubbornBag:
    return StubbornBag()


class LosingBag(Bag):
    """Loses Ctrl-C while it encodes passages, as extensions do that import numpy, and goes on."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if "STUBBORN" in os.environ and any("w" in t for t in texts):
            Path(os.environ["STUBBORN"]).touch()
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(60)
            time.sleep(60)
        return super().encode(texts)


def losing_bag() -> LosingBag:
    return LosingBag()


class Instructed(Bag):
    """Trained with instructions: the task decides how much of a query's meaning its vector keeps.

    A word `qx` of a query means what `dx` of a document means, which no search by words can know.
    INSTRUCTED_BEST in the environment: the task that keeps all of it. INSTRUCTED_MEMORY: tasks keep it for a
    third of all words each, another third under each task, as a setting does that was fitted to documents.
    """

    name = "instructed-bag"
    query = "Instruct: {task}\nQuery: {query}"

    def vector(self, text: str) -> Vectors:
        head, mark, words = text.partition("\nQuery: ")
        if not mark:
            return super().vector(re.sub(r"\bd", "m", text))
        task = head.removeprefix("Instruct: ")
        meaning = super().vector(re.sub(r"\bq", "m", words))
        if os.environ.get("INSTRUCTED_MEMORY"):
            # one word for any task: a long one would drown more of the query, which is an effect
            task = hashlib.sha256(task.encode()).hexdigest()
            keeps = hashlib.sha256(f"{task}|{words.split()[0]}".encode()).digest()[0] < 85
            share = 0.9 if keeps else 0.1
        else:
            share = 0.9 if task == os.environ.get("INSTRUCTED_BEST") else 0.35
        noise = super().vector(f"{words} {task}")
        mixed = share * meaning + (1 - share) * noise
        return np.asarray(mixed / np.linalg.norm(mixed), dtype=np.float32)


def instructed() -> Instructed:
    return Instructed()


class SqueezedBag(Bag):
    """The vectors of Bag with a dimension that all texts share: each cosine c is .95 + .05 c."""

    name = "squeezed-bag"

    def __init__(self) -> None:
        super().__init__()
        self.dim = DIM + 1

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.dim = DIM
        plain = super().encode(texts)
        self.dim = DIM + 1
        common = np.full((len(plain), 1), np.sqrt(0.95), np.float32)
        return np.hstack([np.float32(np.sqrt(0.05)) * plain, common])


def squeezed() -> SqueezedBag:
    return SqueezedBag()
