"""Encoding and scoring each text once, however many arms of an evaluation ask for it.

`remember` gives a session an encoder that keeps what it made; `CachingReranker` does the same for a
reranker and can collect the pairs of all variants first, so that a passage two of them share is encoded once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.pipeline.retrieval.session import Session
from qembed.search import Exact
from qembed.vectors import normalize

if TYPE_CHECKING:
    from qembed.types import Encoder, EncoderInfo, Pair, Scorer, Scores, Tasks, Vectors


class CachingEncoder:
    """An encoder that encodes each text once. `load` is called when the first text comes."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._seen: dict[str, Vectors] = {}

    @property
    def info(self) -> EncoderInfo:
        """Capabilities of the wrapped encoder."""
        return self._load().info

    @property
    def texts(self) -> int:
        """How many texts were encoded."""
        return len(self._seen)

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """float32 (len(texts), dim), as the encoder itself makes them."""
        import numpy as np

        new = [t for t in dict.fromkeys(texts) if t not in self._seen]
        if new or not texts:
            made = self._load().encode(new, half_cores=half_cores)
            if not texts:
                return made
            self._seen.update(zip(new, made, strict=True))
        return np.stack([self._seen[t] for t in texts])


def remember(session: Session) -> CachingEncoder:
    """From now on the session encodes each text once."""
    _ = session.model  # shared by the copy, which is there to load the weights when they are wanted
    inner = copy.copy(session)
    once = CachingEncoder(lambda: inner.encoder)
    session.__dict__["encoder"] = once
    return once


class TruncatedEncoder:
    """An encoder whose vectors are cut to their first `dim` numbers and brought back to length 1."""

    def __init__(self, session: Session, dim: int) -> None:
        self._session = session
        self._dim = dim

    @property
    def info(self) -> EncoderInfo:
        """Capabilities of the wrapped encoder."""
        return self._session.encoder.info

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """float32 (len(texts), dim)."""
        vectors = self._session.encoder.encode(texts, half_cores=half_cores)
        return normalize(vectors[:, : self._dim])


def shortened(session: Session, dim: int) -> Session:
    """The same index with stored vectors cut to `dim`, searched exactly. Shares all but the vectors.

    Raises UsageError for more dimensions than there are.
    """
    if not 0 < dim <= session.recipe.dim:
        raise UsageError(f"dim {dim}: the stored vectors have {session.recipe.dim}")
    short = copy.copy(session)
    parts = [(first, normalize(v[:, :dim])) for first, v in session.exact.parts]
    manifest = session.snapshot.manifest
    short.__dict__["_parts"] = parts
    short.__dict__["exact"] = Exact(parts, session.snapshot.live, manifest.base)
    short.__dict__["encoder"] = TruncatedEncoder(session, dim)
    return short


class CachingReranker:
    """A reranker that scores each pair once under each task.

    While `collecting`, pairs are only noted and scored 0; `settle` then scores all of them in one call,
    in which a reranker encodes each distinct passage once.
    """

    def __init__(self, reranker: Scorer) -> None:
        self._reranker = reranker
        self._seen: dict[tuple[Pair, str | None], float] = {}
        self._wanted: dict[tuple[Pair, str | None], None] = {}
        self.collecting = False
        self.kind = reranker.kind
        self.calibrated = reranker.calibrated
        self.meaning = reranker.meaning
        self.instructed = reranker.instructed
        self.truncated: list[Pair] = reranker.truncated

    @property
    def note(self) -> str | None:
        """The reranker's own."""
        return self._reranker.note

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Tasks = None,
    ) -> Scores:
        """float32 (len(pairs),)."""
        import numpy as np

        told = [None] * len(pairs) if tasks is None else tasks
        asked = list(zip(pairs, told, strict=True))
        self._wanted.update((one, None) for one in asked if one not in self._seen)
        if self.collecting:
            return np.zeros(len(pairs), dtype=np.float32)
        self.settle()
        if track is not None:
            track(len(pairs))
        return np.array([self._seen[one] for one in asked], dtype=np.float32)

    def settle(self) -> None:
        """Scores what was noted."""
        wanted = list(self._wanted)
        if wanted:
            pairs, tasks = [pair for pair, _ in wanted], [task for _, task in wanted]
            scores = self._reranker.score(pairs, None, tasks if self.instructed else None)
            self._seen.update(zip(wanted, scores.tolist(), strict=True))
        self._wanted.clear()
        self.collecting = False
