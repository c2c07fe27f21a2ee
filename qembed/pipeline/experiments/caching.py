"""Caches of an evaluation: each text is encoded once, each pair scored once, for all its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isnan, nan
from typing import TYPE_CHECKING, Protocol

from qembed.errors import EncodingError, UsageError
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.reranking.job import score_each
from qembed.pipeline.retrieval.session import Session
from qembed.vectors import normalize

if TYPE_CHECKING:
    from qembed.protocols import EncoderInfo, Pair, Scorer, Tasks
    from qembed.types import Scores, Vectors


class CachingEncoder:
    """Encoder of `loaded` that encodes each text once. Weights are loaded for the first text."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._vectors: dict[str, Vectors] = {}

    @property
    def info(self) -> EncoderInfo:
        """Capabilities of the wrapped encoder."""
        return self._loaded.encoder.info

    @property
    def texts(self) -> int:
        """Number of texts encoded so far."""
        return len(self._vectors)

    @property
    def vectors(self) -> Mapping[str, Vectors]:
        """Text -> its vector, float32 (dim,), of all texts encoded so far."""
        return self._vectors

    def remember(self, vectors: Mapping[str, Vectors]) -> None:
        """Take vectors that an earlier run encoded."""
        self._vectors.update(vectors)

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """float32 (len(texts), dim), as the wrapped encoder makes them."""
        import numpy as np

        new = [t for t in dict.fromkeys(texts) if t not in self._vectors]
        if new or not texts:
            encoded = self._loaded.encoder.encode(new, half_cores=half_cores)
            if not texts:
                return encoded
            self._vectors.update(zip(new, encoded, strict=True))
        return np.stack([self._vectors[t] for t in texts])


class TruncatedEncoder:
    """Encoder of `loaded` whose vectors are cut to their first `dim` numbers and normalised again."""

    def __init__(self, loaded: LoadedModel, dim: int) -> None:
        self._loaded = loaded
        self._dim = dim

    @property
    def info(self) -> EncoderInfo:
        """Capabilities of the wrapped encoder."""
        return self._loaded.encoder.info

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """float32 (len(texts), dim)."""
        vectors = self._loaded.encoder.encode(texts, half_cores=half_cores)
        return normalize(vectors[:, : self._dim])


def truncated_session(session: Session, dim: int) -> Session:
    """Return the same index with stored and query vectors cut to `dim`. Shares all but the search.

    Search it exactly: the graph is that of the whole vectors. Raises UsageError for more dimensions than
    there are.
    """
    if not 0 < dim <= session.recipe.dim:
        raise UsageError(f"dim {dim}: the stored vectors have {session.recipe.dim}")
    parts = [(first, normalize(v[:, :dim])) for first, v in session.search.parts]
    return session.with_parts(
        loaded=session.loaded.with_encoder(TruncatedEncoder(session.loaded, dim)),
        search=IndexSearch(session.snapshot, session.timer, parts=parts),
    )


class PairStore(Protocol):
    """Scores of pairs that outlive a run. `limit`: pairs scored between two writes."""

    limit: int

    def get(self, pair: Pair, task: str | None) -> float | None:
        """Score of a pair under a task; None for one that is not there."""
        ...

    def add(self, pairs: Sequence[tuple[Pair, str | None]], scores: Sequence[float]) -> None:
        """Keep scores and write them."""
        ...


class CachingReranker:
    """Reranker that scores each pair once under each task, NaN where the wrapped one refuses it.

    `store`: of an earlier run; pairs are then scored in parts, each kept before the next.

    `refused`: the reason of each refused pair. Within `collecting`, pairs are noted and scored 0; at its end
    all of them are scored in one call, in which a reranker encodes each distinct passage once.
    """

    def __init__(
        self,
        reranker: Scorer,
        progress: Progress | None = None,
        store: PairStore | None = None,
    ) -> None:
        self._reranker = reranker
        self._progress = progress or Progress()
        self._store = store
        self._scores: dict[tuple[Pair, str | None], float] = {}
        self._unscored: dict[tuple[Pair, str | None], None] = {}
        self.refused: dict[tuple[Pair, str | None], str] = {}
        self._collecting = False
        self.kind = reranker.kind
        self.calibrated = reranker.calibrated
        self.meaning = reranker.meaning
        self.instructed = reranker.instructed
        self.truncated: list[Pair] = reranker.truncated

    @property
    def pairs(self) -> int:
        """Number of pairs seen so far, refused ones too."""
        return len(self._scores)

    @property
    def note(self) -> str | None:
        """Note of the wrapped reranker."""
        return self._reranker.note

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect the pairs of the block, then score them together."""
        self._collecting = True
        try:
            yield
        finally:
            self._collecting = False
        self._score_collected()

    @contextmanager
    def unreported(self) -> Iterator[None]:
        """Score the pairs of the block without phases of their own: they are part of another one."""
        shown = self._progress
        self._progress = Progress(stop=shown.stop, committing=shown.committing)
        try:
            yield
        finally:
            self._progress = shown

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Tasks = None,
    ) -> Scores:
        """Score pairs, float32 (len(pairs),). Raises EncodingError if all pairs so far are refused."""
        import numpy as np

        tasks = [None] * len(pairs) if tasks is None else tasks
        keys = list(zip(pairs, tasks, strict=True))
        self._unscored.update((key, None) for key in keys if key not in self._scores)
        if self._collecting:
            return np.zeros(len(pairs), dtype=np.float32)
        self._score_collected()
        if track is not None:
            track(len(pairs))
        return np.array([self._scores[key] for key in keys], dtype=np.float32)

    def _score_collected(self) -> None:
        if self._store is None:
            if self._unscored:
                self._progress.phase("rerank", "pairs", len(self._unscored))
                self._score_part(list(self._unscored))
        else:
            self._score_stored(self._store)
        self._unscored.clear()

    def _score_stored(self, store: PairStore) -> None:
        """Take what is stored; score the rest in parts. Raises KeyboardInterrupt if it was stopped."""
        for key in list(self._unscored):
            if (known := store.get(*key)) is not None:
                self._scores[key] = known
                del self._unscored[key]
        if not self._unscored:
            return
        # a reranker that encodes passages meets each of them in one part
        keys = sorted(self._unscored, key=lambda key: key[0][1])
        self._progress.phase("rerank", "pairs", len(keys))
        with self._progress.committing():
            for at in range(0, len(keys), store.limit):
                if self._progress.stop():
                    raise KeyboardInterrupt
                part = keys[at : at + store.limit]
                self._score_part(part)
                done = [key for key in part if not isnan(self._scores[key])]
                store.add(done, [self._scores[key] for key in done])

    def _score_part(self, keys: list[tuple[Pair, str | None]]) -> None:
        """Score pairs in one call."""
        pairs, tasks = [pair for pair, _ in keys], [task for _, task in keys]
        instructions = tasks if self.instructed else None
        reasons: list[str] = []
        try:
            found = score_each(self._reranker, pairs, self._progress.advance, instructions, reasons)
            scores = found.tolist()
        except EncodingError as e:
            if len(self.refused) == len(self._scores):
                raise
            reasons = [str(e)] * len(pairs)
            scores = [nan] * len(pairs)
        self._scores.update(zip(keys, scores, strict=True))
        refused = (key for key, score in zip(keys, scores, strict=True) if isnan(score))
        self.refused.update(zip(refused, reasons, strict=True))
