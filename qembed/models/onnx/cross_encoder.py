"""Cross-encoder through tokenizers and onnxruntime, without torch: logits of (query, passage) pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import (
    ROWS,
    TYPES,
    GraphSession,
    batch_tokens,
    load_tokenizer,
    padded,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tokens = npt.NDArray[np.integer[Any]]

    from qembed.types import Scores

SLICE = 64
"""Pairs that are tokenized at a time: the first scores come soon, and what a tokenizer returns takes fifty
times the memory of the ids."""
LOGITS = "logits"
"""Output of the graph: float32 (pairs, 1)."""


class OnnxCrossEncoder:
    """Exported cross-encoder with one output. `truncated`: pairs that lost text so far.

    `batch_invariant`: a pair's logit has the same bits in any batch, as without padding.

    Raises ExportDamaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export) -> None:
        self._graph = GraphSession(export)
        self._tokenizer = load_tokenizer(export, int(export.facts["max_tokens"]))
        self._facts = export.facts
        self.batch_invariant = ROWS in self._graph.inputs
        self.truncated: list[tuple[str, str]] = []

    def logits(
        self, pairs: Sequence[tuple[str, str]], track: Callable[[int], None] | None = None
    ) -> Scores:
        """Logits of the pairs, float32 (len(pairs),). Too long a pair loses the end of its longer text.

        Equal pairs are computed once, pairs of similar length together.
        """
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        places: dict[tuple[str, str], list[int]] = {}
        for i, pair in enumerate(pairs):
            places.setdefault(pair, []).append(i)
        distinct = sorted(places, key=lambda pair: -len(pair[0]) - len(pair[1]))
        long: set[tuple[str, str]] = set()
        for at in range(0, len(distinct), SLICE):
            part = distinct[at : at + SLICE]
            ids, kinds = self._tokens(part, long)
            for batch in by_length([len(row) for row in ids], tokens=batch_tokens()):
                feed = self._graph.batch_feed([ids[i] for i in batch], self._facts["pad_id"])
                if TYPES in self._graph.inputs:
                    rows = [kinds[i] for i in batch]
                    feed[TYPES], _ = padded(rows, self._facts["pad_type_id"], "right")
                raw = self._graph.run(LOGITS, feed).reshape(len(batch), -1)[:, 0]
                for i, logit in zip(batch, raw, strict=True):
                    out[places[part[i]]] = logit
                if track is not None:
                    track(sum(len(places[part[i]]) for i in batch))
        self.truncated += [pair for pair in places if pair in long]
        return out

    def _tokens(
        self, pairs: Sequence[tuple[str, str]], long: set[tuple[str, str]]
    ) -> tuple[list[Tokens], list[Tokens]]:
        """(token ids, token types) of each pair; `long` receives pairs that lost text."""
        import numpy as np

        encoded: Any = self._tokenizer.encode_batch_fast([tuple(p) for p in pairs])
        long.update(p for p, e in zip(pairs, encoded, strict=True) if e.overflowing)
        ids: list[Tokens] = [np.array(e.ids, dtype=np.int32) for e in encoded]
        kinds: list[Tokens] = [np.array(e.type_ids, dtype=np.int8) for e in encoded]
        return ids, kinds
