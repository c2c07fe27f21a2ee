"""Classifiers without padding, whose last layer computes what their head reads.

The head of a cross-encoder reads the last states of the first token alone. So the last layer needs keys and
values of all tokens, and all else of each text's first token: of twelve layers a fourteenth of the products
is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from qembed.models.onnx_export.unpadded import FROM_PADDING, Packed, UnsupportedArchitecture

FIRST_TOKEN = ("bert", "electra", *FROM_PADDING)
"""Architectures whose layers have the parts that `_last_layer` calls."""


def check_first_token(model: Any) -> None:
    """Raise UnsupportedArchitecture unless the last layer can be computed for the first token alone.

    Layers must be those of FIRST_TOKEN. A head that reads more gives NaN where the other states are NaN.
    """
    import torch

    base = getattr(model, model.base_model_prefix)
    if base.config.model_type not in FIRST_TOKEN or base.config.is_decoder:
        raise UnsupportedArchitecture(f"the layers of {base.config.model_type} are not known here")
    ids = torch.ones(2, 2, dtype=torch.int64)
    with _given_states(model) as given, torch.inference_mode():
        given.states = torch.zeros(2, 2, base.config.hidden_size)
        given.states[:, 1] = float("nan")
        logits = model(input_ids=ids, attention_mask=ids).logits
    if not logits.isfinite().all():
        raise UnsupportedArchitecture("its head reads more than the first token")


@contextmanager
def classifier_without_padding(model: Any, split: bool, first_token: bool) -> Iterator[Any]:
    """Module (tokens, mask, rows[, token types]) -> logits, equivalent to a classifier of transformers.

    `first_token`: the last layer is computed for each text's first token, of a model that passes
    `check_first_token`. `split` and errors as in `without_padding`. The model is as before after the block.
    """
    import torch

    packed = Packed(getattr(model, model.base_model_prefix), split)
    with (
        packed.attending(),
        _last_layer(packed) if first_token else nullcontext(),
        _given_states(model) as given,
    ):

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = model

            def forward(
                self, tokens: Any, attention_mask: Any, rows: Any, types: Any | None = None
            ) -> Any:
                given.states = packed.states(tokens, attention_mask, rows, types, first_token)
                return self.inner(input_ids=attention_mask, attention_mask=attention_mask).logits

        yield Module().eval()


@contextmanager
def _given_states(model: Any) -> Iterator[Any]:
    """Replace a classifier's base model within the block: its head gets `states` of what this yields."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    prefix = model.base_model_prefix
    base = getattr(model, prefix)

    class Given(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = base
            self.states: Any = None

        def forward(self, *_: Any, **__: Any) -> Any:
            pooler = getattr(base, "pooler", None)
            pooled = None if pooler is None else pooler(self.states)
            return BaseModelOutputWithPooling(last_hidden_state=self.states, pooler_output=pooled)

    given = Given()
    setattr(model, prefix, given)
    try:
        yield given
    finally:
        setattr(model, prefix, base)


@contextmanager
def _last_layer(packed: Packed) -> Iterator[None]:
    """Replace the last layer within the block by one that computes each text's first token."""
    import torch

    layers = packed.inner.encoder.layer
    last = layers[-1]
    attention = last.attention.self

    class LastLayer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = last

        def forward(self, states: Any, *_: Any, **__: Any) -> Any:
            """States of the first tokens, (1, texts, width), from those of all, (1, tokens, width)."""
            batch = packed.batch
            first = states.index_select(1, batch.firsts)

            def by_head(found: Any) -> Any:
                return found[0].unflatten(-1, (attention.num_attention_heads, -1))

            # twice: the product of one row with the values adds its terms in an order that padding changes
            query = by_head(attention.query(first))[:, :, None].expand(-1, -1, 2, -1)
            key, value = (
                batch.unpack(by_head(part(states))).transpose(1, 2)
                for part in (attention.key, attention.value)
            )
            seen = batch.attend(query, key, value, attention.scaling, causal=False)[:, :, 0]
            found = last.attention.output(seen.flatten(1)[None], first)
            return last.output(last.intermediate(found), found)

    layers[-1] = LastLayer()
    try:
        yield
    finally:
        layers[-1] = last
