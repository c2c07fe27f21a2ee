"""Encoding of passage texts: each distinct text once, and none whose vector the index has already."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models.encode_each import encode_each
from qembed.pipeline.indexing.derived.memory import give_back
from qembed.pipeline.indexing.encoding.content import (
    PICTURES_PER_CALL,
    Content,
    encode_pictures,
    size_of,
    token_counts,
)
from qembed.pipeline.indexing.encoding.encoder_source import EncoderSource
from qembed.pipeline.indexing.encoding.recent_vectors import RecentVectors
from qembed.pipeline.indexing.encoding.run_progress import RunProgress
from qembed.store import Snapshot
from qembed.store.hash_index import HashMap
from qembed.types import Picture

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors


@dataclass(slots=True)
class EncodedTexts:
    """Vectors of a list of texts, complete unless the run was stopped.

    `vectors`: float32 (n, dim), valid where `done`, bool (n,). `tokens`: of each text that is done.
    `encoded`: how many distinct texts were encoded; the others were looked up. `refused`: position and
    reason of each text that the model gives no vector for.
    """

    vectors: Vectors
    done: npt.NDArray[np.bool_]
    tokens: list[int]
    encoded: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class Vectorizer:
    """Computes the vectors of passage texts, from the index where a text is known, else by the encoder.

    `texts_per_call`: for encoders without a preferred batch. `counts`: told of what has a vector; stopped
    between two calls. `folder`: of a file for what is not committed, if that is much.
    """

    def __init__(
        self,
        source: EncoderSource,
        dim: int,
        texts_per_call: int,
        counts: RunProgress,
        folder: Path,
    ) -> None:
        self._source = source
        self._dim = dim
        self._texts_per_call = texts_per_call
        self._counts = counts
        self._snapshot: Snapshot | None = None
        self._stored = HashMap()  # text hash -> row in the snapshot
        self._uncommitted = RecentVectors(folder, dim)
        self._take: Callable[[bytes], tuple[Vectors, int] | None] | None = None
        self._encoded_texts, self._encode_seconds = 0, 0.0

    def pace(self) -> tuple[int, float]:
        """Number of texts encoded in this run, and the seconds that took."""
        return self._encoded_texts, self._encode_seconds

    def release(self) -> None:
        """Drop the encoder's weights and the uncommitted vectors, and give their memory back."""
        self._source.release()
        self._uncommitted.clear()
        give_back()

    def come_again(self, texts: int) -> None:
        """Take note that so many texts that `run` has encoded are among those of its next call."""
        self._counts.come_again(texts)

    def use_snapshot(self, snapshot: Snapshot, since: int) -> None:
        """Look texts up in `snapshot` from now on. Its rows from `since` on are new, all others are known."""
        self._snapshot = snapshot
        if snapshot.manifest.next_row > since:
            self._stored.add_all(snapshot.text_hashes(since), since)
        self._uncommitted.clear()

    def use_ahead(self, take: Callable[[bytes], tuple[Vectors, int] | None]) -> None:
        """Take vectors and token counts by the hash of a text, before the encoder is asked."""
        self._take = take

    def run(self, texts: Sequence[Content], hashes: Sequence[bytes]) -> EncodedTexts:
        """Compute the vectors of texts and pictures, with `hashes` theirs; ends early when stopped.

        Raises EncodingError if the encoder gives a vector of this index for no text.
        """
        import numpy as np

        n = len(texts)
        out = EncodedTexts(np.zeros((n, self._dim), np.float32), np.zeros(n, bool), [0] * n)
        self._look_up(out, texts, hashes)
        if self._take is not None:
            self._take_ahead(out, hashes)
        groups: dict[bytes, list[int]] = {}
        for i in np.flatnonzero(~out.done).tolist():
            groups.setdefault(hashes[i], []).append(i)
        if groups:
            kinds: tuple[list[list[int]], list[list[int]]] = ([], [])
            for group in groups.values():
                kinds[isinstance(texts[group[0]], Picture)].append(group)
            for kind in kinds:
                self._encode_groups(out, texts, hashes, kind)
        return out

    def _look_up(
        self, out: EncodedTexts, texts: Sequence[Content], hashes: Sequence[bytes]
    ) -> None:
        """Fill in the vectors that are stored, or encoded since the last commit."""
        import numpy as np

        rows = self._stored.get_all(hashes)
        stored = np.flatnonzero(rows >= 0)
        if len(stored):
            assert self._snapshot is not None
            out.vectors[stored] = self._snapshot.vectors(rows[stored])
            out.done[stored] = True
        for i in np.flatnonzero(~out.done).tolist():
            vector = self._uncommitted.get(hashes[i])
            if vector is not None:
                out.vectors[i], out.done[i] = vector, True
        known = np.flatnonzero(out.done).tolist()
        if known:
            self._counts.known(len(known))
            counts = token_counts(self._source.model, [texts[i] for i in known])
            for i, tokens in zip(known, counts, strict=True):
                out.tokens[i] = tokens

    def _take_ahead(self, out: EncodedTexts, hashes: Sequence[bytes]) -> None:
        """Fill in the vectors that were computed elsewhere. Each distinct text counts as encoded."""
        assert self._take is not None
        took: dict[bytes, tuple[Vectors, int]] = {}
        for i, key in enumerate(hashes):
            if (found := self._take(key)) is not None and not out.done[i]:
                took[key] = found
                self._uncommitted.add([key], found[0][None])
                out.encoded += 1
            if key in took and not out.done[i]:
                out.vectors[i], out.tokens[i] = took[key]
                out.done[i] = True
                self._counts.known(1)

    def _encode_groups(
        self,
        out: EncodedTexts,
        texts: Sequence[Content],
        hashes: Sequence[bytes],
        groups: list[list[int]],
    ) -> None:
        """Encode what is not done. `groups`: positions of equal texts, or of equal pictures."""
        if not groups:
            return
        encoder = self._source.encoder
        self._counts.encoded(0)
        size = encoder.info.preferred_batch or self._texts_per_call
        if isinstance(texts[groups[0][0]], Picture):
            size = PICTURES_PER_CALL
        # longest first: texts of one length share a call, and a text too large for memory fails at once
        groups.sort(key=lambda group: -size_of(texts[group[0]]))
        for begin in range(0, len(groups), size):
            if self._counts.stop():
                break
            part = groups[begin : begin + size]
            distinct = [texts[group[0]] for group in part]
            try:
                vectors, reasons = self._encode(distinct)
            except KeyboardInterrupt:  # during a pause that an endpoint asked for
                if self._counts.stop():
                    break
                raise
            # now, while an encoder remembers how many tokens these texts have
            counts = token_counts(self._source.model, distinct)
            for n, (group, vector, tokens) in enumerate(zip(part, vectors, counts, strict=True)):
                if n in reasons:
                    out.refused.update(dict.fromkeys(group, reasons[n]))
                    continue
                out.vectors[group] = vector
                out.done[group] = True
                for i in group:
                    out.tokens[i] = tokens
            made = [n for n in range(len(part)) if n not in reasons]
            self._uncommitted.add([hashes[part[n][0]] for n in made], vectors[made])
            out.encoded += len(part) - len(reasons)
            self._counts.encoded(sum(map(len, part)))

    def _encode(self, contents: Sequence[Content]) -> tuple[Vectors, dict[int, str]]:
        """Vectors of texts or of pictures, and the reasons of those that have none."""
        pictures = [c for c in contents if isinstance(c, Picture)]
        if pictures:
            return encode_pictures(self._source.image_encoder, pictures, self._dim)
        texts = [c for c in contents if isinstance(c, str)]
        encoder, began = self._source.encoder, time.monotonic()
        found = encode_each(encoder, texts, self._dim)
        self._encoded_texts += len(texts)
        self._encode_seconds += time.monotonic() - began
        return found
