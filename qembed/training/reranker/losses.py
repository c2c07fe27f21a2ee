"""Losses of rerankers by name, on the logits s of a query's texts and their grades y.

binary   -y log sigmoid(s) - (1 - y) log(1 - sigmoid(s)), y being 1 above grade 0, else 0
ranknet  log2(1 + exp(-(s_i - s_j))) over pairs of one query with y_i > y_j (Burges et al. 2005)
hinge    max(0, 1 - (s_i - s_j)) over the same pairs (Herbrich, Graepel and Obermayer 2000)
lambda   ranknet's, each pair weighed by what its exchange costs in nDCG: NDCG-Loss2++ of LambdaLoss
         (Wang et al. 2018)

The two of pairs, ranknet and hinge, take weights: w times the loss of each of the row's pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError

if TYPE_CHECKING:
    import torch

LOSSES = ("lambda", "ranknet", "hinge", "binary")
WEIGHED = ("ranknet", "hinge")
"""Losses that weigh rows."""
HINGE_MARGIN = 1.0
PairLoss = Callable[..., "torch.Tensor"]
PAIRS = 32
"""Pairs of a query and a text that pass the model at a time."""


def check_loss(name: str) -> None:
    """Raise UsageError for a loss that is none."""
    if name not in LOSSES:
        raise UsageError(f"--loss {name}: one of {', '.join(LOSSES)} is wanted")


def make_loss(name: str, model: Any, *, weighed: bool = False) -> Any:
    """Loss module of a CrossEncoder: `binary` of pairs with a label, else of lists with grades.

    `weighed`: its inputs end with a weight for each list; of WEIGHED losses only.
    """
    from sentence_transformers.cross_encoder import losses

    if name == "binary":
        return losses.BinaryCrossEntropyLoss(model)
    if name == "ranknet" and not weighed:
        return losses.RankNetLoss(model, mini_batch_size=PAIRS)
    if name == "lambda":
        return losses.LambdaLoss(model, mini_batch_size=PAIRS)
    return _pair_loss(hinge_loss if name == "hinge" else ranknet_loss, model)


def _pair_loss(loss: PairLoss, model: Any) -> Any:
    """Module of a loss that sentence-transformers has not, of inputs in the form of its list losses."""
    import torch
    from sentence_transformers.util import batch_to_device

    class ListLoss(torch.nn.Module):
        """Loss over the ordered pairs of each list."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, inputs: Any, labels: Any, **_: Any) -> torch.Tensor:
            """Mean over the batch's pairs. `labels`: of each text.

            `inputs`: (queries, texts of each), or with a third part, weights of the lists.
            """
            queries, lists, *weights = inputs
            pairs = [(q, text) for q, texts in zip(queries, lists, strict=True) for text in texts]
            logits = []
            for at in range(0, len(pairs), PAIRS):
                tokens = self.model.preprocess(pairs[at : at + PAIRS])
                tokens = batch_to_device(tokens, self.model.device)
                logits.append(self.model(tokens)["scores"].view(-1))
            scores = torch.split(torch.cat(logits), [len(texts) for texts in lists])
            labels = [y.to(s.device) for y, s in zip(labels, scores, strict=True)]
            return loss(scores, labels, *weights)

    return ListLoss()


def hinge_loss(
    scores: Sequence[torch.Tensor], grades: Sequence[torch.Tensor], weights: Sequence[float] = ()
) -> torch.Tensor:
    """Mean of w max(0, HINGE_MARGIN - (s_i - s_j)) over pairs with y_i > y_j of one list.

    `scores`, `grades`: of each list, float (texts,). `weights`: of each list, 1 if there are none.
    """
    gaps, weight = _gaps(scores, grades, weights)
    # a sum, so that a batch without pairs has a gradient, of zeros
    return (weight * (HINGE_MARGIN - gaps).clamp(min=0)).sum() / max(1, len(gaps))


def ranknet_loss(
    scores: Sequence[torch.Tensor], grades: Sequence[torch.Tensor], weights: Sequence[float] = ()
) -> torch.Tensor:
    """Mean of w log2(1 + exp(-(s_i - s_j))) over the same pairs. Parameters: see `hinge_loss`."""
    import torch

    gaps, weight = _gaps(scores, grades, weights)
    losses = torch.nn.functional.softplus(-gaps) / math.log(2)
    return (weight * losses).sum() / max(1, len(gaps))


def _gaps(
    scores: Sequence[torch.Tensor], grades: Sequence[torch.Tensor], weights: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences s_i - s_j of all pairs with y_i > y_j of one list, and the weight of each."""
    import torch

    gaps, found = [], []
    for s, y, weight in zip(scores, grades, weights or [1.0] * len(scores), strict=True):
        gap = (s[:, None] - s[None, :])[y[:, None] > y[None, :]]
        gaps.append(gap)
        found.append(torch.full_like(gap, weight))
    return torch.cat(gaps), torch.cat(found)
