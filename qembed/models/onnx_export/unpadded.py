"""Encoders that compute the tokens of a batch without its padding.

A batch of short texts of mixed lengths is padding in good part. Products, norms and activations work row by
row, so here they take the tokens of all texts as the rows of one long text. Attention alone gets one row of
tokens per text, and a text's tokens attend to the same tokens as in a batch of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qembed.models.onnx_export.batch_invariance import batch_invariant_modules

FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
"""Architectures whose first position is the padding token's id plus one."""
ARCHITECTURES = (
    "bert",
    "electra",
    "distilbert",
    *FROM_PADDING,
    "qwen2",
    "qwen3",
    "llama",
    "mistral",
)
"""Architectures with position ids as an input and plain attention."""
_NAME = "qembed_packed"
_IDLE = ("position_ids", "use_cache", "output_attentions", "is_causal")
"""Keyword arguments of attention functions that `Batch` knows or that change nothing."""


class UnsupportedArchitecture(Exception):
    """Unsupported model: it has features that this module does not know."""


class Batch:
    """Token positions of one batch. `mask`: int64 (texts, length); `rows`: int64 (tokens,), its ones."""

    def __init__(self, mask: Any, rows: Any) -> None:
        import torch

        self.texts, self.length = mask.shape
        self._rows = rows
        # padding repeats some token's states: nothing reads them
        self._places = (torch.cumsum(mask.flatten(), 0) - 1).clamp(min=0)
        self.positions = self.pack(torch.cumsum(mask, 1) - 1)
        hidden = torch.zeros(mask.shape).masked_fill(mask == 0, float("-inf"))
        self._hidden = hidden[:, None, None, :]

    def pack(self, states: Any) -> Any:
        """Drop padding: (texts, length, …) to (tokens, …)."""
        return states.flatten(0, 1).index_select(0, self._rows)

    def unpack(self, states: Any) -> Any:
        """Insert padding: (tokens, …) to (texts, length, …)."""
        return states.index_select(0, self._places).unflatten(0, (self.texts, self.length))

    def hidden(self, causal: bool) -> Any:
        """Attention mask to add to scores, float32 (texts, 1, 1 or length, length): 0 or minus infinity."""
        import torch

        if not causal:
            return self._hidden
        at = torch.arange(self.length)
        later = torch.zeros(self.length, self.length).masked_fill(
            at[None, :] > at[:, None], float("-inf")
        )
        return self._hidden + later


class _Attention:
    """Attention function for transformers: softmax(q·kᵀ · scaling + hidden) · v."""

    def __init__(self) -> None:
        self.batch: Batch | None = None

    def __call__(
        self,
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        scaling: float | None = None,
        dropout: float = 0.0,
        **more: Any,
    ) -> tuple[Any, None]:
        """Attention of a layer. `query`: (1, heads, tokens, width); `key`, `value`: perhaps fewer heads."""
        import torch

        if unknown := [n for n, v in more.items() if v is not None and n not in _IDLE]:
            raise UnsupportedArchitecture(f"its attention wants {', '.join(unknown)}")
        batch = self.batch
        assert batch is not None
        q, k, v = (batch.unpack(x[0].transpose(0, 1)).transpose(1, 2) for x in (query, key, value))
        if (share := q.shape[1] // k.shape[1]) > 1:
            k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        causal = bool(more["is_causal"] if more.get("is_causal") is not None else module.is_causal)
        scale = q.shape[-1] ** -0.5 if scaling is None else scaling
        seen = torch.matmul(q, k.transpose(2, 3)) * scale + batch.hidden(causal)
        states = torch.matmul(torch.softmax(seen, -1), v)
        return batch.pack(states.transpose(1, 2))[None], None


@contextmanager
def without_padding(model: Any) -> Iterator[Any]:
    """Module (ids, mask, rows) -> (vectors, states), equivalent to a SentenceTransformer.

    The model's own attention is restored after the block. Raises UnsupportedArchitecture for anything but
    a plain transformer of ARCHITECTURES, at the latest when the module is called.
    """
    import torch
    from sentence_transformers.base.modules.transformer import Transformer
    from transformers import AttentionInterface

    first, *rest = batch_invariant_modules(model)
    kind = first.model.config.model_type if isinstance(first, Transformer) else type(first).__name__
    if kind not in ARCHITECTURES:
        raise UnsupportedArchitecture(f"{kind} is not known here")
    inner = first.model
    start = inner.embeddings.padding_idx + 1 if kind in FROM_PADDING else 0
    attention = _Attention()

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner
            self.rest = torch.nn.ModuleList(rest)

        def forward(self, input_ids: Any, attention_mask: Any, rows: Any) -> Any:
            attention.batch = batch = Batch(attention_mask, rows)
            states = self.inner(
                input_ids=batch.pack(input_ids)[None], position_ids=batch.positions[None] + start
            ).last_hidden_state[0]
            output = {
                "token_embeddings": batch.unpack(states),
                "input_ids": input_ids,
                "attention_mask": attention_mask,
            }
            for step in self.rest:
                output = step(output)
            return output["sentence_embedding"], output["token_embeddings"]

    before = inner.config._attn_implementation
    AttentionInterface.register(_NAME, attention)
    inner.set_attn_implementation(_NAME)
    try:
        yield Module().eval()
    finally:
        inner.set_attn_implementation(before)
