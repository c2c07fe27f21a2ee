"""Qwen3-Reranker through onnxruntime: token ids of whole prompts to log-odds, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import GraphSession, load_tokenizer, padded, tokens
from qembed.models.qwen_prompt import MAX_TOKENS

if TYPE_CHECKING:
    from qembed.types import Scores

ODDS = "log_odds"
"""The graph's output: float32 (pairs, 1)."""


class OnnxQwenReranker:
    """The log-odds of an exported reranker. `tokenizer`: the one it was trained with.

    Raises Damaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export) -> None:
        self._graph = GraphSession(export)
        self.tokenizer = load_tokenizer(export, MAX_TOKENS)

    def logits(
        self, prompts: Sequence[list[int]], track: Callable[[int], None] | None = None
    ) -> Scores:
        """z_yes - z_no behind each prompt, float32 (len(prompts),)."""
        import numpy as np

        out = np.empty(len(prompts), dtype=np.float32)
        for batch in by_length([len(p) for p in prompts], tokens=tokens()):
            # left, so that the last position is the last token of every prompt; the mask hides the fill
            ids, mask = padded([np.array(prompts[i], dtype=np.int64) for i in batch], 0, "left")
            feed = {"input_ids": ids, "attention_mask": mask}
            out[batch] = self._graph.run(ODDS, feed)[:, 0]
            if track is not None:
                track(len(batch))
        return out
