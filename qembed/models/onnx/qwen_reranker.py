"""Qwen3-Reranker through onnxruntime, without torch: log-odds of whole prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import GraphSession, batch_tokens, load_tokenizer, padded
from qembed.models.qwen_prompt import MAX_TOKENS

if TYPE_CHECKING:
    from qembed.types import Scores

ODDS = "log_odds"
"""Output of the graph: float32 (pairs, 1)."""


class OnnxQwenReranker:
    """Exported Qwen3-Reranker. `tokenizer`: the model's `tokenizers.Tokenizer`.

    Raises ExportDamaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export) -> None:
        self._graph = GraphSession(export)
        self.tokenizer = load_tokenizer(export, MAX_TOKENS)

    def logits(
        self, prompts: Sequence[list[int]], track: Callable[[int], None] | None = None
    ) -> Scores:
        """Log-odds z_yes - z_no of each prompt, float32 (len(prompts),). `prompts`: token ids."""
        import numpy as np

        out = np.empty(len(prompts), dtype=np.float32)
        for batch in by_length([len(p) for p in prompts], tokens=batch_tokens()):
            # padded left: the last position is the last token of every prompt
            ids, mask = padded([np.array(prompts[i], dtype=np.int64) for i in batch], 0, "left")
            feed = {"input_ids": ids, "attention_mask": mask}
            out[batch] = self._graph.run(ODDS, feed)[:, 0]
            if track is not None:
                track(len(batch))
        return out
