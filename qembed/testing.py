"""Deterministic models without weights, for tests of code that uses qembed.

    qembed index docs --model py:qembed.testing:encoder
    qembed query "late refund" --rerank py:qembed.testing:reranker

Texts that share words are near, all others are not: enough to test relevance, filters, refreshes and output.
Vectors and scores depend on the text alone: they are the same on every machine and in every version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from qembed.protocols import EncoderInfo

if TYPE_CHECKING:
    from qembed.types import Vectors

_WORD = re.compile(r"\w+")


def _words(text: str) -> list[str]:
    """The words of a text in lower case; the text itself where it has none."""
    return _WORD.findall(text.lower()) or [text]


@lru_cache(maxsize=1 << 14)
def _direction(word: str, dim: int) -> Vectors:
    """A random direction that only the word determines, float32 (dim,)."""
    import numpy as np

    data = hashlib.shake_128(word.encode("utf-8", "surrogatepass")).digest(4 * dim)
    numbers = np.frombuffer(data, dtype="<u4").astype(np.float64) / 2.0**31 - 1.0
    return np.asarray(numbers / np.linalg.norm(numbers), dtype=np.float32)


class BagOfWords:
    """An encoder: the normalised sum of one fixed random direction for each word.

    `dim`: dimensions; the more of them, the closer the cosine of unrelated texts is to 0. Subclasses may set
    `name`, `version` (tells one state of the model from another) and `max_tokens`.
    """

    name = "bag-of-words"
    version = "1"
    max_tokens = 200
    info = EncoderInfo(batch_invariant=True, thread_safe=True)

    def __init__(self, dim: int = 256) -> None:
        self.dim = dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1."""
        import numpy as np

        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for i, text in enumerate(texts):
            out[i] = self.vector(text)
        return out

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Vectors of each text's words, float32 (words, dim), rows of length 1: for `--rerank late`."""
        import numpy as np

        return [np.stack([self.vector(word) for word in _words(text)]) for text in texts]

    def vector(self, text: str) -> Vectors:
        """The vector of one text, float32 (dim,). Subclasses override this to change all vectors."""
        import numpy as np

        total = np.sum([_direction(word, self.dim) for word in _words(text)], axis=0)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


class WordOverlap:
    """A reranker: the share of the query's distinct words that the passage has."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Scores of (query, passage) pairs, 0 to 1, higher is better."""
        return [self._share(set(_words(q)), set(_words(p))) for q, p in pairs]

    @staticmethod
    def _share(query: set[str], passage: set[str]) -> float:
        return len(query & passage) / len(query)


def encoder() -> BagOfWords:
    """Factory for `--model py:qembed.testing:encoder`."""
    return BagOfWords()


def reranker() -> WordOverlap:
    """Factory for `--rerank py:qembed.testing:reranker`."""
    return WordOverlap()
