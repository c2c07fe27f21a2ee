"""Finished texts to vectors, each distinct text once, and none that the index knows already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import EncodingError
from qembed.store import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Encoder, Rows, Vectors

CALL = 64
"""Texts handed to the encoder at a time: how soon a signal is heeded (about 3 s on a slow CPU)."""


class KnownTexts:
    """Text hash -> row id of a stored vector. Grows by whole commits; sorted numbers, no Python objects."""

    def __init__(self) -> None:
        self._segments: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], Rows]] = []

    def add(self, hashes: npt.NDArray[np.void], first: int) -> None:
        """`hashes`: V16 (n,), those of the rows first, first + 1, …"""
        import numpy as np

        if not len(hashes):
            return
        halves = hashes.view(np.uint64).reshape(-1, 2)
        order = np.argsort(halves[:, 0], kind="stable")
        self._segments.append((halves[order, 0], halves[order, 1], first + order.astype(np.int64)))

    def find(self, hashes: Sequence[bytes]) -> Rows:
        """The row that holds each text's vector, -1 if none does."""
        import numpy as np

        found = np.full(len(hashes), -1, dtype=np.int64)
        if not hashes:
            return found
        halves = np.frombuffer(b"".join(hashes), dtype=np.uint64).reshape(-1, 2)
        for low, high, rows in self._segments:
            at = np.searchsorted(low, halves[:, 0])
            at = np.minimum(at, len(low) - 1)
            # two texts that agree in the first 64 bits only: the second is encoded again, no harm done
            same = (low[at] == halves[:, 0]) & (high[at] == halves[:, 1])
            found[same] = rows[at[same]]
        return found


@dataclass(slots=True)
class Encoded:
    """`vectors` float32 (n, dim), valid where `done`; how many were encoded and how many looked up."""

    vectors: Vectors
    done: npt.NDArray[np.bool_]
    encoded: int = 0
    reused: int = 0


class Vectorizer:
    """Encodes windows of passages. `encoder` is called once, when there is something to encode."""

    def __init__(
        self, encoder: Callable[[], Encoder], dim: int, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._make = encoder
        self._encoder: Encoder | None = None
        self.dim = dim
        self.stop = stop
        self.known = KnownTexts()
        self._pending: dict[bytes, Vectors] = {}

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded at first use."""
        if self._encoder is None:
            self._encoder = self._make()
        return self._encoder

    def learn(self, snapshot: Snapshot, since: int) -> None:
        """What was pending is committed now: its rows from `since` on are found in the snapshot."""
        self.known.add(snapshot.text_hashes()[since - snapshot.manifest.base :], since)
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

        out = Encoded(np.zeros((len(texts), self.dim), np.float32), np.zeros(len(texts), bool))
        rows = self.known.find(hashes)
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
        # longest first: texts of one length meet in one call, and what does not fit fails at once
        order = sorted(fresh.values(), key=lambda at: -len(texts[at[0]]))
        # an endpoint wants more at a time, for several requests on their way
        call = int(getattr(self.encoder, "call", CALL)) if order else CALL
        for begin in range(0, len(order), call):
            if self.stop():
                break
            group = order[begin : begin + call]
            vectors = self._encode([texts[at[0]] for at in group])
            for at, vector in zip(group, vectors, strict=True):
                out.vectors[at] = vector
                out.done[at] = True
                self._pending[hashes[at[0]]] = vector
            out.encoded += len(group)
            track(sum(len(at) for at in group))
        out.reused = int(out.done.sum()) - out.encoded
        return out

    def _encode(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.asarray(self.encoder.encode(texts), dtype=np.float32)
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
