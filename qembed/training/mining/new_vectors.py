"""An index searched by the vectors of other weights: every passage is encoded again, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models import Model
from qembed.models.templates import passage_text
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.session import Session
from qembed.protocols import EncoderInfo

if TYPE_CHECKING:
    from qembed.types import Vectors

BATCH = 256
"""Passages that are read and encoded at a time."""


class _WeightsEncoder:
    """Encoder of weights in memory."""

    info = EncoderInfo()

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self._encode = encode

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (n, dim)."""
        return self._encode(texts)


def with_new_vectors(
    session: Session,
    model: Model,
    encode: Callable[[Sequence[str]], Vectors],
    progress: Progress | None = None,
) -> Session:
    """The same generation searched by vectors that `encode` makes now; nothing of the index's is used.

    `encode`: finished texts to unit vectors, float32 (n, dim). `model`: whose templates the texts get. The
    search by words stays. Raises KeyboardInterrupt.
    """
    import numpy as np

    progress = progress or Progress()
    snapshot, manifest = session.snapshot, session.snapshot.manifest
    rows = snapshot.rows_of(np.arange(len(snapshot.catalog.ids())))
    rule, template = manifest.recipe.title_rule, model.profile.passage
    progress.phase("encode again", "passages", len(rows))
    found = []
    for start in range(0, len(rows), BATCH):
        if progress.stop():
            raise KeyboardInterrupt
        part = rows[start : start + BATCH]
        passages, entries = session.documents.passages(part), session.documents.entries(part)
        texts = [
            passage_text(template, rule, e.title, p.text, p.label)
            for p, e in zip(passages, entries, strict=True)
        ]
        found.append(encode(texts))
        progress.advance(len(part))
    made = np.concatenate(found) if found else np.zeros((0, model.dim), dtype=np.float32)
    # dead rows stay zero, the search leaves them out
    matrix = np.zeros((manifest.next_row - manifest.base, made.shape[1]), dtype=np.float32)
    matrix[rows - manifest.base] = made
    return session.with_parts(
        loaded=LoadedModel(manifest, model=model, encoder=_WeightsEncoder(encode)),
        search=IndexSearch(snapshot, parts=[(manifest.base, matrix)]),
    )
