"""Scored ahead: an unshared reranker for one request, which scores its pairs before its answer.

Its scores may depend on what shares a call. So calls are repeated whole: the answer makes the same ones,
which then cost nothing; other ones, if the index has changed meanwhile, reach the reranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.errors import EncodingError
from qembed.protocols import Pair, Scorer, Tasks, Track

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Scores


class _Scored(NamedTuple):
    """Outcome of a call."""

    scores: Scores | EncodingError
    truncated: list[Pair]


class ScoredAhead:
    """Scorer of one request. The wrapped one is called by one thread at a time."""

    def __init__(self, reranker: Scorer) -> None:
        self._reranker = reranker
        self.kind, self.note = reranker.kind, reranker.note
        self.calibrated, self.meaning = reranker.calibrated, reranker.meaning
        self.instructed = reranker.instructed
        self.truncated: list[Pair] = []
        self._calls: dict[Any, _Scored] = {}

    def is_of(self, session: Session, spec: str) -> bool:
        """True if the index reranks by this one still: `late` has another one for another model."""
        return session.loaded.reranker(spec) is self._reranker

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),). Raises what the wrapped reranker raises."""
        key = tuple(pairs), None if tasks is None else tuple(tasks)
        if key not in self._calls:
            self._calls[key] = self._score(pairs, track, tasks)
        elif track is not None:
            track(len(pairs))
        found = self._calls[key]
        self.truncated += found.truncated
        if isinstance(found.scores, EncodingError):
            raise found.scores
        return found.scores.copy()

    def _score(self, pairs: Sequence[Pair], track: Track | None, tasks: Tasks) -> _Scored:
        self._reranker.truncated.clear()
        try:
            scores: Scores | EncodingError = self._reranker.score(pairs, track, tasks)
        except EncodingError as e:
            scores = e
        return _Scored(scores, list(self._reranker.truncated))
