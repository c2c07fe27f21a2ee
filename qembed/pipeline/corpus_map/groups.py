"""Groups of a map: clusters of the vectors, the largest first, and the words that tell of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.terms import TermTable
from qembed.pipeline.text_profile.text_facts import term_hashes, written_forms
from qembed.projection.kmeans import fit_centres, nearest_centres
from qembed.projection.silhouette import clearest_number, tightest_centres

if TYPE_CHECKING:
    from qembed.pipeline.corpus_map.points import Points
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Rows, Vectors

MOST_GROUPS = 20
AXES = 5
"""First principal axes along which clear groups are looked for: on more, all points of a small corpus are far
from one another."""
CLEAR = 0.35
"""Mean silhouette along these axes of groups that are clear; those of one subject have less than .32."""
COMPARED = 2_000
"""Points that the number of clear groups is made of."""
POINTS_A_GROUP = 10
"""Groups where none are clear: the square root of the points divided by this, MOST_GROUPS at most."""
FITTED = 20_000
"""Points that centres are made of; the others belong to the nearest one."""
READ = 100
"""Points of a group whose texts are read for its words."""
TERMS = 15
"""Terms of a group that are looked at: several may be of one written word."""
WORDS = 5
PASSAGES = 2
"""First passages of a document that are read."""


class Group(NamedTuple):
    """Group of points. `words`: those that tell of it, the most telling first."""

    size: int
    words: list[str]


def number_of_groups(points: int) -> int:
    """Number of groups for so many points of which none are clear."""
    return max(1, min(MOST_GROUPS, round(math.sqrt(points / POINTS_A_GROUP))))


def find_groups(coordinates: Vectors, clusters: int, seed: int) -> Rows:
    """Group of each point, int64 (n,), from 0, the largest first. `coordinates`: float32 (n, k), along axes.

    `clusters`: at most so many, 0 for as many as are clear, and for a number by the points where none are.
    """
    import numpy as np

    step = -(-len(coordinates) // FITTED)
    clear = 0 if clusters else _clear_groups(coordinates, seed)
    if clear:
        first = np.ascontiguousarray(coordinates[:, :AXES])
        own = nearest_centres(first, tightest_centres(first[::step], clear, seed))
    else:
        k = clusters or number_of_groups(len(coordinates))
        own = nearest_centres(coordinates, fit_centres(coordinates[::step], k, seed))
    _, own = np.unique(own, return_inverse=True)
    sizes = np.bincount(own)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.asarray(rank[own], dtype=np.int64)


def _clear_groups(coordinates: Vectors, seed: int) -> int:
    """Number of groups that are clear, 0 without any."""
    import numpy as np

    step = -(-len(coordinates) // COMPARED)
    number, value = clearest_number(
        np.ascontiguousarray(coordinates[::step, :AXES]), MOST_GROUPS, seed
    )
    return number if value >= CLEAR else 0


def name_groups(session: Session, points: Points, own: Rows, seed: int) -> list[Group]:
    """Groups with their words: what stands in more of a group's texts than in those of the others."""
    import numpy as np

    sizes = np.bincount(own)
    rng = np.random.default_rng(seed)
    read = [rng.permutation(np.flatnonzero(own == g))[:READ] for g in range(len(sizes))]
    chosen = np.sort(np.concatenate(read))
    texts = _texts(session, points, chosen)
    table = TermTable([term_hashes(t) for t in texts])
    groups = own[chosen]
    best = [
        table.best((groups == g).astype(np.float32), TERMS) if len(sizes) > 1 else []
        for g in range(len(sizes))
    ]
    forms = written_forms((t.hash for terms in best for t in terms), texts)
    found = []
    for size, terms in zip(sizes.tolist(), best, strict=True):
        words = dict.fromkeys(forms[t.hash] for t in terms if t.hash in forms)
        found.append(Group(size, [w for w in words if _is_word(w)][:WORDS]))
    return found


def _is_word(form: str) -> bool:
    """True for a word; numbers and versions tell nobody what a group is about."""
    return 2 * sum(map(str.isalpha, form)) > len(form)


def _texts(session: Session, points: Points, chosen: Rows) -> list[str]:
    """Beginning of the text of each of the points at `chosen`."""
    import numpy as np

    counts = np.minimum(points.count[chosen], PASSAGES)
    ends = np.cumsum(counts)
    within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    passages = session.snapshot.passages(np.repeat(points.first[chosen], counts) + within)
    texts = [p.text for p in passages]
    return [
        "\n".join(texts[b - n : b]) for n, b in zip(counts.tolist(), ends.tolist(), strict=True)
    ]
