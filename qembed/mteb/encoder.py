"""A model as mteb's `EncoderProtocol`, with the templates of its profile, for tasks of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models import Model, open_model
from qembed.mteb.library import model_meta, require_mteb
from qembed.mteb.texts import Kind, TextOptions, batch_texts, check_text_options, template_for
from qembed.pipeline.experiments.sts import encode_sentences
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import Progress

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models.model_meta import ModelMeta
    from mteb.types import PromptType

    from qembed.types import Vectors


def changed_settings(options: Any) -> dict[str, Any]:
    """Fields of a dataclass that differ from their defaults, as a model's description shows them."""
    found = {f.name: getattr(options, f.name) for f in fields(options) if f.init}
    default = type(options)()
    return {n: v for n, v in found.items() if v != getattr(default, n)}


class Encoder:
    """Model that `mteb.evaluate` takes.

    `model_name`: a spec as in `--model`; None: $QEMBED_MODEL, else minilm. `revision`: of a hub id. `dim`:
    truncate vectors to so many dimensions. `task`, `template`, `instruction`: as in `qembed query`.
    `task_prompts`: put the prompts of mteb's metadata into the template's `{task}`. `progress`:
    callbacks of encoding.
    """

    def __init__(
        self,
        model_name: str | None = None,
        revision: str | None = None,
        *,
        device: str | None = None,
        dim: int | None = None,
        task: str | None = None,
        template: str | None = None,
        instruction: bool = True,
        task_prompts: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Open the model, without its weights.

        Raises UsageError without mteb and for options that make no sense, ModelUnavailable.
        """
        require_mteb()
        self.spec = model_spec(model_name)
        self.model: Model = open_model(self.spec, dim=dim, revision=revision, device=device)
        self.options = TextOptions(task, template, instruction, task_prompts)
        check_text_options(self.options, self.model.profile)
        self.progress = progress or Progress()
        self._dim = dim
        self._meta: ModelMeta | None = None

    def settings(self) -> dict[str, Any]:
        """Settings beside the model that change scores."""
        cut = {} if self._dim is None else {"dim": self._dim}
        return {**cut, **changed_settings(self.options)}

    @property
    def mteb_model_meta(self) -> ModelMeta:
        """Description of the model, by which mteb keeps results apart."""
        if self._meta is None:
            self._meta = model_meta(self.model, self.settings())
        return self._meta

    def encode(
        self,
        inputs: Iterable[Mapping[str, Sequence[str]]],
        *,
        task_metadata: TaskMetadata,
        hf_split: str = "",
        hf_subset: str = "",
        prompt_type: PromptType | None = None,
        **options: Any,
    ) -> Vectors:
        """Vectors of a loader's texts, float32 (n, dim), rows of length 1.

        Raises UsageError for tasks without text and for a `precision` other than float32, EncodingError.
        """
        if (options.get("precision") or "float32") != "float32":
            raise UsageError(f"precision {options['precision']}: qembed's vectors are float32")
        kind: Kind = None if prompt_type is None else prompt_type.value
        template, task = template_for(self.model.profile, self.options, task_metadata, kind)
        texts = [t for batch in inputs for t in batch_texts(batch, kind, template, task)]
        model = self.model.queries if kind == "query" else self.model
        return encode_sentences(model.encoder(), texts, self.model.dim, self.progress)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines of all pairs, a tensor (n, m)."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines of pairs of the same position, a tensor (n,)."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)
