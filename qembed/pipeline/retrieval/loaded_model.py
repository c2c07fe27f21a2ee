"""An index's model: what is known of it, its encoder and its rerankers, each loaded when first needed."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.errors import QembedError, UsageError, about
from qembed.models import Model, open_model, passage_text
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import LOAD_RERANKER, Progress, StageTimer
from qembed.pipeline.recipe import (
    RecipeOptions,
    check_model,
    check_probes,
    make_recipe,
    opening_remembered,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from qembed.protocols import Encoder, ImageEncoder, Scorer
    from qembed.store.manifest import Manifest
    from qembed.types import Recipe


class ModelSource:
    """Opens models, encoders and rerankers. Derive from it to share or wrap them."""

    def open(self, spec: str, dim: int | None = None) -> Model:
        """Open the model that `spec` names, without its weights. `dim`: dimensions to truncate to."""
        return open_model(spec, dim=dim)

    def encoder(self, model: Model) -> Encoder:
        """Load the model's weights."""
        return model.encoder()

    def reranker(self, spec: str, model: Model) -> Scorer:
        """Open the reranker that `spec` names. `model`: whose token vectors `late` compares."""
        from qembed.models import open_reranker

        return open_reranker(spec, model)


class LoadedModel:
    """The model of one index.

    `spec`: names the model otherwise than the index does. `model`, `encoder` (of queries): used instead of
    loading them.
    """

    def __init__(
        self,
        manifest: Manifest,
        spec: str | None = None,
        *,
        timer: StageTimer | None = None,
        source: ModelSource | None = None,
        model: Model | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self._manifest = manifest
        self.given_spec = None if spec is None else model_spec(spec, manifest.spec)
        self._timer = StageTimer() if timer is None else timer
        self._source = ModelSource() if source is None else source
        self._model = model
        self._encoder = encoder
        self._untruncated: Model | None = None
        self._rerankers: dict[str, Scorer] = {}
        self._ahead: dict[str, Future[Scorer]] = {}

    def with_encoder(self, encoder: Encoder) -> LoadedModel:
        """The same model with another encoder, such as a wrapper of this one's. Opens the model."""
        return LoadedModel(
            self._manifest,
            self.given_spec,
            timer=self._timer,
            source=self._source,
            model=self.model,
            encoder=encoder,
        )

    @property
    def model(self) -> Model:
        """The model, without its weights. Raises RecipeMismatch if its content is not the recipe's."""
        if self._model is None:
            recipe, spec = self._manifest.recipe, self.given_spec or self._manifest.spec
            remembered = nullcontext() if self.given_spec else opening_remembered(spec)
            with self._timer("model"), remembered:
                model = self._source.open(spec)
                if model.dim != recipe.dim:
                    try:
                        model = self._source.open(spec, recipe.dim)
                    except UsageError:  # of a dimension that nobody has asked for
                        check_model(recipe, model)
                        raise
                check_model(recipe, model)
            self._model = model
        return self._model

    def default_recipe(self) -> Recipe | None:
        """The recipe of a new index of the model with this one's chunker; None if it is not here."""
        options = RecipeOptions(chunker=self._manifest.recipe.chunker)
        try:
            return make_recipe(self._source.open(self.given_spec or self._manifest.spec), options)
        except QembedError:
            return None

    @property
    def note(self) -> str | None:
        """Message for the user on how the weights were loaded; None before, and if there is none."""
        return None if self._model is None else self._model.queries.note

    @property
    def encoder(self) -> Encoder:
        """Encoder of queries, loaded. Raises ModelUnavailable, RecipeMismatch for a server's other model."""
        if self._encoder is None:
            model, manifest = self.model.queries, self._manifest
            with self._timer("load"):
                encoder = self._source.encoder(model)
                if model.is_remote:
                    # no checksum tells what a server runs: the probe vectors do
                    check_probes(
                        encoder, manifest.probes, manifest.recipe, manifest.spec, model.spec
                    )
            self._encoder = encoder
        return self._encoder

    @cached_property
    def image_encoder(self) -> ImageEncoder:
        """Encoder of pictures, loaded. Raises ModelUnavailable, UsageError for a model of texts."""
        model = self.model
        with self._timer("load"):
            return model.image_encoder()

    @property
    def encoder_if_loaded(self) -> Encoder | None:
        """Encoder of queries, None before it is loaded. Safe to call from any thread."""
        return self._encoder

    @property
    def passage_encoder(self) -> Encoder:
        """Encoder of passages, loaded: `encoder`, unless they have other modules. Raises as `encoder`."""
        model = self.model
        return self.encoder if model.queries is model else self._source.encoder(model)

    def load_ahead(self, spec: str | None) -> None:
        """Begin to load a built-in reranker in a thread, beside what comes before its scores.

        `reranker` waits for it and raises its errors. Of others a thread of this kind would run foreign code.
        """
        if spec is None or spec in self._rerankers:
            return
        from concurrent.futures import Future

        from qembed.models.builtin.registry import BUILTIN

        if spec not in BUILTIN:
            return

        found: Future[Scorer] = Future()
        model = self.model

        def load() -> None:
            try:
                found.set_result(self._source.reranker(spec, model))
            except BaseException as e:
                found.set_exception(e)

        # daemon: a search that fails does not wait for it
        thread = threading.Thread(target=load, name="load reranker", daemon=True)
        with suppress(RuntimeError):  # no more threads: it is loaded when it is needed
            thread.start()
            self._ahead[spec] = found

    def reranker(self, spec: str, progress: Progress | None = None) -> Scorer:
        """The reranker that `spec` names, opened once: a phase of `progress`. Tasks come with the pairs."""
        if spec not in self._rerankers:
            model = self.model
            if progress is not None:
                progress.phase(LOAD_RERANKER, "", None)
            with self._timer(LOAD_RERANKER), about("--rerank"):
                ahead = self._ahead.pop(spec, None)
                found = self._source.reranker(spec, model) if ahead is None else ahead.result()
                self._rerankers[spec] = found
        return self._rerankers[spec]

    def untruncated_reranker(self, spec: str) -> tuple[Model, Scorer]:
        """(the model with all its dimensions, the reranker opened with it), as without an index.

        Raises RecipeMismatch as `model` does.
        """
        model = self.model
        if self._untruncated is None:
            full = self._source.open(self.given_spec or self._manifest.spec)
            self._untruncated = model if full.dim == model.dim else full
        if self._untruncated is model:
            return model, self.reranker(spec)
        return self._untruncated, self._source.reranker(spec, self._untruncated)

    def encoder_text(self, title: str, text: str, label: str = "") -> str:
        """A passage's text as it was encoded."""
        recipe = self._manifest.recipe
        return passage_text(recipe.passage_text, recipe.title_rule, title, text, label)

    def reranker_text(self, title: str, text: str, label: str = "") -> str:
        """A passage with its title and without the encoder's prefixes, for cross-encoders."""
        return passage_text("{text}", self._manifest.recipe.title_rule, title, text, label)
