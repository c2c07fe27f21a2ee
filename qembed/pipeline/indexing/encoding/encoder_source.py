"""Model of an indexing run: its encoder and the probe vectors that the manifest keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.errors import about
from qembed.pipeline.indexing.encoding.image_probes import (
    IMAGES,
    check_image_probes,
    image_probes,
)
from qembed.pipeline.progress import Progress, StageTimer
from qembed.pipeline.recipe import check_model, check_probes
from qembed.store.manifest import PROBE_TEXTS, pack_vectors
from qembed.types import Recipe

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.protocols import Encoder, ImageEncoder


def open_model_with_dim(spec: str, dim: int | None, stop: Callable[[], bool]) -> Model:
    """Open a model, with vectors truncated to `dim` dimensions if that is given.

    `stop`: polled while a server is given time to say its dimensions; True raises KeyboardInterrupt.
    """
    model = _open(spec, None, stop)
    return model if dim in (None, model.dim) else _open(spec, dim, stop)


def _open(spec: str, dim: int | None, stop: Callable[[], bool]) -> Model:
    from qembed.models import open_model

    with about("--model"):
        model = open_model(spec, dim=dim)
        if model.is_remote:
            model.prepare(lambda _: None, stop)
    return model


class EncoderSource:
    """Opened model, whose weights are loaded when its encoder or new probe vectors are first needed.

    `probes`: those of the manifest, empty for a new index. Raises RecipeMismatch if `model` is not the
    model of the recipe.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        probes: Mapping[str, str],
        progress: Progress,
        timer: StageTimer,
    ) -> None:
        check_model(recipe, model)
        self.model = model
        self._recipe = recipe
        self._probes = dict(probes)
        self._progress = progress
        self._timer = timer
        self._encoder: Encoder | None = None
        if model.warning:
            progress.say(model.warning)

    @property
    def encoder(self) -> Encoder:
        """Loaded encoder. Raises RecipeMismatch if its vectors differ from the probe vectors."""
        if self._encoder is None:
            self._encoder = self._load()
            check_probes(self._encoder, self._probes, self._recipe)
        return self._encoder

    @cached_property
    def image_encoder(self) -> ImageEncoder:
        """Loaded encoder of pictures. Raises as `encoder`; the probes gain those of pictures."""
        with self._timer("load"):
            encoder = self.model.image_encoder()
        check_image_probes(encoder, self._probes, self._recipe)
        if IMAGES not in self._probes:
            self._probes[IMAGES] = image_probes(encoder)
        return encoder

    def _load(self) -> Encoder:
        self._progress.say(f"loading {self.model.name}")
        self._progress.phase("load the model", "", None)
        with self._timer("export"):
            self.model.prepare(self._progress.say, self._progress.stop)
        with self._timer("load"):
            encoder = self.model.encoder()
        if self.model.note:
            self._progress.say(self.model.note)
        return encoder

    def probes(self) -> Mapping[str, str]:
        """Return the probe vectors for the manifest; for a new index they are encoded now.

        Those of pictures are added to it once these are encoded.
        """
        if not self._probes:
            self._probes["vectors"] = pack_vectors(self.encoder.encode(list(PROBE_TEXTS)))
        return self._probes

    def release(self) -> None:
        """Drop the weights."""
        self._encoder = None
        self.__dict__.pop("image_encoder", None)
        self.model.release()
