"""Losses by name, on cosines of unit vectors.

mnr         cross entropy of the positive among all passages of the batch (InfoNCE; van den Oord 2018)
softmax     the same among the row's own passages alone
triplet     max(0, margin - (cos(q, p) - cos(q, n)))
cosine      (cos(q, d) - label)^2
cosent      log(1 + sum exp(scale (cos_kl - cos_ij))) over pairs whose labels say cos_ij > cos_kl (Su 2022)
margin-mse  (scale (cos(q, p) - cos(q, n)) - teacher's margin / temperature)^2 (Hofstätter et al. 2020)
distill     KL divergence from the teacher's softmax, of scores / temperature, over the row's passages to the
            student's

Objectives, of texts alone:

simcse      mnr of a text with itself: dropout makes two vectors of it (Gao, Yao and Chen 2021)
tsdae, mlm  see objectives
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.training.encoder.examples import Form
from qembed.training.encoder.objectives import denoising_loss, masked_language_loss

if TYPE_CHECKING:
    import torch

SCALE = 20.0
"""Inverse temperature of cosines: 1 / .05."""
TEMPERATURES = {"distill": 0.3, "margin-mse": 1.0}
"""Temperature of a teacher's scores, where none is chosen. Those of `distill` may be probabilities."""
TRIPLET_MARGIN = 0.2
CACHED_ROWS = 32
"""Rows whose states are in memory at a time: larger batches are computed in parts, with cached gradients."""


@dataclass(frozen=True, slots=True)
class LossSpec:
    """Loss by name.

    `teacher`: it wants a reranker's scores. `in_batch`: the passages of other rows are negatives. `fresh`:
    each epoch has rows of its own.
    """

    name: str
    form: Form
    teacher: bool = False
    in_batch: bool = False
    fresh: bool = False


LOSSES = {
    spec.name: spec
    for spec in (
        LossSpec("mnr", "list", in_batch=True),
        LossSpec("softmax", "list"),
        LossSpec("triplet", "triplet"),
        LossSpec("cosine", "pair"),
        LossSpec("cosent", "pair"),
        LossSpec("margin-mse", "triplet", teacher=True),
        LossSpec("distill", "list", teacher=True),
    )
}


OBJECTIVES = {
    spec.name: spec
    for spec in (
        LossSpec("tsdae", "list", fresh=True),
        LossSpec("simcse", "list", in_batch=True),
        LossSpec("mlm", "list"),
    )
}


def loss_named(name: str) -> LossSpec:
    """Loss of this name. Raises UsageError."""
    if name not in LOSSES:
        raise UsageError(f"--loss {name}: one of {', '.join(LOSSES)} is wanted")
    return LOSSES[name]


def check_teacher(loss: LossSpec, teacher: str | None, temperature: float | None) -> None:
    """Raise UsageError for a loss that wants a teacher and has none, or the other way round."""
    if temperature is not None and not loss.teacher:
        raise UsageError(f"--temperature: --loss {loss.name} learns from no teacher's scores")
    if loss.teacher != (teacher is not None):
        raise UsageError(
            f"--loss {loss.name} wants --teacher SPEC, a reranker"
            if loss.teacher
            else f"--teacher: --loss {loss.name} has no use for one"
        )


def make_loss(
    spec: LossSpec,
    model: Any,
    batch: int,
    dims: Sequence[int] = (),
    temperature: float | None = None,
) -> Any:
    """Loss module of a SentenceTransformer. `dims`: also trained at these dimensions (matryoshka).

    `temperature`: of a teacher's scores, None for that of TEMPERATURES.

    Raises UsageError for dimensions that the model does not have.
    """
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.util import pairwise_cos_sim

    made: Any
    if spec.name == "tsdae":
        made = denoising_loss(model)
    elif spec.name == "mlm":
        made = masked_language_loss(model)
    elif spec.name in ("mnr", "simcse"):
        # cached gradients and matryoshka's cached states exclude one another
        if batch > CACHED_ROWS and not dims:
            made = losses.CachedMultipleNegativesRankingLoss(
                model, scale=SCALE, mini_batch_size=CACHED_ROWS
            )
        else:
            made = losses.MultipleNegativesRankingLoss(model, scale=SCALE)
    elif spec.name == "cosine":
        made = losses.CosineSimilarityLoss(model)
    elif spec.name == "cosent":
        made = losses.CoSENTLoss(model, scale=SCALE)
    elif spec.name == "margin-mse":
        made = losses.MarginMSELoss(model, lambda a, b: SCALE * pairwise_cos_sim(a, b))
        made = _with_labels_over(made, model, temperature or TEMPERATURES[spec.name])
    elif spec.name == "triplet":
        made = losses.TripletLoss(
            model, losses.TripletDistanceMetric.COSINE, triplet_margin=TRIPLET_MARGIN
        )
    else:
        made = _own(model, spec.name, temperature or TEMPERATURES["distill"])
    if not dims:
        return made
    width = model.get_embedding_dimension()
    if any(not 0 < dim <= width for dim in dims):
        raise UsageError(
            f"--matryoshka {','.join(map(str, dims))}: the model has {width} dimensions"
        )
    return losses.MatryoshkaLoss(model, made, sorted({width, *dims}, reverse=True))


def _with_labels_over(loss: Any, model: Any, temperature: float) -> Any:
    import torch

    class TemperedLoss(torch.nn.Module):
        """A loss of labels that are divided by a temperature."""

        def __init__(self) -> None:
            super().__init__()
            self.loss = loss
            self.model = model

        def forward(self, features: Any, labels: torch.Tensor) -> torch.Tensor:
            """Mean loss of the batch. `labels`: a teacher's margins, float (rows,)."""
            found: torch.Tensor = self.loss(features, labels / temperature)
            return found

    return TemperedLoss()


def _own(model: Any, name: str, temperature: float) -> Any:
    import torch

    class ListLoss(torch.nn.Module):
        """Loss over the cosines of each row's passages with its query."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, features: Any, labels: Any = None) -> torch.Tensor:
            """Mean loss of the batch. `labels`: a teacher's scores, float (rows, passages)."""
            vectors = [self.model(f)["sentence_embedding"] for f in features]
            query, passages = vectors[0], torch.stack(vectors[1:], dim=1)
            cosines = torch.nn.functional.cosine_similarity(query[:, None, :], passages, dim=-1)
            if name == "softmax":
                return softmax_loss(cosines)
            return distill_loss(cosines, labels, temperature)

    return ListLoss()


def softmax_loss(cosines: torch.Tensor) -> torch.Tensor:
    """Cross entropy of each row's first passage among its passages. `cosines`: (rows, passages)."""
    import torch

    target = torch.zeros(len(cosines), dtype=torch.long, device=cosines.device)
    return torch.nn.functional.cross_entropy(SCALE * cosines, target)


def distill_loss(cosines: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL divergence of the student's softmax from the teacher's, mean over rows, both (rows, passages)."""
    import torch

    wanted = torch.log_softmax(teacher.to(cosines.dtype) / temperature, dim=-1)
    got = torch.log_softmax(SCALE * cosines, dim=-1)
    return torch.nn.functional.kl_div(got, wanted, log_target=True, reduction="batchmean")
