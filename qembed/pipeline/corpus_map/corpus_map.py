"""A map as data, and its two forms in JSON.

compact   arrays as base64, for pages and for the file that is kept
plain     an object for each point, for programs
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qembed.pipeline.corpus_map.colors import Color
from qembed.pipeline.corpus_map.groups import Group
from qembed.projection.principal_axes import PrincipalAxes

if TYPE_CHECKING:
    from qembed.types import Rows, Vectors

SCHEMA = 1
"""Version of both forms of JSON."""
CLUSTER = "cluster"
SOURCE = "source"
"""Colours that are no metadata."""
REACH = 65535
"""Coordinates from -1 to 1 as whole numbers from 0 to this."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Frame of places: the middle (x, y) and half the width of what becomes -1 to 1."""

    x: float
    y: float
    half: float

    def fit(self, places: Vectors) -> Vectors:
        """Places within the frame, float32 (n, 2), from -1 to 1."""
        import numpy as np

        return np.asarray((places - [self.x, self.y]) / self.half, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cluster of near-duplicates. `points`: numbers of those on the map; `size`: of all; `copies` among them.

    `lowest`: least score of a member with the first one.
    """

    points: Sequence[int]
    size: int
    copies: int
    lowest: float


@dataclass(frozen=True, slots=True)
class CorpusMap:
    """Map of one generation.

    `settings`: as MapRequest has them. `method`: pca or tsne. `total`: points before any sample was drawn.
    `ids`, `titles`: of each point; `paths`: distinct ones, from the folder of the index, and `path`: the
    number of each point's, -1 for none, int64 (n,). `passages`: seq of each point, None on a map of
    documents. `places`: float32 (n, 2), from -1 to 1. `groups`: by the numbers in the colour `cluster`.
    `alike`: clusters of near-duplicates, the largest first; `alike_total`: how many before the list was cut.
    `axes`, `frame`: how a vector gets its place on a map by principal axes. `seconds`: stage -> seconds.
    """

    settings: Mapping[str, Any]
    method: str
    generation: int
    total: int
    ids: Sequence[str]
    titles: Sequence[str]
    paths: Sequence[str]
    path: Rows
    passages: Rows | None
    places: Vectors
    groups: Sequence[Group]
    colors: Sequence[Color]
    alike: Sequence[Likeness]
    alike_total: int
    axes: PrincipalAxes
    frame: Frame
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def own(self) -> Rows:
        """Group of each point, int64 (n,)."""
        import numpy as np

        for color in self.colors:
            if color.name == CLUSTER:
                return color.bytes.astype(np.int64)
        return np.zeros(len(self.ids), dtype=np.int64)

    def anchors(self) -> list[tuple[float, float]]:
        """Place of each group's name: the median of its points."""
        import numpy as np

        own = self.own
        found = [np.median(self.places[own == g], axis=0) for g in range(len(self.groups))]
        return [(float(x), float(y)) for x, y in found]

    # ── compact ──────────────────────────────────────────────────────────────────────────────────

    def to_compact(self) -> dict[str, Any]:
        """JSON values for `from_compact` and for pages."""
        import numpy as np

        steps = np.clip(np.round((self.places + 1) / 2 * REACH), 0, REACH)
        return {
            "schema": SCHEMA,
            "generation": self.generation,
            "settings": dict(self.settings),
            "method": self.method,
            "total": self.total,
            "points": len(self.ids),
            "xy": _packed(steps, "<u2"),
            "ids": list(self.ids),
            "titles": list(self.titles),
            "paths": list(self.paths),
            "path": _packed(self.path, "<i4"),
            "passages": None if self.passages is None else _packed(self.passages, "<i4"),
            "groups": [
                {"size": g.size, "words": list(g.words), "x": round(x, 4), "y": round(y, 4)}
                for g, (x, y) in zip(self.groups, self.anchors(), strict=True)
            ],
            "colors": [
                {
                    "name": c.name,
                    "kind": c.kind,
                    "labels": list(c.labels),
                    "least": c.least,
                    "most": c.most,
                    "bytes": _packed(c.bytes, "u1"),
                }
                for c in self.colors
            ],
            "alike": [
                {"points": list(a.points), "size": a.size, "copies": a.copies, "lowest": a.lowest}
                for a in self.alike
            ],
            "alike_total": self.alike_total,
            "mean": _packed(self.axes.mean, "<f4"),
            "axes": _packed(self.axes.axes, "<f4"),
            "frame": [self.frame.x, self.frame.y, self.frame.half],
            "warnings": list(self.warnings),
            "seconds": dict(self.seconds),
        }

    @classmethod
    def from_compact(cls, body: Mapping[str, Any]) -> CorpusMap:
        """Map from JSON values. Raises KeyError, TypeError, ValueError for other ones."""
        import numpy as np

        n = int(body["points"])
        mean = _unpacked(body["mean"], "<f4").astype(np.float32)
        axes = _unpacked(body["axes"], "<f4").astype(np.float32).reshape(-1, len(mean))
        steps = _unpacked(body["xy"], "<u2").reshape(n, 2)
        own = body["passages"]
        return cls(
            settings=body["settings"],
            method=body["method"],
            generation=body["generation"],
            total=body["total"],
            ids=body["ids"],
            titles=body["titles"],
            paths=body["paths"],
            path=_unpacked(body["path"], "<i4").astype(np.int64),
            passages=None if own is None else _unpacked(own, "<i4").astype(np.int64),
            places=(steps / REACH * 2 - 1).astype(np.float32),
            groups=[Group(g["size"], g["words"]) for g in body["groups"]],
            colors=[
                Color(
                    c["name"],
                    c["kind"],
                    _unpacked(c["bytes"], "u1"),
                    c["labels"],
                    c["least"],
                    c["most"],
                )
                for c in body["colors"]
            ],
            alike=[Likeness(**a) for a in body["alike"]],
            alike_total=body["alike_total"],
            axes=PrincipalAxes(mean, axes),
            frame=Frame(*body["frame"]),
            warnings=body["warnings"],
            seconds=body["seconds"],
        )

    # ── plain ────────────────────────────────────────────────────────────────────────────────────

    def to_json(self) -> dict[str, Any]:
        """JSON values for users."""
        own, places = self.own.tolist(), self.places.tolist()
        return {
            "schema": SCHEMA,
            "generation": self.generation,
            "method": self.method,
            "by": self.settings["by"],
            "seed": self.settings["seed"],
            "total": self.total,
            "shown": len(self.ids),
            "clusters": [
                {
                    "cluster": n,
                    "size": g.size,
                    "words": list(g.words),
                    "x": round(x, 4),
                    "y": round(y, 4),
                }
                for n, (g, (x, y)) in enumerate(zip(self.groups, self.anchors(), strict=True))
            ],
            "points": [
                {
                    **self.name_of(i),
                    "title": self.titles[i],
                    "x": round(places[i][0], 4),
                    "y": round(places[i][1], 4),
                    "cluster": own[i],
                }
                for i in range(len(self.ids))
            ],
            "duplicates": [
                {
                    "members": [self.name_of(i) for i in a.points],
                    "size": a.size,
                    "copies": a.copies,
                    "lowest": a.lowest,
                }
                for a in self.alike
            ],
            "duplicates_total": self.alike_total,
            "warnings": list(self.warnings),
            "seconds": {stage: round(s, 4) for stage, s in self.seconds.items()},
        }

    def name_of(self, point: int) -> dict[str, Any]:
        """Document, path and passage of a point, JSON values."""
        path = int(self.path[point])
        passage = {} if self.passages is None else {"passage": int(self.passages[point])}
        return {
            "document": self.ids[point],
            "path": None if path < 0 else self.paths[path],
            **passage,
        }


def _packed(values: Any, form: str) -> str:
    """Numbers as base64 of numpy's `form`."""
    import numpy as np

    return base64.b64encode(np.ascontiguousarray(values).astype(form).tobytes()).decode("ascii")


def _unpacked(text: str, form: str) -> Any:
    import numpy as np

    return np.frombuffer(base64.b64decode(text), dtype=form)
