"""Dense search of an index of texts and pictures: each kind by itself, their scores on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.pipeline.filters import Allowed
from qembed.pipeline.retrieval.ties.searches import TiedVectorSearch
from qembed.protocols import Kind
from qembed.search.topk import distinct, top

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.index_search import IndexSearch
    from qembed.pipeline.retrieval.pictures.calibration import KindSamples
    from qembed.pipeline.retrieval.session import Session
    from qembed.search import Plan
    from qembed.search.dense.planner import Search
    from qembed.store import Snapshot
    from qembed.types import Rows, Scores, Vectors

KINDS: tuple[Kind, Kind] = ("text", "image")


def dense_search(session: Session) -> IndexSearch | KindSearch | TiedVectorSearch:
    """Search of a session by vectors: by kinds only where there are both, ties in the session's order."""
    samples = session.kinds
    kinds = None if samples is None else KindSearch(session, samples)
    if session.ties is not None:
        return TiedVectorSearch(session, session.ties, kinds)
    return session.search if kinds is None else kinds


def allow_kind(snapshot: Snapshot, allowed: Allowed | None, kind: Kind) -> Allowed | None:
    """Restrict rows to those of one kind; None stands for all rows."""
    import numpy as np

    if snapshot.pictures is None:
        if kind == "text":
            return allowed
        n = snapshot.manifest.next_row - snapshot.manifest.base
        none = np.zeros(n, dtype=bool), np.zeros(0, dtype=np.int64)
        return Allowed(*none, 0, ("--kind image: the index has no pictures",))
    mask = snapshot.pictures if kind == "image" else ~snapshot.pictures
    if allowed is not None:
        mask = mask & allowed.mask
    elif snapshot.live is not None:
        mask = mask & snapshot.live
    rows = np.flatnonzero(mask).astype(np.int64) + snapshot.manifest.base
    documents = len(distinct([snapshot.positions_of(rows)])) if len(rows) else 0
    return Allowed(mask, rows, documents, () if allowed is None else allowed.warnings)


def sample_kinds(snapshot: Snapshot, search: IndexSearch) -> KindSamples | None:
    """Samples of both kinds, the same ones for the same rows; None unless the index has both."""
    import numpy as np

    from qembed.pipeline.retrieval.pictures.calibration import SAMPLE, KindSamples
    from qembed.store.manifest import unpack_vectors
    from qembed.vectors import normalize

    if snapshot.pictures is None:
        return None
    whole = {kind: found for kind in KINDS if (found := allow_kind(snapshot, None, kind))}
    if len(whole) < 2 or not all(part.size for part in whole.values()):
        return None
    rng = np.random.default_rng(0)
    samples = []
    for kind in KINDS:
        rows = whole[kind].rows
        if len(rows) > SAMPLE:
            rows = np.sort(rng.choice(rows, SAMPLE, replace=False))
        samples.append(search.vectors(rows))
    manifest = snapshot.manifest
    probes = unpack_vectors(manifest.probes.get("vectors", ""), manifest.recipe.dim)
    more = normalize(np.array(probes[:, : samples[0].shape[1]]))
    return KindSamples(samples[0], samples[1], more, whole)


class KindSearch:
    """Dense search of both kinds for queries of words, in the place of IndexSearch."""

    def __init__(self, session: Session, samples: KindSamples) -> None:
        self._search = session.search
        self._snapshot = session.snapshot
        self._samples = samples

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """(the k best rows and calibrated cosines of each query vector; how they were found)."""
        parts = self._samples.whole if allowed is None else {}
        if not parts:
            for kind in KINDS:
                found = allow_kind(self._snapshot, allowed, kind)
                if found is not None and found.size:
                    parts[kind] = found
        if len(parts) < 2:
            return self._search.vector_search(vectors, k, wanted, ef, allowed)
        searched = {
            kind: self._search.vector_search(vectors, k, wanted, ef, part)
            for kind, part in parts.items()
        }
        merged = []
        for i, vector in enumerate(vectors):
            rows, scores = self._joined(vector, {n: s[0][i] for n, s in searched.items()})
            merged.append(top(rows, scores, k))
        return merged, searched["text"][1]

    def _joined(
        self, vector: Vectors, found: dict[str, tuple[Rows, Scores]]
    ) -> tuple[Rows, Scores]:
        import numpy as np

        rows = np.concatenate([r for r, _ in found.values()])
        scores = np.concatenate([s for _, s in found.values()])
        return rows, self.calibrated(vector, rows, scores)

    def cosines(self, vector: Vectors, rows: Rows) -> Scores:
        """Calibrated cosine of a query vector, float32 (dim,), with each of the rows, in their order."""
        return self.calibrated(vector, rows, self._search.cosines(vector, rows))

    def calibrated(self, vector: Vectors, rows: Rows, cosines: Scores) -> Scores:
        """Cosines with rows of both kinds on the scale of texts, float32 (n,)."""
        import numpy as np

        assert self._snapshot.pictures is not None
        texts = self._samples.scale(vector, of_pictures=False)
        pictures = self._samples.scale(vector, of_pictures=True)
        if texts is None or pictures is None:
            return cosines
        are_pictures = self._snapshot.pictures[rows - self._snapshot.manifest.base]
        moved = pictures.onto(texts, cosines)
        return np.where(are_pictures, moved, cosines).astype(np.float32)
