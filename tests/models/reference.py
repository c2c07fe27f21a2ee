"""What an encoder must give, written from the formulas: one text at a time, no padding, no libraries
above transformers. Tokens are cut by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

POOL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(axis=0),
    "lasttoken": lambda states: states[-1],
    "cls+mean": lambda states: np.concatenate([states[0], states.mean(axis=0)]),
}


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    return Tokenizer.from_file(str(folder / "tokenizer.json")), model


def token_ids(folder: Path, text: str, limit: int) -> list[int]:
    """Ids with the last one, which ends every text of both families, kept when the rest is cut."""
    ids: list[int] = _loaded(folder)[0].encode(text).ids
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]


def states(folder: Path, text: str, limit: int) -> np.ndarray:
    """(tokens, width): the last hidden states of one text."""
    import torch

    ids = torch.tensor([token_ids(folder, text, limit)])
    with torch.no_grad():
        output = _loaded(folder)[1](input_ids=ids, attention_mask=torch.ones_like(ids))
    return np.asarray(output.last_hidden_state[0].numpy(), dtype=np.float64)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def vectors(
    folder: Path, texts: Sequence[str], pooling: str, limit: int, dim: int | None = None
) -> np.ndarray:
    """Pool, cut, normalise: in this order."""
    pooled = [POOL[pooling](states(folder, text, limit))[:dim] for text in texts]
    return unit(np.stack(pooled))
