"""An index to a map: places by principal axes or neighbours, groups with names, colours, near-duplicates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qembed.evaluation.formats.source_file import counted
from qembed.pipeline.corpus_map.corpus_map import CorpusMap, Frame, Likeness
from qembed.pipeline.corpus_map.groups import find_groups, name_groups
from qembed.pipeline.corpus_map.names import Named, read_names
from qembed.pipeline.corpus_map.points import Points, choose_points, vector_batches
from qembed.pipeline.corpus_map.request import MapRequest, check_map, chosen_method
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.documents.duplicates import DuplicatesRequest, duplicates
from qembed.projection.neighbour_map import LEAST_POINTS, ROUNDS, neighbour_map
from qembed.projection.principal_axes import PrincipalAxes, principal_axes

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.documents.duplicates import Duplicates
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

COORDINATES = 50
"""Principal axes along which neighbours and groups are found: what lies beyond is mostly noise."""
MOST_ALIKE = 300
"""Clusters of near-duplicates that are listed."""
MOST_MEMBERS = 50
"""Members of such a cluster that are listed."""


def compute_map(session: Session, request: MapRequest, progress: Progress) -> CorpusMap:
    """Make the map of a session's generation. The request's queries and first colour are left to others.

    Raises UsageError for an index, or a filter, without text.
    """
    check_map(request)
    began = time.perf_counter()
    timer = session.timer
    points, warnings = choose_points(session, request)
    unit = f"{request.by}s"
    if points.is_sample:
        said = f"a sample of {len(points):,} of {points.total:,} {unit} is shown (--limit for more)"
        if request.above is not None:
            said += ", without a list of near-duplicates (qembed duplicates)"
        warnings.append(said)
    with timer("axes"):
        progress.phase("axes", unit, 2 * len(points))
        axes, coordinates = _coordinates(session, points, progress)
    method = chosen_method(request.method)
    with timer("places"):
        if method == "tsne" and len(points) < LEAST_POINTS:
            method = "pca"
            are = counted(len(points), "point is", "points are")
            warnings.append(f"by principal axes: {are} too few for neighbours")
        if method == "tsne":
            progress.phase("places", "rounds", ROUNDS)
            places = neighbour_map(coordinates, request.seed, progress.advance, request.threads)
        else:
            places = coordinates[:, :2]
        frame = _frame(places)
    with timer("groups"):
        progress.phase("groups", "", None)
        own = find_groups(coordinates, request.clusters, request.seed)
        groups = name_groups(session, points, own, request.seed)
    with timer("names"):
        named = read_names(session, points, request.by, own, groups)
    alike: list[Likeness] = []
    total = 0
    if request.above is not None and not points.is_sample:
        found = duplicates(
            session,
            DuplicatesRequest(request.above, request.by, where=request.where),
            progress,
        )
        alike, total = _alike(found, named)
    timer.end(time.perf_counter() - began)
    return CorpusMap(
        settings=request.settings,
        method=method,
        generation=session.snapshot.manifest.generation,
        total=points.total,
        places=frame.fit(places),
        groups=groups,
        alike=alike,
        alike_total=total,
        axes=PrincipalAxes(axes.mean, axes.axes[:2]),
        frame=frame,
        warnings=warnings,
        seconds=dict(timer),
        **named._asdict(),
    )


def _coordinates(
    session: Session, points: Points, progress: Progress
) -> tuple[PrincipalAxes, Vectors]:
    """(principal axes of the points' vectors, the points along them: float32 (n, COORDINATES or fewer)).

    The vectors are read twice, so that they are never in memory together; at least two columns.
    """
    import numpy as np

    def batches() -> Any:
        for batch in vector_batches(session, points):
            yield batch
            progress.advance(len(batch))

    axes = principal_axes(batches(), COORDINATES)
    found = np.concatenate([axes.project(batch) for batch in batches()])
    if found.shape[1] < 2:
        found = np.hstack([found, np.zeros((len(found), 2 - found.shape[1]), dtype=np.float32)])
    return axes, found


def _frame(places: Vectors) -> Frame:
    low, high = places.min(axis=0), places.max(axis=0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2
    return Frame(float(middle[0]), float(middle[1]), half if half > 1e-9 else 1.0)


def _alike(found: Duplicates, named: Named) -> tuple[list[Likeness], int]:
    """(clusters that have two points on the map, how many there are in all)."""
    passages = [0] * len(named.ids) if named.passages is None else named.passages.tolist()
    number = {key: n for n, key in enumerate(zip(named.ids, passages, strict=True))}
    made = []
    for members in found.clusters:
        keys = [(m.document, 0 if m.passage is None else m.passage.seq) for m in members]
        shown = [number[k] for k in keys if k in number]
        if len(shown) < 2:
            continue
        made.append(
            Likeness(
                shown[:MOST_MEMBERS],
                len(members),
                sum(m.is_copy for m in members),
                round(min(m.score for m in members), 4),
            )
        )
    return made[:MOST_ALIKE], len(made)
