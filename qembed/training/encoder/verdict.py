"""Verdict on a trained encoder: the same queries before and after, and what must not be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.pipeline.experiments.inputs import read_collection, read_inputs
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import encode
from qembed.training.general_text import general_passages
from qembed.training.judging import (
    Pool,
    Side,
    collapsed,
    compare_sides,
    documents_pool,
    fell,
    measure,
    neighbour_overlap,
)
from qembed.types import Qrels, Query

if TYPE_CHECKING:
    from qembed.models.profiles import Profile
    from qembed.types import Vectors

COUNTED = 128
"""Texts that are encoded between two steps of the progress."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of one model. `own`: on the pool. `kept`: on the collection to keep, None without one.

    `general`: vectors of the general sentences, float32 (n, dim).
    """

    own: Side
    kept: Side | None
    general: Vectors


class Judge:
    """Measures a model on the pool, and on what must not be forgotten: a collection, else general text."""

    def __init__(
        self,
        pool: Pool,
        queries: Sequence[Query],
        qrels: Qrels,
        profile: Profile,
        keep: Path | None,
        progress: Progress,
    ) -> None:
        self._pool, self._queries, self._qrels = pool, queries, qrels
        self._profile = profile
        self._general = general_passages(profile.passage)
        self._progress = progress
        self._kept: tuple[Pool, list[Query], Qrels] | None = None
        if keep is not None:
            given = read_inputs(None, None, keep, "test", needs_words=True, warn=lambda _: None)
            assert given.corpus is not None
            judged = [q for q in given.queries if given.qrels.get(q.id)]
            wanted = {d for q in judged for d in given.qrels[q.id]}
            pool = documents_pool(read_collection(given.corpus), wanted, profile)
            self._kept = pool, judged, given.qrels

    def before(self, model: Any) -> Measured:
        """Results of a model that was not trained yet."""
        return self._measure("judge before", model, self._pool.vectors)

    def after(self, model: Any) -> Measured:
        """Results of a model as it is now."""
        return self._measure("judge after", model, None)

    def _measure(self, phase: str, model: Any, vectors: Vectors | None) -> Measured:
        import numpy as np

        total = len(self._queries) + len(self._general)
        total += len(self._pool.texts) if vectors is None else 0
        if self._kept is not None:
            total += len(self._kept[0].texts) + len(self._kept[1])
        self._progress.phase(phase, "texts", total)

        def counted(texts: Sequence[str]) -> Vectors:
            """Vectors of texts, counted as they come."""
            found = []
            for at in range(0, len(texts), COUNTED):
                if self._progress.stop():
                    raise KeyboardInterrupt
                found.append(encode(model, texts[at : at + COUNTED]))
                self._progress.advance(len(found[-1]))
            return np.concatenate(found) if found else encode(model, [])

        own = measure(
            counted,
            self._pool,
            self._queries,
            self._qrels,
            self._profile,
            vectors,
        )
        kept = None
        if self._kept is not None:
            pool, queries, qrels = self._kept
            kept = measure(counted, pool, queries, qrels, self._profile)
        return Measured(own, kept, counted(self._general))

    def kept(self, before: Measured, after: Measured) -> dict[str, Any]:
        """Comparison on the collection to keep; without one, the share of neighbours that are kept."""
        if self._kept is not None and before.kept is not None and after.kept is not None:
            found = compare_sides(before.kept, after.kept, self._kept[1])
            assert found is not None
            return found
        overlap = neighbour_overlap(before.general, after.general)
        return {"neighbours": overlap, "of": "general sentences"}


def worse(verdict: dict[str, Any], before: Side, after: Side) -> str | None:
    """Reason for which a model is not written, None if it is not worse."""
    return collapsed(before, after) or fell(verdict)
