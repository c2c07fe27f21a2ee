"""Finished texts to vectors, each distinct text once, and none that the index knows already."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import EncodingError
from qembed.store import Snapshot
from qembed.store.hash_index import HashMap

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Encoder, Vectors

TEXTS_PER_CALL = 64
"""Texts handed to the encoder at a time: how soon a signal is heeded (about 3 s on a slow CPU)."""


@dataclass(slots=True)
class Encoded:
    """`vectors` float32 (n, dim), valid where `done`; how many were encoded, the others were looked up.

    `tokens`: of each text that is done.
    """

    vectors: Vectors
    done: npt.NDArray[np.bool_]
    tokens: list[int]
    encoded: int = 0


class Vectorizer:
    """Encodes windows of passages. `encoder` is called once, when there is something to encode."""

    def __init__(
        self,
        encoder: Callable[[], Encoder],
        dim: int,
        count: Callable[[list[str]], list[int]],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._make = encoder
        self._encoder: Encoder | None = None
        self.dim = dim
        self.count = count
        self.stop = stop
        self.known = HashMap()
        self.made, self.spent = 0, 0.0
        """Texts that were encoded, and the seconds it took."""
        self._pending: dict[bytes, Vectors] = {}

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded at first use."""
        if self._encoder is None:
            self._encoder = self._make()
        return self._encoder

    def release(self) -> None:
        """Lets go of the encoder, for a run that has encoded all there is."""
        self._encoder = None
        self._pending.clear()

    def learn(self, snapshot: Snapshot, since: int) -> None:
        """What was pending is committed now: its rows from `since` on are found in the snapshot."""
        self.known.add_all(snapshot.text_hashes(since), since)
        self._pending.clear()

    def run(
        self,
        texts: Sequence[str],
        hashes: Sequence[bytes],
        snapshot: Snapshot | None,
        track: Callable[[int], None] = lambda _: None,
    ) -> Encoded:
        """Vectors for `texts`; stops early, with some not done, when `stop` says so.

        Raises EncodingError if the encoder gives something that is not a vector of this index.
        """
        import numpy as np

        out = Encoded(
            np.zeros((len(texts), self.dim), np.float32),
            np.zeros(len(texts), bool),
            [0] * len(texts),
        )
        rows = self.known.get_all(hashes)
        stored = np.flatnonzero(rows >= 0)
        if len(stored) and snapshot is not None:
            out.vectors[stored] = snapshot.vectors(rows[stored])
            out.done[stored] = True
        fresh: dict[bytes, list[int]] = {}
        for i in np.flatnonzero(~out.done).tolist():
            held = self._pending.get(hashes[i])
            if held is not None:
                out.vectors[i], out.done[i] = held, True
            else:
                fresh.setdefault(hashes[i], []).append(i)
        reused = np.flatnonzero(out.done).tolist()
        if reused:
            for i, n in zip(reused, self.count([texts[i] for i in reused]), strict=True):
                out.tokens[i] = n
        # longest first: texts of one length meet in one call, and what does not fit fails at once
        order = sorted(fresh.values(), key=lambda at: -len(texts[at[0]]))
        # the encoder is loaded only if there is something to encode
        call = (self.encoder.info.preferred_batch if order else None) or TEXTS_PER_CALL
        for begin in range(0, len(order), call):
            if self.stop():
                break
            group = order[begin : begin + call]
            vectors = self._encode([texts[at[0]] for at in group])
            # at once, while an encoder still knows how many tokens it made of them
            tokens = self.count([texts[at[0]] for at in group])
            for at, vector, n in zip(group, vectors, tokens, strict=True):
                out.vectors[at] = vector
                out.done[at] = True
                for i in at:
                    out.tokens[i] = n
                self._pending[hashes[at[0]]] = vector
            out.encoded += len(group)
            track(sum(len(at) for at in group))
        return out

    def _encode(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        encoder, began = self.encoder, time.monotonic()
        vectors = np.asarray(encoder.encode(texts), dtype=np.float32)
        self.made += len(texts)
        self.spent += time.monotonic() - began
        if vectors.shape != (len(texts), self.dim):
            raise EncodingError(
                f"the model gave vectors of shape {vectors.shape} for {len(texts)} texts, "
                f"this index holds {self.dim} dimensions"
            )
        bad = ~np.isfinite(vectors).all(axis=1)
        if bad.any():
            text = texts[int(np.argmax(bad))]
            raise EncodingError(f"the model gave NaN or infinity for the text {text[:80]!r}")
        return vectors
