"""Requests for a map, and the settings that decide what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.projection.neighbour_map import has_neighbour_map, require_neighbour_map

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import By

METHODS = ("auto", "pca", "tsne")
MOST_POINTS = 100_000
MOST_CLUSTERS = 40


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Map to make. `method`: `auto` is tsne where its extra is installed, else pca.

    `limit`: points at most, of more documents a sample. `clusters`: groups, 0 for as many as are clear.
    `above`: least cosine of the near-duplicates that are listed, None for no list. `color`: field, `source`
    or `cluster` that is shown first. `queries`: texts whose places and hits are shown.
    `threads`: of t-SNE, 0 for what is fastest.
    """

    method: str = "auto"
    by: By = "document"
    limit: int = MOST_POINTS
    clusters: int = 0
    seed: int = 0
    above: float | None = 0.95
    where: tuple[str, ...] = ()
    color: str = "cluster"
    queries: tuple[str, ...] = ()
    threads: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Values that decide places, groups and lists, JSON values."""
        return {
            "method": chosen_method(self.method),
            "by": self.by,
            "limit": self.limit,
            "clusters": self.clusters,
            "seed": self.seed,
            "above": self.above,
            "where": list(self.where),
        }


def chosen_method(method: str) -> str:
    """Method that is used: for `auto` what is installed."""
    if method == "auto":
        return "tsne" if has_neighbour_map() else "pca"
    return method


def check_map(request: MapRequest) -> None:
    """Raise UsageError, with all reasons, for a request that makes no sense or wants an absent package."""
    wrong = []
    if request.limit < 1:
        wrong.append(f"--limit {request.limit}: at least 1")
    if not 0 <= request.clusters <= MOST_CLUSTERS:
        wrong.append(f"--clusters {request.clusters}: from 0 to {MOST_CLUSTERS}")
    if request.seed < 0:
        wrong.append(f"--seed {request.seed}: at least 0")
    if request.above is not None and not 0 < request.above <= 1:
        wrong.append(f"--above {request.above:g}: a cosine above 0, at most 1, is wanted")
    if any(not q.strip() for q in request.queries):
        wrong.append("--query: an empty one has no place")
    if request.method == "tsne":
        try:
            require_neighbour_map()
        except UsageError as e:
            wrong.append(str(e))
    if wrong:
        raise UsageError("\n  ".join(wrong))
