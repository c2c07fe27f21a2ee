"""Anchors: what a training costs for each step away from the weights that it begins with.

    loss + strength / 2 * sum_k F_k (w_k - w0_k)^2

distance  F_k = 1 (L2-SP; Li, Grandvalet and Davoine 2018)
ewc       F_k: mean square of the loss's gradient over batches of old data, the diagonal of the empirical
          Fisher information, scaled to a mean of 1 (elastic weight consolidation; Kirkpatrick et al. 2017)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

AnchorBy = Literal["distance", "ewc"]
MOST = 100
"""Batches of old data that importance is measured on."""


def anchored(
    loss: Any, model: Any, strength: float, importance: Mapping[str, torch.Tensor] | None = None
) -> Any:
    """Loss module with the penalty of leaving the model's present weights; of those that are trained.

    `importance`: F by name of weight, None for 1 everywhere. Losses for the early stop have no penalty.
    """
    import torch

    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    start = {name: p.detach().clone() for name, p in weights.items()}

    class AnchoredLoss(torch.nn.Module):
        """A loss, and what the distance from the start costs."""

        def __init__(self) -> None:
            super().__init__()
            self.loss = loss
            self.model = model

        def forward(self, features: Any, labels: Any = None) -> torch.Tensor:
            """Loss of a batch with the penalty, a scalar."""
            found: torch.Tensor = self.loss(features, labels)
            if not torch.is_grad_enabled():
                return found
            return found + strength / 2 * penalty(weights, start, importance)

    return AnchoredLoss()


def penalty(
    weights: Mapping[str, torch.Tensor],
    start: Mapping[str, torch.Tensor],
    importance: Mapping[str, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Sum of F (w - w0)^2 over all weights, a scalar."""
    import torch

    parts = []
    for name, weight in weights.items():
        square = (weight - start[name].to(weight.device)) ** 2
        parts.append((square if importance is None else square * importance[name]).sum())
    return torch.stack(parts).sum()


def fisher_diagonal(
    loss: Any, model: Any, batches: Iterable[tuple[Any, Any]]
) -> dict[str, torch.Tensor]:
    """F of each trained weight by name: mean square of the gradient over the batches, of mean 1.

    `batches`: features and labels, as the loss takes them; the first MOST are read. 1 everywhere where no
    batch has a gradient.
    """
    import torch

    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    found = {name: torch.zeros_like(p) for name, p in weights.items()}
    model.eval()  # without dropout
    for _, (features, labels) in zip(range(MOST), batches, strict=False):
        model.zero_grad()
        loss(features, labels).backward()
        for name, weight in weights.items():
            if weight.grad is not None:
                found[name] += weight.grad**2
    model.zero_grad()
    model.train()
    total = sum(float(f.sum()) for f in found.values())
    count = sum(f.numel() for f in found.values())
    if total <= 0:
        return {name: torch.ones_like(f) for name, f in found.items()}
    return {name: f * (count / total) for name, f in found.items()}
