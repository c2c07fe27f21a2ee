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
    """Token positions of one batch. `mask`: int64 (texts, length); `rows`: int64 (tokens,), its ones.

    `firsts`: places of the texts' first tokens among all tokens, int64 (texts,).
    """

    def __init__(self, mask: Any, rows: Any) -> None:
        import torch

        self.texts, self.length = mask.shape
        self._rows = rows
        # padding repeats some token's states: nothing reads them
        self._places: Any = (torch.cumsum(mask.flatten(), 0) - 1).clamp(min=0)
        self.positions = self.pack(torch.cumsum(mask, 1) - 1)
        hidden = torch.zeros(mask.shape).masked_fill(mask == 0, float("-inf"))
        self._hidden = hidden[:, None, None, :]
        self.firsts = self._places.reshape(self.texts, self.length)[:, 0]

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

    def attend(self, query: Any, key: Any, value: Any, scaling: float, causal: bool) -> Any:
        """softmax(q·kᵀ · scaling + hidden) · v, (texts, heads, length, width); queries of any length."""
        import torch

        seen = torch.matmul(query, key.transpose(2, 3)) * scaling + self.hidden(causal)
        return torch.matmul(torch.softmax(seen, -1), value)


class _Attention:
    """Attention function for transformers."""

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
        if unknown := [n for n, v in more.items() if v is not None and n not in _IDLE]:
            raise UnsupportedArchitecture(f"its attention wants {', '.join(unknown)}")
        batch = self.batch
        assert batch is not None
        q, k, v = (batch.unpack(x[0].transpose(0, 1)).transpose(1, 2) for x in (query, key, value))
        if (share := q.shape[1] // k.shape[1]) > 1:
            k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        causal = bool(more["is_causal"] if more.get("is_causal") is not None else module.is_causal)
        scale = q.shape[-1] ** -0.5 if scaling is None else scaling
        states = batch.attend(q, k, v, scale, causal)
        return batch.pack(states.transpose(1, 2))[None], None


class Packed:
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

    @property
    def batch(self) -> Batch:
        """Batch that is being computed."""
        assert self.attention.batch is not None
        return self.attention.batch

    def states(
        self,
        tokens: Any,
        mask: Any,
        rows: Any,
        types: Any | None = None,
        first_token: bool = False,
    ) -> Any:
        """Last states, (texts, length, width). `tokens`: ids (texts, length), or words (tokens, width).

        `types`: token types (texts, length). `first_token`: the last layer gives the first tokens' states
        only, and so does this, (texts, 1, width).
        """
        self.attention.batch = batch = Batch(mask, rows)
        given = {"inputs_embeds": tokens} if self._split else {"input_ids": batch.pack(tokens)}
        if types is not None:
            given["token_type_ids"] = batch.pack(types)
        found = self.inner(
            **{name: value[None] for name, value in given.items()},
            position_ids=batch.positions[None] + self._start,
        )
        states = found.last_hidden_state[0]
        return states[:, None] if first_token else batch.unpack(states)

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
    packed = Packed(first.model, split)

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
