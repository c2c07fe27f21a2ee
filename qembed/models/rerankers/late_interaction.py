"""Late interaction: scores from the token vectors of an encoder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import UsageError
from qembed.protocols import Pair, Tasks, Track

if TYPE_CHECKING:
    from qembed.models.model import Model
    from qembed.protocols import TokenEncoder
    from qembed.types import Scores, Vectors

TEXTS_PER_BATCH, CHARACTERS_PER_BATCH = 64, 8000
"""Passages whose token vectors are held at a time: at most 64, and about 2,000 tokens, which take two cores
half a second."""

_BLAS_LIMIT = threading.Lock()
"""The limit is the process's: two threads that set it and put it back would leave each other's."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute numpy's products by the calling thread, one caller at a time.

    A pair's product takes .1 ms. Two BLAS threads wait for each other at its end, for 7 ms where other
    processes keep the cores busy.
    """
    from threadpoolctl import ThreadpoolController

    with _BLAS_LIMIT, ThreadpoolController().limit(limits=1, user_api="blas"):
        yield


class Side(NamedTuple):
    """Token encoder of queries or of passages. `lengths`: tokens of texts; `limit`: tokens read."""

    encoder: TokenEncoder
    lengths: Callable[[Sequence[str]], list[int]] | None = None
    limit: int = 0

    def cut(self, texts: Sequence[str]) -> set[str]:
        """Texts of which not all tokens are read."""
        if self.lengths is None:
            return set()
        return {t for t, n in zip(texts, self.lengths(texts), strict=True) if n > self.limit}


def late_interaction(model: Model) -> LateInteractionReranker:
    """Reranker by a model's token vectors, a passage's by 8-bit products where the model has them.

    Raises ModelUnavailable, UsageError if it has no token vectors.
    """

    def side(m: Model, approximate: bool) -> Side:
        return Side(m.token_encoder(approximate), m.count, m.max_tokens)

    return LateInteractionReranker(
        side(model, approximate=True), side(model.queries, approximate=False)
    )


def _check_widths(query: Vectors, passage: Vectors) -> None:
    """Raise UsageError if token vectors of a query and a passage have different widths."""
    one, other = query.shape[1], passage.shape[1]
    if one != other:
        raise UsageError(
            f"--rerank late: the model's tokens have {one} numbers in a query and {other} in a passage: they "
            "cannot be compared (take a cross-encoder)"
        )


class LateInteractionReranker:
    """Scorer: the mean over query tokens of the largest cosine with any passage token.

    The sum of MaxSim of ColBERT (Khattab and Zaharia 2020), divided by the number of query tokens so
    that queries of all lengths share a scale. All attended tokens count on both sides, special tokens
    included: their states represent the whole text. `queries`: side of the queries.
    """

    kind = "late"
    calibrated = False
    instructed = False
    note = None
    meaning = "mean cosines of tokens: an order for one query's candidates, no probabilities"

    def __init__(self, passages: Side, queries: Side | None = None) -> None:
        self._passages = passages
        self._queries = queries or passages
        self.truncated: list[Pair] = []

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),), -1 to 1. Each distinct text is encoded once."""
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        queries = list(dict.fromkeys(q for q, _ in pairs))
        tokens = dict(zip(queries, self._queries.encoder.encode_tokens(queries), strict=True))
        positions: dict[str, list[int]] = {}
        for i, (_, passage) in enumerate(pairs):
            positions.setdefault(passage, []).append(i)
        # texts of similar length share a batch; vectors are dropped as soon as they are used
        passages = sorted(positions, key=len, reverse=True)
        for part in _batches(passages):
            encoded = self._passages.encoder.encode_tokens(part)
            with one_blas_thread():
                for passage, states in zip(part, encoded, strict=True):
                    _check_widths(tokens[pairs[positions[passage][0]][0]], states)
                    for i in positions[passage]:
                        out[i] = (tokens[pairs[i][0]] @ states.T).max(axis=1).mean()
            if track is not None:
                track(sum(len(positions[p]) for p in part))
        long, cut = self._queries.cut(queries), self._passages.cut(passages)
        self.truncated += [p for p in pairs if p[0] in long or p[1] in cut]
        return out


def _batches(passages: Sequence[str]) -> Iterator[Sequence[str]]:
    """Passages, longest first, in batches within TEXTS_PER_BATCH and CHARACTERS_PER_BATCH."""
    at = 0
    while at < len(passages):
        fits = CHARACTERS_PER_BATCH // max(len(passages[at]), 1)
        size = min(max(fits, 1), TEXTS_PER_BATCH)
        yield passages[at : at + size]
        at += size
