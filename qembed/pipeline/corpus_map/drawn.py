"""A map with the queries that are shown on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qembed.errors import UsageError
from qembed.pipeline.corpus_map.corpus_map import CLUSTER, CorpusMap
from qembed.pipeline.corpus_map.kept_map import make_map
from qembed.pipeline.corpus_map.names import OF_FILES
from qembed.pipeline.corpus_map.queries import PlacedQuery, place_queries
from qembed.pipeline.corpus_map.request import MapRequest, check_map
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.projection.neighbour_map import EXTRA, has_neighbour_map


class DrawnMap(NamedTuple):
    """Map with queries. `color`: shown first. `warnings`: also on the request.

    `hint`: line on what would make a better one, None for none.
    """

    made: CorpusMap
    queries: Sequence[PlacedQuery]
    color: str
    warnings: Sequence[str]
    hint: str | None

    def to_page(self) -> dict[str, Any]:
        """JSON values for a page of the map. `whole`: each point is a file of its own."""
        made = self.made
        with_file = [p for p in made.path.tolist() if p >= 0]
        return {
            "map": {**made.to_compact(), "warnings": list(self.warnings)},
            "queries": [q.to_json() for q in self.queries],
            "color": self.color,
            "whole": len(set(with_file)) * 2 > len(with_file),
        }

    def to_json(self) -> dict[str, Any]:
        """JSON values for users; hits by the names of their points."""
        placed = []
        for query in self.queries:
            body = query.to_json()
            hits = [
                {"rank": h["rank"], "score": h["score"], **self.made.name_of(h["point"])}
                for h in body["hits"]
            ]
            placed.append({**body, "hits": hits})
        return {**self.made.to_json(), "warnings": list(self.warnings), "queries": placed}


def draw_map(root: Path, request: MapRequest, progress: Progress) -> DrawnMap:
    """Make the map of the index at `root`, or take the one that is kept, and place the request's queries.

    Raises NoIndex, IndexDamaged, UsageError also for a field that colours nothing, and what encoding raises.
    """
    check_map(request)
    with Session(root) as session:
        made = make_map(session, request, progress)
        # that a run goes on is no part of the map that is kept
        unfinished = unfinished_warnings(root, session.snapshot.manifest)
        color, warnings = request.color, [*unfinished, *made.warnings]
        names = [c.name for c in made.colors]
        if color not in names:
            why = f"--color {color}: no values that differ (there are {', '.join(names)})"
            if color not in OF_FILES:
                raise UsageError(why)
            color = CLUSTER
            warnings.append(why)
        if request.queries:
            progress.phase("queries", "", None)
        placed = place_queries(session, made, request.queries)
    hint = None
    if request.method == "auto" and not has_neighbour_map():
        hint = f"places by principal axes; {EXTRA} adds t-SNE, which shows groups better"
    return DrawnMap(made, placed, color, warnings, hint)
