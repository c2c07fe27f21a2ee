"""One side of a comparison: a sample of passages with their counts, texts and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qembed.drift.sample import LEAST_DOCUMENTS, Sample

if TYPE_CHECKING:
    from qembed.pipeline.text_profile.text_facts import TextFacts
    from qembed.types import Rows, Vectors


@dataclass(frozen=True, slots=True)
class Side:
    """Side of a comparison. `documents`, `passages`: all of them; the others are of the sample.

    `facts`, `texts`, `ids`: of each sampled passage; `texts` are empty where nobody quotes them. `times`:
    of each passage's document, nanoseconds since 1970, 0 where not known. `first`, `last`: of all documents.
    """

    sample: Sample
    documents: int
    passages: int
    facts: list[TextFacts]
    texts: list[str]
    ids: list[str]
    times: list[int] = field(default_factory=list)
    first: int = 0
    last: int = 0

    @property
    def distinct_documents(self) -> int:
        """Number of documents, without copies where these leave too few to compare."""
        sampled = self.sample.documents
        return sampled if sampled < LEAST_DOCUMENTS else self.documents

    def passages_of(self, document: int) -> list[int]:
        """Numbers of the passages of a document of the sample."""
        import numpy as np

        a, b = np.searchsorted(self.sample.document, [document, document + 1])
        return list(range(int(a), int(b)))


def make_sample(vectors: Vectors, unit: Rows, facts: Sequence[TextFacts]) -> Sample:
    """Make a sample of vectors, the numbers of their documents and the counts of their texts."""
    import numpy as np

    counts = [(f.words, f.pieces, f.unread) for f in facts]
    columns = np.array(counts, dtype=np.int64).reshape(-1, 3)
    return Sample(
        vectors,
        unit,
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        [f.terms for f in facts],
        [f.scripts for f in facts],
    )


def without_copies(vectors: Vectors, unit: Rows) -> Rows:
    """Numbers of the passages that are kept: those of documents whose vectors no earlier one has.

    Copies of a text under another title or date would count as evidence again. int64 (n,), ascending.
    """
    import numpy as np

    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    ends = [*starts[1:].tolist(), len(unit)][: len(starts)]
    seen: set[bytes] = set()
    kept: list[int] = []
    for a, b in zip(starts.tolist(), ends, strict=True):
        content = np.ascontiguousarray(vectors[a:b]).tobytes()
        if content not in seen:
            seen.add(content)
            kept += range(a, b)
    return np.array(kept, dtype=np.int64)


def numbered(unit: Rows) -> Rows:
    """Numbers of documents without gaps, from 0, in their order."""
    import numpy as np

    return np.unique(unit, return_inverse=True)[1].astype(np.int64)
