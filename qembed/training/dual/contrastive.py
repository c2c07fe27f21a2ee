"""Contrastive loss in both directions, and gradients of a batch larger than memory.

Gradient caching: all vectors of a batch without gradients, the loss on them, then part after part again
with gradients, each given what the loss says of its vectors (Gao et al. 2021, arXiv 2101.06983). It is the
gradient of the whole batch, for one more forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

FIRST_SCALE = 10.0
"""Inverse of the temperature at the start."""
MAX_SCALE = 100.0


def contrastive_loss(images: Any, texts: Any, same: Any, log_scale: Any) -> Any:
    """Cross entropy of pictures among texts and of texts among pictures, in the mean.

    `images`, `texts`: unit vectors (n, dim). `same`: bool (n, n), pairs that belong together: those of one
    text share the probability. `log_scale`: logarithm of the temperature's inverse.
    """
    import torch

    logits = images @ texts.T * log_scale.exp()
    wanted = same.float()
    losses = [
        -(w / w.sum(1, keepdim=True) * torch.log_softmax(x, dim=1)).sum(1).mean()
        for x, w in ((logits, wanted), (logits.T, wanted.T))
    ]
    return (losses[0] + losses[1]) / 2


def backward(
    towers: Sequence[Callable[[slice], Any]], n: int, part: int, loss: Callable[..., Any]
) -> float:
    """Compute the loss of n pairs and its gradients; returns the loss.

    `towers`: functions from a part of the batch to unit vectors, each with gradients; the same part gives the
    same vectors twice. `part`: pairs that are computed at a time. `loss`: of the vectors of all towers.
    """
    import torch

    parts = [slice(at, min(at + part, n)) for at in range(0, n, part)]
    if len(parts) == 1:
        value = loss(*(tower(parts[0]) for tower in towers))
        value.backward()
        return float(value.detach())
    with torch.no_grad():
        held = [torch.cat([tower(p) for p in parts]) for tower in towers]
    for found in held:
        found.requires_grad_()
    value = loss(*held)
    value.backward()
    vectors: Any
    for tower, vectors in zip(towers, held, strict=True):
        for p in parts:
            tower(p).backward(gradient=vectors.grad[p])
    return float(value.detach())
