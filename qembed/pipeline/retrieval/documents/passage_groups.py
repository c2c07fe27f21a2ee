"""Groups of passages that are the same or nearly: copies by the hash of their text, others by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.evaluation.formats.source_file import counted
from qembed.search.dense.components import Components
from qembed.search.dense.near_pairs import near_pairs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.progress import Progress
    from qembed.pipeline.retrieval.documents.duplicates import DuplicatesRequest
    from qembed.pipeline.retrieval.session import Session
    from qembed.search import Plan
    from qembed.types import Rows, Scores, Vectors

EXACT_ROWS = 2_000_000
"""Distinct passages up to which comparing all pairs is faster than the graph: 23 times for 100,000."""
NEIGHBOURS = 32
"""Nearest passages of each one that are looked at in the graph."""
GRAPH_BATCH = 1024
"""Passages that the graph is asked about at a time."""


@dataclass(frozen=True, slots=True)
class PassageGroups:
    """Passages with their groups. `rows`: rising, int64 (n,).

    `hashes`: of their texts, V16 (n,). `labels`: position of the first passage that each is joined to by
    near-duplicates, itself without any, int64 (n,). `plan`: how vectors were compared.
    """

    rows: Rows
    hashes: npt.NDArray[np.void]
    labels: Rows
    plan: str
    warnings: Sequence[str] = ()


def group_passages(
    session: Session, request: DuplicatesRequest, progress: Progress
) -> PassageGroups:
    """Group the living passages that pass the request's filter. Raises UsageError."""
    import numpy as np

    snapshot, base = session.snapshot, session.snapshot.manifest.base
    allowed: Allowed | None = None
    if request.where:
        allowed = session.documents.filters.allowed(request.where)
        rows = allowed.rows
    else:
        rows = np.arange(base, snapshot.manifest.next_row, dtype=np.int64)
        rows = rows if snapshot.live is None else rows[snapshot.live]
    with session.timer("copies"):
        hashes = snapshot.text_hashes(base)[rows - base]
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        copy_of = first[inverse].astype(np.int64)
        groups = Components(len(rows))
        groups.join(np.arange(len(rows), dtype=np.int64), copy_of)
    distinct = np.sort(first).astype(np.int64)
    plan = "copies alone"
    warnings = [] if allowed is None else list(allowed.warnings)
    if request.above < 1:
        with session.timer("compare"):
            plan, told = _join_near(session, request, progress, rows, distinct, groups, allowed)
            warnings += told
    return PassageGroups(rows, hashes, groups.labels(), plan, warnings)


def _join_near(
    session: Session,
    request: DuplicatesRequest,
    progress: Progress,
    rows: Rows,
    distinct: Rows,
    groups: Components,
    allowed: Allowed | None,
) -> tuple[str, list[str]]:
    """Join near-duplicates of the passages at the positions `distinct`.

    Returns how they were compared, and warnings.
    """
    plan = _plan(session, request, len(distinct), allowed)
    progress.phase("compare", "passages", len(distinct))
    if plan is not None and plan.kind == "graph":
        _by_graph(session, request.above, progress, rows, distinct, groups, allowed)
        return f"graph ({NEIGHBOURS} nearest of {counted(len(distinct), 'distinct passage')})", []

    def vectors(start: int, stop: int) -> Vectors:
        return session.search.vectors(rows[distinct[start:stop]])

    def join(i: Rows, j: Rows, _cosines: Scores) -> None:
        groups.join(distinct[i], distinct[j])

    _ = session.search.parts  # opened once, before there are several threads
    near_pairs(vectors, len(distinct), request.above, join, progress.advance)
    why, warning = "", None
    if plan is not None:
        why, warning = f"; {plan.why}", plan.warning(request.search)
    described = f"exact (all pairs of {counted(len(distinct), 'distinct passage')}{why})"
    return described, [] if warning is None else [warning]


def _plan(
    session: Session, request: DuplicatesRequest, distinct: int, allowed: Allowed | None
) -> Plan | None:
    """Plan of a search in the graph; None where all pairs are compared anyway."""
    if request.search == "exact" or (request.search == "auto" and distinct <= EXACT_ROWS):
        return None
    search, left = session.search, None if allowed is None else allowed.size
    plan = search.plan(distinct, "graph", left)
    if plan.kind == "graph" and search.graph() is None:
        plan = search.plan(distinct, "graph", left)  # opened, it was found damaged
    return plan


def _by_graph(
    session: Session,
    above: float,
    progress: Progress,
    rows: Rows,
    distinct: Rows,
    groups: Components,
    allowed: Allowed | None,
) -> None:
    """Join the nearest passages in the graph of each one whose cosine is high enough."""
    import numpy as np

    for at in range(0, len(distinct), GRAPH_BATCH):
        part = distinct[at : at + GRAPH_BATCH]
        vectors = session.search.vectors(rows[part])
        found, _ = session.search.vector_search(vectors, NEIGHBOURS, "graph", None, allowed)
        for position, (near, cosines) in zip(part.tolist(), found, strict=True):
            others = _positions(rows, near[cosines >= above])
            groups.join(np.full(len(others), position, dtype=np.int64), others)
        progress.advance(len(part))


def _positions(rows: Rows, wanted: Rows) -> Any:
    """Positions of wanted rows in `rows`, rising; of all of them, as searches find living ones only."""
    return rows.searchsorted(wanted)
