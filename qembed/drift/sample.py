"""Sample of one side of a comparison: passages, grouped by the document that they are parts of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

    Counts = npt.NDArray[np.int64]

MOST_DOCUMENTS = 1000
"""Documents of a sample, at most. Beyond, tests see no less and cost the square."""
MOST_PASSAGES = 2
"""Passages of a document in a sample, at most."""
LEAST_PASSAGES = 100
"""Passages, old or new, below which nothing is said."""
LEAST_DOCUMENTS = 20
"""Documents, old or new, below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Passages of one side, in order of their documents.

    `vectors`: float32 (n, dim). `document`: number of each passage's document, int64 (n,), from 0, ascending
    and without gaps. `words`, `pieces`, `unread`: of each passage, int64 (n,): its words, the pieces that the
    model's tokenizer cuts them into (an unread word counts as its characters), and the words that it
    cannot read. `terms`: hashes of each passage's distinct terms, uint32. `scripts`: (words, unread words)
    by script, for each passage.
    """

    vectors: Vectors
    document: Counts
    words: Counts
    pieces: Counts
    unread: Counts
    terms: list[npt.NDArray[np.uint32]]
    scripts: list[dict[str, tuple[int, int]]]

    @property
    def documents(self) -> int:
        """Number of documents."""
        return int(self.document[-1]) + 1 if len(self.document) else 0


def per_document(sample: Sample, values: Any) -> Any:
    """Sums of passages' values by document, float64 (documents, …)."""
    import numpy as np

    starts = np.searchsorted(sample.document, np.arange(sample.documents))
    return np.add.reduceat(np.asarray(values, dtype=np.float64), starts, axis=0)


def document_vectors(sample: Sample) -> Vectors:
    """Mean direction of each document's passages, float32 (documents, dim), of length 1."""
    import numpy as np

    sums = per_document(sample, sample.vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float32)


def document_terms(sample: Sample) -> list[npt.NDArray[np.uint32]]:
    """Hashes of the distinct terms of each document."""
    import numpy as np

    starts = np.searchsorted(sample.document, np.arange(sample.documents + 1))
    return [np.unique(np.concatenate(sample.terms[a:b])) for a, b in pairwise(starts)]
