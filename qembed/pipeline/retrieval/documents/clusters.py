"""Clusters of duplicates: groups of passages as they stand, and documents by the groups they share."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.documents.duplicates import Member
from qembed.search.dense.components import Components
from qembed.types import Hit, Passage

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.documents.passage_groups import PassageGroups
    from qembed.pipeline.retrieval.session import Session
    from qembed.store import CatalogEntry
    from qembed.types import Rows

Clusters = Sequence[Sequence[Member]]


# ── passages ─────────────────────────────────────────────────────────────────────────────────────


def passage_clusters(session: Session, groups: PassageGroups) -> Clusters:
    """Groups of at least two passages, in the order of the index."""
    found = []
    for at in _clusters(groups.labels):
        rows = groups.rows[at]
        vectors = session.search.vectors(rows)
        cosines = (vectors @ vectors[0]).tolist()
        passages = session.documents.passages(rows)
        entries = session.documents.entries(rows)
        hashes = [groups.hashes[i].tobytes() for i in at.tolist()]
        members = []
        for i, (passage, entry) in enumerate(zip(passages, entries, strict=True)):
            same = hashes[i] == hashes[0]
            score = 1.0 if same else min(1.0, cosines[i])
            members.append(_member(session, entry, score, same and i > 0, passage))
        found.append(members)
    return found


def _clusters(labels: Rows) -> Iterator[Rows]:
    """Positions with the same label, int64, of each label that several have."""
    import numpy as np

    order = np.argsort(labels, kind="stable")
    begins = np.flatnonzero(np.diff(labels[order], prepend=-1))
    for part in np.split(order, begins[1:]):
        if len(part) > 1:
            yield part


def _member(
    session: Session, entry: CatalogEntry, score: float, is_copy: bool, passage: Passage | None
) -> Member:
    path = session.documents.path_of(entry.source, entry.file)
    place = passage or Passage(entry.id, 0, 0, 0, "", 1, 1)
    line, _ = session.documents.file_lines(entry, place)
    fragment = Hit(entry.id, path, entry.title, place, 0.0, {}, {}).fragment
    if passage is None and entry.line is None:
        line = None  # all of a file; a record has a line of its own
    return Member(
        document=entry.id,
        path=path,
        fragment=fragment,
        line=line,
        title=entry.title,
        score=score,
        is_copy=is_copy,
        passages=entry.rows,
        passage=passage,
    )


# ── documents ────────────────────────────────────────────────────────────────────────────────────


def document_clusters(
    session: Session, groups: PassageGroups, share: float
) -> tuple[Clusters, int]:
    """(documents that share most of their passages' groups, the number of documents compared)."""
    import numpy as np

    if not len(groups.rows):
        return [], 0
    documents = session.snapshot.positions_of(groups.rows)
    begins = np.flatnonzero(np.diff(documents, prepend=-1))
    # passages of a document have consecutive rows
    parts = [part.tolist() for part in np.split(groups.labels, begins[1:])]
    joined = Components(len(parts))
    for a, b in _similar_sets(parts, share):
        joined.join(np.array([a], dtype=np.int64), np.array([b], dtype=np.int64))
    ends = np.append(begins[1:], len(groups.rows))
    found = []
    for at in _clusters(joined.labels()):
        spans = [(int(begins[i]), int(ends[i])) for i in at.tolist()]
        found.append(_document_members(session, groups, documents, spans))
    return found, len(parts)


def _document_members(
    session: Session, groups: PassageGroups, documents: Rows, spans: Sequence[tuple[int, int]]
) -> list[Member]:
    """Members of a cluster of documents. `spans`: positions of the passages of each."""
    entries = session.snapshot.catalog.take(documents[[begin for begin, _ in spans]])
    begin, end = spans[0]
    first = session.search.vectors(groups.rows[begin:end])
    first_hashes = groups.hashes[begin:end].tobytes()
    members: list[Member] = []
    for entry, (begin, end) in zip(entries, spans, strict=True):
        same = groups.hashes[begin:end].tobytes() == first_hashes
        score = 1.0
        if not same:
            cosines = first @ session.search.vectors(groups.rows[begin:end]).T
            ways = cosines.max(axis=0).mean(), cosines.max(axis=1).mean()
            score = min(1.0, float(min(ways)))
        members.append(_member(session, entry, score, same and bool(members), None))
    return members


def _similar_sets(parts: Sequence[Sequence[int]], share: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of parts of which each has at least `share` of its elements in common with the other.

    Parts with the same elements are paired with the first of them alone. Of the others two can only be a pair
    if they have one of their rarest elements in common: of n elements one of the first n - share * n + 1,
    ordered by the number of parts that have them (prefix filtering of set similarity joins).
    """
    first_of: dict[tuple[int, ...], int] = {}
    for i, part in enumerate(parts):
        signature = tuple(sorted(part))
        if (first := first_of.setdefault(signature, i)) != i:
            yield first, i
    frequency: dict[int, int] = defaultdict(int)
    for i in first_of.values():
        for element in set(parts[i]):
            frequency[element] += 1
    with_element: dict[int, list[int]] = defaultdict(list)
    sets = {i: frozenset(parts[i]) for i in first_of.values()}
    for i in first_of.values():
        part = sorted(parts[i], key=lambda e: (frequency[e], e))
        needed = math.ceil(share * len(part) - 1e-9)
        prefix = {e for e in part[: len(part) - needed + 1] if frequency[e] > 1}
        for j in {j for e in prefix for j in with_element[e]}:
            if _shares(parts[i], sets[j], share) and _shares(parts[j], sets[i], share):
                yield j, i
        for element in prefix:
            with_element[element].append(i)


def _shares(part: Sequence[int], other: frozenset[int], share: float) -> bool:
    """True if at least `share` of a part's elements are in the other one."""
    return sum(e in other for e in part) >= share * len(part) - 1e-9
