"""Points of a map: which documents or passages are shown, and their vectors, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.vectors import normalize

if TYPE_CHECKING:
    from qembed.pipeline.corpus_map.request import MapRequest
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Rows, Vectors

MOST_PASSAGES = 256
"""Passages of a document whose mean is its vector; of more, so many evenly spread ones."""
BATCH_ROWS = 16_384
"""Passages whose vectors are in memory at a time, about."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a map, in the order of the catalog. `positions`: catalog position of each one's document.

    `first`, `count`: its rows, one for a passage; int64 (n,) all. `total`: how many there are in all.
    """

    positions: Rows
    first: Rows
    count: Rows
    total: int

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def is_sample(self) -> bool:
        """True if not all are shown."""
        return len(self) < self.total


def choose_points(session: Session, request: MapRequest) -> tuple[Points, list[str]]:
    """(points of a request, warnings of its filter). Raises UsageError where there are none.

    A sample of documents has the ones with the smallest digests: random, and mostly the same for the next
    generation. One of passages is drawn by the seed.
    """
    import numpy as np

    catalog = session.snapshot.catalog
    first, count = catalog.pointers()
    shown, warnings = count > 0, list[str]()
    if request.where:
        mask, warned = session.documents.filters.matching(request.where)
        shown, warnings = shown & mask, list(warned)
    at = np.flatnonzero(shown).astype(np.int64)
    if not len(at):
        why = "no document passes --where" if request.where else "the index has no text"
        hints = f" ({'; '.join(warnings)})" if warnings else ""
        raise UsageError(f"nothing to show: {why}{hints}")
    if request.by == "document":
        chosen = at
        if len(at) > request.limit:
            order = np.argsort(catalog.digest_keys()[at], kind="stable")
            chosen = np.sort(at[order[: request.limit]])
        return Points(chosen, first[chosen], count[chosen], len(at)), warnings
    counts = count[at]
    positions = np.repeat(at, counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.repeat(first[at], counts) + within
    kept = np.arange(len(rows))
    if len(rows) > request.limit:
        drawn = np.random.default_rng(request.seed).permutation(len(rows))[: request.limit]
        kept = np.sort(drawn)
    ones = np.ones(len(kept), dtype=np.int64)
    return Points(positions[kept], rows[kept], ones, len(rows)), warnings


def vector_batches(session: Session, points: Points) -> Iterator[Vectors]:
    """Yield the points' vectors in their order, float32 (n, dim) each: a document's is its mean direction."""
    import numpy as np

    used = np.minimum(points.count, MOST_PASSAGES)
    parts = np.cumsum(used) // BATCH_ROWS
    begins = np.flatnonzero(np.diff(parts, prepend=-1))
    for a, b in zip(begins.tolist(), [*begins[1:].tolist(), len(points)], strict=True):
        sizes = used[a:b]
        starts = np.cumsum(sizes) - sizes
        within = np.arange(sizes.sum()) - np.repeat(starts, sizes)
        step = np.repeat(points.count[a:b] / sizes, sizes)
        rows = np.repeat(points.first[a:b], sizes) + (within * step).astype(np.int64)
        yield normalize(np.add.reduceat(session.search.vectors(rows), starts, axis=0))
