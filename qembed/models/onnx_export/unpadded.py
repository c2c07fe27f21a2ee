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


class _Packed:
    """Transformer that is given the tokens of a batch without padding.

    `split`: it is given rows of its word table, which stays outside, instead of ids.
    """

    def __init__(self, inner: Any, split: bool) -> None:
        kind = inner.config.model_type
        if kind not in ARCHITECTURES:
            raise UnsupportedArchitecture(f"{kind} is not known here")
        self.inner = inner
        self._split = split
        self._start = inner.embeddings.padding_idx + 1 if kind in FROM_PADDING else 0
        self.attention = _Attention()

    def states(self, tokens: Any, mask: Any, rows: Any, types: Any | None = None) -> Any:
        """Last states, (texts, length, width). `tokens`: ids (texts, length), or words (tokens, width).

        `types`: token types (texts, length).
        """
        self.attention.batch = batch = Batch(mask, rows)
        given = {"inputs_embeds": tokens} if self._split else {"input_ids": batch.pack(tokens)}
        if types is not None:
            given["token_type_ids"] = batch.pack(types)
        found = self.inner(
            **{name: value[None] for name, value in given.items()},
            position_ids=batch.positions[None] + self._start,
        )
        return batch.unpack(found.last_hidden_state[0])

    @contextmanager
    def attending(self) -> Iterator[None]:
        """Replace the model's attention within the block."""
        from transformers import AttentionInterface

        before = self.inner.config._attn_implementation
        AttentionInterface.register(_NAME, self.attention)
        self.inner.set_attn_implementation(_NAME)
        try:
            yield
        finally:
            self.inner.set_attn_implementation(before)


@contextmanager
def without_padding(model: Any, split: bool) -> Iterator[Any]:
    """Module (tokens, mask, rows) -> (vectors, states), equivalent to a SentenceTransformer.

    `split`: tokens are rows of the word table, float32 (tokens, width), instead of ids. The model's own
    attention is restored after the block. Raises UnsupportedArchitecture for anything but a plain
    transformer of ARCHITECTURES, at the latest when the module is called.
    """
    import torch
    from sentence_transformers.base.modules.transformer import Transformer

    first, *rest = batch_invariant_modules(model)
    if not isinstance(first, Transformer):
        raise UnsupportedArchitecture(f"{type(first).__name__} is not known here")
    packed = _Packed(first.model, split)

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = packed.inner
            self.rest = torch.nn.ModuleList(rest)

        def forward(self, tokens: Any, attention_mask: Any, rows: Any) -> Any:
            output = {
                "token_embeddings": packed.states(tokens, attention_mask, rows),
                "attention_mask": attention_mask,
            }
            for step in self.rest:
                output = step(output)
            return output["sentence_embedding"], output["token_embeddings"]

    with packed.attending():
        yield Module().eval()


@contextmanager
def classifier_without_padding(model: Any, split: bool) -> Iterator[Any]:
    """Module (tokens, mask, rows[, token types]) -> logits, equivalent to a classifier of transformers.

    `split` and errors as in `without_padding`. The model is as before after the block.
    """
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    prefix = model.base_model_prefix
    base = getattr(model, prefix)
    packed = _Packed(base, split)

    class Base(torch.nn.Module):
        """Base model in the classifier's place for it: states with padding, as its head wants them."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = base
            self.given: tuple[Any, ...] = ()

        def forward(self, *_: Any, **__: Any) -> Any:
            states = packed.states(*self.given)
            pooler = getattr(base, "pooler", None)
            return BaseModelOutputWithPooling(
                last_hidden_state=states, pooler_output=None if pooler is None else pooler(states)
            )

    inside = Base()

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(
            self, tokens: Any, attention_mask: Any, rows: Any, types: Any | None = None
        ) -> Any:
            inside.given = (tokens, attention_mask, rows, types)
            return self.inner(input_ids=attention_mask, attention_mask=attention_mask).logits

    setattr(model, prefix, inside)
    try:
        with packed.attending():
            yield Module().eval()
    finally:
        setattr(model, prefix, base)
