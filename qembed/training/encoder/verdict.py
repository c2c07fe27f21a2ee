"""Verdict on a trained encoder: the same queries before and after, and what must not be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.pipeline.experiments.inputs import read_collection, read_inputs
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import encode
from qembed.training.judging import (
    ALIKE,
    Pool,
    Side,
    compare_sides,
    documents_pool,
    mean_cosine,
    measure,
    neighbour_overlap,
)
from qembed.types import Qrels, Query

if TYPE_CHECKING:
    from qembed.models.profiles import Profile


class Judge:
    """Measures a model on the pool, and on the collection that must not be forgotten."""

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
        self._progress = progress
        self._kept: tuple[Pool, list[Query], Qrels] | None = None
        if keep is not None:
            given = read_inputs(None, None, keep, "test", needs_words=True, warn=lambda _: None)
            assert given.corpus is not None
            judged = [q for q in given.queries if given.qrels.get(q.id)]
            wanted = {d for q in judged for d in given.qrels[q.id]}
            pool = documents_pool(read_collection(given.corpus), wanted, profile)
            self._kept = pool, judged, given.qrels

    def measure(self, phase: str, model: Any) -> tuple[Side, Side | None]:
        """Results on the pool, and on what must be kept, if there is such a collection."""
        self._progress.phase(phase, "passages", None)
        own = measure(
            lambda t: encode(model, t), self._pool, self._queries, self._qrels, self._profile
        )
        if self._kept is None:
            return own, None
        pool, queries, qrels = self._kept
        return own, measure(lambda t: encode(model, t), pool, queries, qrels, self._profile)

    def kept(
        self, before: tuple[Side, Side | None], after: tuple[Side, Side | None]
    ) -> dict[str, Any]:
        """Comparison on the collection to keep, or the share of kept neighbours without one."""
        if self._kept is not None and before[1] is not None and after[1] is not None:
            found = compare_sides(before[1], after[1], self._kept[1])
            assert found is not None
            return found
        return {"neighbours": neighbour_overlap(before[0].vectors, after[0].vectors)}


def worse(verdict: dict[str, Any], after: Side) -> str | None:
    """Reason for which a model is not written, None if it is not worse."""
    alike = mean_cosine(after.vectors)
    if alike > ALIKE:
        return (
            f"the vectors are all alike (mean cosine {alike:.3f}): the training collapsed, as it does "
            "without negatives"
        )
    new, kept = verdict["new"], verdict["kept"]
    if new["gain"] < 0:
        return (
            f"on new documents {new['measure']} fell from {new['before']:.4f} to {new['after']:.4f}"
        )
    if "gain" in kept and kept["gain"] < 0 and kept["p"] <= 0.05:
        return f"on --keep {kept['measure']} fell from {kept['before']:.4f} to {kept['after']:.4f}"
    return None
