"""Models, encoders and rerankers of a server, kept from one generation of the index to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qembed.models import Model
from qembed.models.spec import LATE
from qembed.pipeline.retrieval.loaded_model import ModelSource
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.serve.rerankers.shared_reranker import shared

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
        self._rerankers: dict[tuple[Any, ...], Scorer] = {}
        self._loading = threading.Lock()

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
        """The reranker that `spec` names, kept. Loaded once, also if several threads ask for it."""
        key = _reranker_key(spec, model)
        if key in self._rerankers:  # without the lock: another one may be loading for long
            return self._rerankers[key]
        with self._loading:
            if key not in self._rerankers:
                opened = super().reranker(spec, model)
                self._rerankers[key] = opened if spec == LATE else shared(opened) or opened
            return self._rerankers[key]

    def has_reranker(self, spec: str, model: Model) -> bool:
        """True if the reranker that `spec` names is loaded."""
        return _reranker_key(spec, model) in self._rerankers


def _reranker_key(spec: str, model: Model) -> tuple[Any, ...]:
    """Key of a reranker; `late` wraps the model."""
    return (spec, *_identity(model)) if spec == LATE else (spec,)


def _content(model: Model) -> tuple[Any, ...]:
    """Key of everything that the weights depend on."""
    return model.spec, model.revision, model.max_tokens


def _identity(model: Model) -> tuple[Any, ...]:
    """Key of everything that the vectors depend on."""
    return (*_content(model), model.dim)
