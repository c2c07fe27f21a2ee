"""Worker of a cluster: chunks and encodes the documents of an input shard, as the index's recipe wants it."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.errors import EngineError
from qembed.models import open_model
from qembed.models.encode_each import encode_each
from qembed.models.environment import limit_threads, share_cores
from qembed.pipeline.indexing.distributed.input_shards import unpack_documents
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.pipeline.progress import never
from qembed.pipeline.recipe import check_model, check_probes
from qembed.store import text_hash
from qembed.types import Recipe
from qembed.version import __version__

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.protocols import Encoder
    from qembed.types import Vectors

REFUSED = -1
"""Token count of a passage that the model gives no vector for."""


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of all workers of a run. `version`: of qembed, wanted of each; `probes`: the index's."""

    spec: str
    recipe: Recipe
    probes: Mapping[str, str]
    texts_per_call: int
    version: str = __version__

    def __call__(self) -> ShardEncoder:
        """Make a worker."""
        return ShardEncoder(self)


class ShardEncoder:
    """Worker with its model. Raises EngineError if this machine would make other passages, RecipeMismatch if
    its model gives other vectors, ModelUnavailable.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        limit_threads(1)  # there is a worker for each core
        share_cores()
        if settings.version != __version__:
            raise EngineError(
                f"{socket.gethostname()} has qembed {__version__}, this machine {settings.version}: install "
                "one version on all machines"
            )

    @cached_property
    def _model(self) -> Model:
        model = open_model(self._settings.spec, dim=self._settings.recipe.dim)
        check_model(self._settings.recipe, model)
        model.prepare(lambda _: None, never)
        return model

    @cached_property
    def _builder(self) -> PassageBuilder:
        return PassageBuilder(self._model, self._settings.recipe)

    @cached_property
    def _encoder(self) -> Encoder:
        encoder = self._model.encoder()
        check_probes(encoder, self._settings.probes, self._settings.recipe)
        return encoder

    def run(self, data: bytes) -> bytes:
        """Make the file of an input shard: passages with their vectors."""
        from qembed.store.vector_files.encoded_passages import EncodedDocuments, pack

        passages, texts = [], []
        for document, kind in unpack_documents(data):
            if (here := self._builder.chunker.kind_of(document.id)) != kind:
                raise EngineError(
                    f"{socket.gethostname()} cuts {document.id} as {here}, this machine as {kind}: install "
                    "the same extras of qembed on all machines"
                )
            found = self._builder.passages(document)
            passages.append(found)
            texts += self._builder.encoder_texts(document, found)
        hashes = [text_hash(t) for t in texts]
        tokens, vectors = self._encode(texts, hashes)
        return pack(EncodedDocuments(passages, hashes, tokens, vectors))

    def _encode(self, texts: Sequence[str], hashes: Sequence[bytes]) -> tuple[list[int], Vectors]:
        """Token counts and vectors of texts, each distinct one encoded once, the longest first."""
        import numpy as np

        dim = self._settings.recipe.dim
        vectors = np.zeros((len(texts), dim), np.float32)
        tokens = [REFUSED] * len(texts)
        groups: dict[bytes, list[int]] = {}
        for i, key in enumerate(hashes):
            groups.setdefault(key, []).append(i)
        order = sorted(groups.values(), key=lambda group: -len(texts[group[0]]))
        if not order:
            return tokens, vectors
        size = self._encoder.info.preferred_batch or self._settings.texts_per_call
        for begin in range(0, len(order), size):
            part = order[begin : begin + size]
            distinct = [texts[group[0]] for group in part]
            found, refused = encode_each(self._encoder, distinct, dim)
            for n, (group, count) in enumerate(zip(part, self._model.count(distinct), strict=True)):
                if n in refused:
                    continue
                vectors[group] = found[n]
                for i in group:
                    tokens[i] = count
        return tokens, vectors
