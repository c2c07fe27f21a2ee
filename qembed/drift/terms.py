"""New terms: those in more of the new documents than chance explains, by their log-likelihood ratio.

For a term in a of n new and b of m old documents, G2 = 2 * sum O ln(O / E) over the four cells of the table
of documents with and without it (Dunning 1993, Accurate methods for the statistics of surprise and
coincidence). Documents are counted, not occurrences: one text that repeats a word says no more than one. The
test's statistic is the sum of the LARGEST ones of any terms, so that p holds for all terms together. A term
counts as new if its G2 exceeds what the largest one of any exceeds in 5 % of the permutations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import TestResult, permutation_test

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values

    Hashes = npt.NDArray[np.uint32]

LEAST_DOCUMENTS = 3
"""Documents, old and new, that a term must be in."""
LARGEST = 5
"""Terms whose G2 is summed: the largest one alone has few values where documents are few, and many ties."""
BLOCK = 64
"""Permutations that are counted at a time."""


class Term(NamedTuple):
    """Term of new documents. `hash`; `new`, `old`: shares of the documents that have it; `g2`."""

    hash: int
    new: float
    old: float
    g2: float


class TermsFound(NamedTuple):
    """New terms, the most telling first. `critical`: the G2 above which a term is new. `effect`: share of
    the new documents that have a new term, less that of the old ones.
    """

    effect: float
    terms: list[Term]
    critical: float
    test: TestResult


class TermTable:
    """Documents and their terms as a sparse matrix; terms of fewer than LEAST_DOCUMENTS are left out."""

    def __init__(self, documents: Sequence[Hashes]) -> None:
        import numpy as np
        from scipy.sparse import csr_matrix

        flat = np.concatenate(documents) if documents else np.zeros(0, dtype=np.uint32)
        names, column = np.unique(flat, return_inverse=True)
        in_documents = np.bincount(column, minlength=len(names))
        kept = in_documents >= LEAST_DOCUMENTS
        place = np.cumsum(kept) - 1
        row = np.repeat(np.arange(len(documents)), [len(d) for d in documents])
        used = kept[column]
        self.hashes = names[kept]
        self.in_documents = in_documents[kept]
        self.matrix = csr_matrix(
            (np.ones(int(used.sum()), dtype=np.float32), (place[column[used]], row[used])),
            shape=(len(self.hashes), len(documents)),
        )
        """Terms by documents, 1 where a document has the term."""

    def g2(self, labels: Labels) -> npt.NDArray[np.float32]:
        """G2 of each term for each labelling of documents, 0 if it is not more frequent in the labelled:
        float32 (terms, n). All rows of `labels` have the same number of labelled documents.
        """
        import numpy as np

        new = int(labels[0].sum())
        counts = np.asarray(self.matrix @ labels.T).astype(np.int32)
        sizes, which = np.unique(self.in_documents, return_inverse=True)
        ends = np.concatenate([[0], np.cumsum(sizes + 1)])
        table = np.concatenate(
            [g2_of_counts(np.arange(d + 1), int(d), new, labels.shape[1]) for d in sizes]
            or [np.zeros(0)]
        ).astype(np.float32)
        return np.asarray(table[ends[which][:, None] + counts], dtype=np.float32)

    def best(self, labels: Labels, limit: int) -> list[Term]:
        """Terms of the labelled documents, at most `limit`, the largest G2 first. `labels`: (documents,)."""
        import numpy as np

        g2 = self.g2(labels[None])[:, 0]
        new = int(labels.sum())
        counts = np.asarray(self.matrix @ labels).astype(np.int64)
        order = np.lexsort((self.hashes, -counts, -g2))[:limit]
        return [
            Term(
                int(self.hashes[i]),
                int(counts[i]) / max(1, new),
                int(self.in_documents[i] - counts[i]) / max(1, len(labels) - new),
                float(g2[i]),
            )
            for i in order
            if g2[i] > 0
        ]


def g2_of_counts(
    a: npt.NDArray[np.int64], containing: int, new: int, documents: int
) -> npt.NDArray[np.float64]:
    """G2 of terms in `a` of `new` documents and in `containing` of all `documents`; 0 below expectation."""
    import numpy as np
    from scipy.special import xlogy

    a = np.asarray(a, dtype=np.float64)
    old, b = documents - new, containing - a
    cells = (a, b, new - a, old - b)
    margins = (
        (containing, new),
        (containing, old),
        (documents - containing, new),
        (documents - containing, old),
    )
    possible = (a <= new) & (b <= old)
    total = np.zeros(len(a))
    for cell, (row, column) in zip(cells, margins, strict=True):
        cell = np.where(possible, cell, 0)
        total += xlogy(cell, cell) - xlogy(cell, row * column / documents)
    return np.where(possible & (a * documents > containing * new), np.maximum(2 * total, 0), 0.0)


def new_terms(
    old: Sequence[Hashes], new: Sequence[Hashes], labels: Labels, limit: int = 40
) -> TermsFound:
    """Find the terms of new documents. `old`, `new`: hashes of the distinct terms of each document."""
    import numpy as np

    table = TermTable([*old, *new])

    largest: list[Values] = []

    def sums(labels: Labels) -> Values:
        found = []
        for i in range(0, len(labels), BLOCK):
            g2 = table.g2(labels[i : i + BLOCK])
            if len(g2) > LARGEST:
                g2 = np.partition(g2, len(g2) - LARGEST, axis=0)[-LARGEST:]
            found.append(g2.sum(axis=0) if len(g2) else np.zeros(g2.shape[1]))
            largest.append(g2.max(axis=0) if len(g2) else np.zeros(g2.shape[1]))
        return np.concatenate(found).astype(np.float64)

    test = permutation_test(sums, labels)
    critical = float(np.quantile(np.concatenate(largest)[1:], 0.95, method="higher"))
    beyond = table.g2(labels[:1])[:, 0] > critical
    has = np.asarray(table.matrix.T @ beyond.astype(np.float32)) > 0
    effect = float(has[len(old) :].mean() - has[: len(old)].mean())
    return TermsFound(effect, table.best(labels[0], limit), critical, test)
