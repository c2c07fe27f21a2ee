"""Models, encoders and rerankers of a server, kept from one generation of the index to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qembed.models import Model
from qembed.pipeline.retrieval.loaded_model import ModelSource
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.serve.shared_reranker import shared

if TYPE_CHECKING:
    from qembed.protocols import Encoder, Scorer


class ModelPool(ModelSource):
    """Opens each model anew, as a fresh process would, and keeps the weights if its content is the same.

    Holds one model, with all its dimensions and truncated. `pending`: number of requests being answered.
    """

    def __init__(self, pending: Callable[[], int] = lambda: 0) -> None:
        self._pending = pending
        self._models: dict[tuple[Any, ...], Model] = {}
        self._encoders: dict[tuple[Any, ...], BatchingEncoder] = {}
        self._rerankers: dict[str, Scorer] = {}

    def open(self, spec: str, dim: int | None = None) -> Model:
        """Open a model; see ModelSource.open. Drops the weights of a model with another content."""
        model = super().open(spec, dim)
        if not any(_content(kept) == _content(model) for kept in self._models.values()):
            self._models.clear()
            self._encoders.clear()
            self._rerankers.clear()
        return self._models.setdefault(_identity(model), model)

    def encoder(self, model: Model) -> Encoder:
        """The model's encoder for all requests at once."""
        if model.is_remote:  # opened anew, so that its probe vectors are compared again
            return BatchingEncoder(super().encoder(model), self._pending)
        key = _identity(model)
        if key not in self._encoders:
            self._encoders[key] = BatchingEncoder(super().encoder(model), self._pending)
        return self._encoders[key]

    def reranker(self, spec: str, model: Model) -> Scorer:
        """The reranker that `spec` names, kept unless it is `late`, which wraps the model."""
        if spec == "late":
            return super().reranker(spec, model)
        if spec not in self._rerankers:
            opened = super().reranker(spec, model)
            self._rerankers[spec] = shared(opened) or opened
        return self._rerankers[spec]


def _content(model: Model) -> tuple[Any, ...]:
    """Key of everything that the weights depend on."""
    return model.spec, model.revision, model.max_tokens


def _identity(model: Model) -> tuple[Any, ...]:
    """Key of everything that the vectors depend on."""
    return (*_content(model), model.dim)
