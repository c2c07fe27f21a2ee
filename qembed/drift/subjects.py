"""New subjects: compact groups of documents most of which are new, by a scan statistic.

Around each document, old or new, stand its nearest ones, 5 of them, 8, 12 and so on. A group of m documents
of which k are new has the log-likelihood ratio of its share k / m against the share of all others
(Kulldorff 1997, A spatial scan statistic). The test's statistic is the largest ratio of any group, and its
permutations exchange the labels: the groups stay, since they do not depend on labels. So p holds for all
groups and sizes together, and a group counts as found if its ratio exceeds what the largest one exceeds in
5 % of the permutations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import TestResult, permutation_test

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values
    from qembed.types import Vectors

    Ints = npt.NDArray[np.int64]

SIZES = (5, 8, 12, 20, 32, 50, 80, 128, 200)
MOST_OF_ALL = 0.25
"""Share of all documents that a group has at most."""
MOST_SUBJECTS = 5
APART = 0.9
"""Quantile of the cosines of any documents, below which the documents of two clusters are two subjects."""
PAIRS = 500
"""Documents whose cosines give that quantile."""
CENTRAL = 3
BLOCK = 256
"""Documents whose nearest ones are counted at a time."""
GROWN = 0.1
"""Share of the old documents in a group, as a part of the new ones' share, above which it is no new subject
but one that has grown."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Group of new documents. `members`, `central`: numbers of new documents; the central ones first.

    `share`: of the new documents; `old_share`: of the old ones that stand among them; `ratio`: its
    log-likelihood ratio.
    """

    members: Ints
    central: Sequence[int]
    share: float
    old_share: float
    ratio: float

    @property
    def is_new(self) -> bool:
        """True if hardly any old document is there; else a subject has grown."""
        return self.old_share <= GROWN * self.share


class SubjectsFound(NamedTuple):
    """New subjects, the largest ratio first. `effect`: share of the new documents in them, less that of
    the old ones.
    """

    effect: float
    subjects: list[Subject]
    test: TestResult


class Neighbours:
    """Nearest documents of each, itself first. `sizes`: of the groups; `nearest`: int64 (n, largest size)."""

    def __init__(self, vectors: Vectors) -> None:
        """Find the nearest documents. `vectors`: float32 (n, dim) of length 1, old and new together."""
        import numpy as np

        n = len(vectors)
        self.sizes = [m for m in SIZES if m <= max(SIZES[0], MOST_OF_ALL * n)]
        most = min(self.sizes[-1], n)
        self.nearest = np.empty((n, most), dtype=np.int64)
        for first in range(0, n, BLOCK):
            cosines = vectors[first : first + BLOCK] @ vectors.T
            rows = np.arange(len(cosines))
            cosines[rows, first + rows] = 2  # itself, before copies of it
            found = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
            order = np.argsort(-np.take_along_axis(cosines, found, 1), axis=1, kind="stable")
            self.nearest[first : first + BLOCK] = np.take_along_axis(found, order, 1)

    def ratios(self, labels: Labels) -> npt.NDArray[np.float32]:
        """Largest ratio of any group, for each labelling: float32 (n,)."""
        import numpy as np

        n, new = labels.shape[1], int(labels[0].sum())
        tables = [ratio_table(m, new, n) for m in self.sizes]
        columns = np.ascontiguousarray(labels.T.astype(np.uint8))
        best = np.zeros(len(labels), dtype=np.float32)
        for first in range(0, n, BLOCK):
            for counts, table in zip(self._counts(columns, first), tables, strict=True):
                np.maximum(best, table[counts].max(axis=0), out=best)
        return best

    def _counts(self, columns: npt.NDArray[np.uint8], first: int) -> list[npt.NDArray[np.uint8]]:
        """Labelled documents of the groups around a block of documents, one array a size."""
        import numpy as np

        nearest = self.nearest[first : first + BLOCK]
        counts = np.zeros((len(nearest), columns.shape[1]), dtype=np.uint8)
        found, begin = [], 0
        for m in self.sizes:
            for rank in range(begin, m):
                counts += columns[nearest[:, rank]]
            found.append(counts.copy())
            begin = m
        return found

    def groups(self, labels: Labels) -> list[tuple[float, int, int]]:
        """(ratio, document, size) of all groups of one labelling with a ratio above 0, the largest first."""
        import numpy as np

        n, new = labels.shape[1], int(labels[0].sum())
        columns = np.ascontiguousarray(labels[:1].T.astype(np.uint8))
        found = []
        for first in range(0, n, BLOCK):
            for m, counts in zip(self.sizes, self._counts(columns, first), strict=True):
                ratios = ratio_table(m, new, n)[counts[:, 0]]
                found += [(float(r), first + i, m) for i, r in enumerate(ratios) if r > 0]
        return sorted(found, key=lambda g: (-g[0], g[1], g[2]))


def ratio_table(size: int, new: int, n: int) -> npt.NDArray[np.float32]:
    """Log-likelihood ratio of a group with k new documents, by k: float32 (size + 1,); 0 below expectation.

    `size`: documents of the group; `new` of `n` documents are new.
    """
    import numpy as np
    from scipy.special import xlogy

    k = np.arange(size + 1, dtype=np.float64)
    outside = new - k
    rest = n - size - outside
    possible = (outside >= 0) & (rest >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = xlogy(k, k / size) + xlogy(size - k, 1 - k / size)
        others = n - size
        beyond = xlogy(outside, outside / others) + xlogy(rest, rest / others) if others else 0 * k
    whole = float(xlogy(new, new / n) + xlogy(n - new, 1 - new / n))
    higher = possible & (k * n > size * new)
    return np.where(higher, np.maximum(inside + beyond - whole, 0), 0).astype(np.float32)


def new_subjects(old: Vectors, new: Vectors, labels: Labels) -> SubjectsFound:
    """Find new subjects. `old`, `new`: vectors of the documents, float32 (n, dim), of length 1."""
    import numpy as np

    vectors = np.concatenate([old, new])
    neighbours = Neighbours(vectors)

    def largest(labels: Labels) -> Values:
        return neighbours.ratios(labels).astype(np.float64)

    test = permutation_test(largest, labels)
    critical = test.critical
    covered: set[int] = set()
    n = len(vectors)

    def ratio_of(group: Iterable[int]) -> float:
        """Log-likelihood ratio of a group; documents from len(old) on are new."""
        is_new = [i >= len(old) for i in group]
        return float(ratio_table(len(is_new), len(new), n)[sum(is_new)])

    for ratio, document, size in neighbours.groups(labels):
        if ratio <= critical:
            break
        rest = set(neighbours.nearest[document, :size].tolist()) - covered
        if rest and ratio_of(rest) > critical:  # else what it adds may be chance
            covered |= rest
    groups = [(ratio_of(g), g) for g in _separate(vectors, sorted(covered))] if covered else []
    subjects = [
        _subject(ratio, group, vectors, len(old))
        for ratio, group in sorted(groups, key=lambda g: (-g[0], g[1]))[:MOST_SUBJECTS]
        if ratio > critical
    ]
    if covered and not subjects:  # significant as a whole only
        subjects = [_subject(ratio_of(covered), sorted(covered), vectors, len(old))]
    effect = sum(s.share - s.old_share for s in subjects)
    return SubjectsFound(effect, subjects, test)


def _separate(vectors: Vectors, members: list[int]) -> list[list[int]]:
    """Divide documents into subjects: clusters by average linkage.

    Two clusters are one subject if their cosines are on average above the APART quantile of any documents'.
    """
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(members) < 2:
        return [members]
    chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), PAIRS)).astype(np.int64)
    some = vectors[chosen]
    cosines = (some @ some.T)[np.triu_indices(len(some), 1)]
    limit = 1 - float(np.quantile(cosines, APART))
    apart = np.maximum(1 - vectors[members] @ vectors[members].T, 0).astype(np.float64)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform((apart + apart.T) / 2), method="average")
    cluster = fcluster(tree, max(limit, 0.0), criterion="distance")
    return [[members[i] for i in np.flatnonzero(cluster == c)] for c in np.unique(cluster)]


def _subject(ratio: float, group: Sequence[int], vectors: Vectors, old: int) -> Subject:
    import numpy as np

    members = np.array([i for i in group if i >= old], dtype=np.int64)
    near = vectors[members] @ vectors[members].mean(axis=0)
    order = np.argsort(-near, kind="stable")
    ours = members[order] - old
    return Subject(
        ours,
        ours[:CENTRAL].tolist(),
        len(members) / (len(vectors) - old),
        (len(group) - len(members)) / old,
        ratio,
    )
