"""Text to vectors through tokenizers and onnxruntime: no torch, no transformers.

The same vectors as TorchEncoder's within 1e-5, from the graph that onnx_export made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import ROWS, GraphSession, load_tokenizer, padded, tokens
from qembed.types import EncoderInfo
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

MAX_COUNTED_CHARS = 10_000
"""Characters of a text that is kept until the next call, for who asks how many tokens it had."""
FEW_CHARS = 1000
"""Characters that are tokenized sooner than the threads for more are awake."""
VECTOR = "vector"
STATES = "states"
"""Outputs of the graph: float32 (texts, width) and (texts, tokens, width)."""


class OnnxEncoder:
    """An Encoder and TokenEncoder. `dim`: vectors are cut to so many dimensions.

    Raises Damaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export, dim: int, max_tokens: int) -> None:
        self.dim = dim
        self._graph = GraphSession(export)
        self._tokenizer = load_tokenizer(export, max_tokens)
        self._pad = int(export.facts["pad_id"])
        self.info = EncoderInfo(batch_invariant=bool(export.facts.get("apart")), thread_safe=True)
        self._counted: dict[str, int] = {}

    def encode(
        self,
        texts: Sequence[str],
        track: Callable[[int], None] | None = None,
        *,
        half_cores: bool = False,
    ) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1, in their order.

        Vectors are truncated to `dim` before they are normalised. `half_cores`: leave half of the CPU
        cores to other threads. Raises EncodingError for NaN or infinity.
        """
        import numpy as np

        out = np.empty((len(texts), self.dim), dtype=np.float32)
        for batch, feed in self._batches(texts):
            raw = self._graph.run(VECTOR, feed, half_cores)
            out[batch] = normalize_encoded(raw[:, : self.dim], [texts[i] for i in batch])
            if track is not None:
                track(len(batch))
        return out

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text float32 (tokens, width), rows of length 1: its attended tokens' last states."""
        found: list[Vectors] = [None] * len(texts)  # type: ignore[list-item]
        for batch, feed in self._batches(texts):
            states = self._graph.run(STATES, feed)
            keep = feed["attention_mask"].astype(bool)
            for i, row, mask in zip(batch, states, keep, strict=True):
                kept = row[mask]
                found[i] = normalize_encoded(kept, [texts[i]] * len(kept))
        return found

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before truncation, special tokens included.

        Those of the last call of `encode` are known from there, but for very long ones.
        """
        known = self._counted
        new = [t for t in texts if t not in known]
        if new:
            known = known | dict(zip(new, self._lengths(self._encoded(new)), strict=True))
        return [known[t] for t in texts]

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        if sum(map(len, texts)) <= FEW_CHARS:
            return [self._tokenizer.encode(t) for t in texts]
        encoded: list[Any] = self._tokenizer.encode_batch_fast(list(texts))
        return encoded

    def _lengths(self, encoded: Sequence[Any]) -> list[int]:
        """What is cut off lies in pieces beside an encoding, each with special tokens of its own."""
        special = self._tokenizer.num_special_tokens_to_add(False)
        return [len(e.ids) + sum(len(o.ids) - special for o in e.overflowing) for e in encoded]

    def _ids(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        import numpy as np

        encoded = self._encoded(texts)
        lengths = zip(texts, self._lengths(encoded), strict=True)
        self._counted = {t: n for t, n in lengths if len(t) <= MAX_COUNTED_CHARS}
        return [np.array(e.ids, dtype=np.int64) for e in encoded]

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Positions of texts with what the graph is fed for them, longest texts first."""
        import numpy as np

        ids = self._ids(texts)
        for batch in by_length([len(row) for row in ids], tokens=tokens()):
            values, mask = padded([ids[i] for i in batch], self._pad, "right")
            # a graph has no rows for texts without any token: it gets one, that counts for nothing
            rows = mask.ravel().nonzero()[0] if mask.any() else np.zeros(1, dtype=np.int64)
            yield batch, {"input_ids": values, "attention_mask": mask, ROWS: rows}
