"""Parts of a model that a training changes: layers, embeddings, LoRA adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qembed.errors import UsageError
from qembed.training.libraries import require_peft

ALL = -1
"""Number of frozen layers where everything is trained, the embeddings too."""


def freeze_layers(model: Any, layers: int) -> int:
    """Freeze embeddings and the lowest layers; returns the number of trained weights. ALL: freezes none.

    Raises UsageError for more layers than there are.
    """
    transformer: Any = model[0].auto_model if hasattr(model[0], "auto_model") else None
    if transformer is None:
        raise UsageError("--freeze: the model has no layers")
    if layers > ALL:
        stack = _layers(transformer)
        if layers >= len(stack):
            raise UsageError(f"--freeze {layers}: the model has {len(stack)} layers")
        inner = getattr(transformer, "base_model", transformer)  # without a classifier's head
        for part in (transformer.get_input_embeddings(), getattr(inner, "embeddings", None)):
            for weight in part.parameters() if part is not None else ():
                weight.requires_grad = False
        for layer in stack[:layers]:
            for weight in layer.parameters():
                weight.requires_grad = False
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _layers(transformer: Any) -> Sequence[Any]:
    """Layers of a transformer: its longest list of modules of one kind."""
    import torch

    lists = [list(m) for m in transformer.modules() if isinstance(m, torch.nn.ModuleList)]
    return max(lists, key=len, default=[])


def leave_out_attention_dropout(model: Any) -> None:
    """Set dropout of attention weights to 0; dropout of states stays.

    With it torch keeps a matrix of tokens by tokens for each head, and cannot compute attention in blocks.
    """
    import torch

    for module in model.modules():
        if "attention" not in type(module).__name__.lower():
            continue
        if isinstance(inner := getattr(module, "dropout", None), torch.nn.Dropout):
            inner.p = 0.0
        for name in ("dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def add_lora(model: Any, rank: int) -> None:
    """Add adapters of this rank to all linear layers; they alone are trained. Raises UsageError."""
    require_peft()
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear")
    # transformers' own add_adapter wants a newer peft than the newest
    inject_adapter_in_model(config, model[0].auto_model)


def merge_lora(model: Any) -> None:
    """Write the adapters into the weights, and take them away."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    inner = model[0].auto_model
    for name, module in list(inner.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            place, _, last = name.rpartition(".")
            setattr(inner.get_submodule(place), last, module.get_base_layer())
