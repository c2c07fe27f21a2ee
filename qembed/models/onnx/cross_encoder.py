"""Cross-encoder through tokenizers and onnxruntime, without torch: logits of (query, passage) pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import GraphSession, batch_tokens, load_tokenizer, padded

if TYPE_CHECKING:
    from qembed.types import Scores

LOGITS = "logits"
"""Output of the graph: float32 (pairs, 1)."""


class OnnxCrossEncoder:
    """Exported cross-encoder with one output. `truncated`: pairs that lost text so far.

    Raises ExportDamaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export) -> None:
        self._graph = GraphSession(export)
        self._tokenizer = load_tokenizer(export, int(export.facts["max_tokens"]))
        self._facts = export.facts
        self.truncated: list[tuple[str, str]] = []

    def logits(
        self, pairs: Sequence[tuple[str, str]], track: Callable[[int], None] | None = None
    ) -> Scores:
        """Logits of the pairs, float32 (len(pairs),). Too long a pair loses the end of its longer text."""
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        encoded: Any = self._tokenizer.encode_batch_fast([tuple(p) for p in pairs])
        self.truncated += [p for p, e in zip(pairs, encoded, strict=True) if e.overflowing]
        ids = [np.array(e.ids, dtype=np.int64) for e in encoded]
        kinds = [np.array(e.type_ids, dtype=np.int64) for e in encoded]
        for batch in by_length([len(row) for row in ids], tokens=batch_tokens()):
            values, mask = padded([ids[i] for i in batch], self._facts["pad_id"], "right")
            types, _ = padded([kinds[i] for i in batch], self._facts["pad_type_id"], "right")
            feed = {"input_ids": values, "attention_mask": mask, "token_type_ids": types}
            out[batch] = self._graph.run(LOGITS, feed).reshape(len(batch), -1)[:, 0]
            if track is not None:
                track(len(batch))
        return out
