"""Losses of rerankers by name, on the logits s of a query's texts and their grades y.

binary   -y log sigmoid(s) - (1 - y) log(1 - sigmoid(s)), y being 1 above grade 0, else 0
ranknet  log2(1 + exp(-(s_i - s_j))) over pairs of one query with y_i > y_j (Burges et al. 2005)
hinge    max(0, 1 - (s_i - s_j)) over the same pairs (Herbrich, Graepel and Obermayer 2000)
lambda   ranknet's, each pair weighed by what its exchange costs in nDCG: NDCG-Loss2++ of LambdaLoss
         (Wang et al. 2018)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError

if TYPE_CHECKING:
    import torch

LOSSES = ("lambda", "ranknet", "hinge", "binary")
HINGE_MARGIN = 1.0
PAIRS = 32
"""Pairs of a query and a text that pass the model at a time."""


def check_loss(name: str) -> None:
    """Raise UsageError for a loss that is none."""
    if name not in LOSSES:
        raise UsageError(f"--loss {name}: one of {', '.join(LOSSES)} is wanted")


def make_loss(name: str, model: Any) -> Any:
    """Loss module of a CrossEncoder: `binary` of pairs with a label, else of lists with grades."""
    from sentence_transformers.cross_encoder import losses

    if name == "binary":
        return losses.BinaryCrossEntropyLoss(model)
    if name == "ranknet":
        return losses.RankNetLoss(model, mini_batch_size=PAIRS)
    if name == "lambda":
        return losses.LambdaLoss(model, mini_batch_size=PAIRS)
    return _hinge(model)


def _hinge(model: Any) -> Any:
    """Hinge loss, which sentence-transformers has not, of inputs in the form of its list losses."""
    import torch
    from sentence_transformers.util import batch_to_device

    class HingeLoss(torch.nn.Module):
        """Hinge loss over the ordered pairs of each list."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, inputs: Any, labels: Any, **_: Any) -> torch.Tensor:
            """Mean over the batch's pairs. `inputs`: (queries, texts of each); `labels`: of each text."""
            queries, lists = inputs
            pairs = [(q, text) for q, texts in zip(queries, lists, strict=True) for text in texts]
            logits = []
            for at in range(0, len(pairs), PAIRS):
                tokens = self.model.preprocess(pairs[at : at + PAIRS])
                tokens = batch_to_device(tokens, self.model.device)
                logits.append(self.model(tokens)["scores"].view(-1))
            scores = torch.split(torch.cat(logits), [len(texts) for texts in lists])
            return hinge_loss(scores, [y.to(s.device) for y, s in zip(labels, scores, strict=True)])

    return HingeLoss()


def hinge_loss(scores: Sequence[torch.Tensor], grades: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean of max(0, HINGE_MARGIN - (s_i - s_j)) over pairs with y_i > y_j of one list.

    `scores`, `grades`: of each list, float (texts,).
    """
    import torch

    found = []
    for s, y in zip(scores, grades, strict=True):
        ordered = y[:, None] > y[None, :]
        found.append((HINGE_MARGIN - (s[:, None] - s[None, :])).clamp(min=0)[ordered])
    gaps = torch.cat(found)
    # a sum, so that a batch without pairs has a gradient, of zeros
    return gaps.sum() / max(1, len(gaps))
