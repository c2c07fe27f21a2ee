"""Duplicates of an index: passages or documents that are the same, or nearly.

Passages are the same where the texts that were encoded are, and near-duplicates from a cosine on. Documents
are near-duplicates where most passages of each have a near-duplicate in the other. A cluster holds all that
are joined by such pairs, so that its ends may be less alike than each pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import By
    from qembed.search.dense.planner import Search

SCHEMA = 1
"""Version of the JSON that users get."""
SHARE = 0.8
"""Share of the passages of each of two documents with a near-duplicate in the other, at least."""


@dataclass(frozen=True, slots=True)
class DuplicatesRequest:
    """Duplicates to find. `above`: least cosine of near-duplicate passages; 1: those of the same text alone.

    `share`: least share of the passages of each of two documents that have a near-duplicate in the other.
    """

    above: float = 0.95
    by: By = "document"
    share: float = SHARE
    search: Search = "auto"
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """Document or passage of a cluster, with its place as in Hit.

    `score`: of a passage its cosine with the cluster's first one; of a document the mean of the cosines of
    passages with the nearest one of the first document, or the other way round where that is less.
    `is_copy`: it is not the first one and has its text. `passages`: number of the document's. `passage`: None
    of documents.
    """

    document: str
    path: str | None
    fragment: str
    line: int | None
    title: str
    score: float
    is_copy: bool
    passages: int
    passage: Passage | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values for users."""
        p = self.passage
        place = {} if p is None else {"passage": {"seq": p.seq, "start": p.start, "end": p.end}}
        text = {} if p is None else {"text": p.text}
        return {
            "document": self.document,
            "path": self.path,
            "fragment": self.fragment or None,
            "line": self.line,
            "title": self.title,
            "score": round(self.score, 6),
            "copy": self.is_copy,
            "passages": self.passages,
            **place,
            **text,
        }


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Clusters, the largest first, each in the order of the index; and what was compared.

    `total`: documents or passages that were compared. `plan`: how. `seconds`: stage -> seconds.
    """

    clusters: Sequence[Sequence[Member]]
    request: DuplicatesRequest
    generation: int
    total: int
    plan: str
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def surplus(self) -> int:
        """Members beyond the first of each cluster."""
        return sum(len(c) - 1 for c in self.clusters)

    def to_json(self) -> dict[str, Any]:
        """JSON values for users."""
        return {
            "schema": SCHEMA,
            "generation": self.generation,
            "above": self.request.above,
            "by": self.request.by,
            "search": self.plan,
            "total": self.total,
            "surplus": self.surplus,
            "warnings": list(self.warnings),
            "clusters": [cluster_json(n, c) for n, c in enumerate(self.clusters, 1)],
            "seconds": {stage: round(s, 4) for stage, s in self.seconds.items()},
        }


def cluster_json(number: int, members: Sequence[Member]) -> dict[str, Any]:
    """JSON values of a cluster, for users. `number`: from 1."""
    return {
        "cluster": number,
        "size": len(members),
        "copies": sum(m.is_copy for m in members),
        "lowest": round(min(m.score for m in members), 6),
        "members": [m.to_json() for m in members],
    }


def check_duplicates(request: DuplicatesRequest) -> None:
    """Raise UsageError for a request that makes no sense."""
    if not 0 < request.above <= 1:  # NaN, too
        raise UsageError(f"--above {request.above:g}: a cosine above 0, at most 1, is wanted")
    if not 0 < request.share <= 1:
        raise UsageError(f"--share {request.share:g}: above 0 and at most 1")


def find_duplicates(
    index: Path, request: DuplicatesRequest, progress: Progress | None = None
) -> Duplicates:
    """Find the duplicates in the index at `index`, opened for it. Raises NoIndex, UsageError."""
    check_duplicates(request)
    with Session(index) as session:
        return duplicates(session, request, progress or Progress())


def duplicates(session: Session, request: DuplicatesRequest, progress: Progress) -> Duplicates:
    """Find the duplicates of a session's generation. Raises UsageError."""
    from qembed.pipeline.retrieval.documents.clusters import document_clusters, passage_clusters
    from qembed.pipeline.retrieval.documents.passage_groups import group_passages

    check_duplicates(request)
    groups = group_passages(session, request, progress)
    with session.timer("clusters"):
        if request.by == "passage":
            clusters, total = passage_clusters(session, groups), len(groups.rows)
        else:
            clusters, total = document_clusters(session, groups, request.share)
    return Duplicates(
        sorted(clusters, key=lambda c: -len(c)),
        request,
        session.snapshot.manifest.generation,
        total,
        groups.plan,
        [*unfinished_warnings(session.root, session.snapshot.manifest), *groups.warnings],
        dict(session.timer),
    )
