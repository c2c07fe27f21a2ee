"""Map of both samples: their documents in two dimensions, for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qembed.drift.sample import document_vectors
from qembed.projection.principal_axes import principal_axes

if TYPE_CHECKING:
    from qembed.drift.compare import Comparison
    from qembed.pipeline.drift.side import Side

MOST = 400
"""Documents of each side on the map."""


def map_of(found: Comparison, old: Side, new: Side) -> dict[str, Any]:
    """Points [x, y] of old and new documents, from -1 to 1; `subject`: the new ones' groups, or -1.

    The axes are the two directions in which all of them vary most.
    """
    import numpy as np

    sides = [document_vectors(s.sample) for s in (old, new)]
    both = np.concatenate(sides)
    axes = principal_axes([both], 2)
    subject = np.full(len(sides[1]), -1)
    for i, group in enumerate(found.subjects.subjects):
        subject[group.members] = i
    placed = [axes.project(side) for side in sides]
    reach = max(float(np.abs(np.concatenate(placed)).max()), 1e-9)
    points = [[[round(float(v), 3) for v in p] for p in side[:MOST] / reach] for side in placed]
    return {"old": points[0], "new": points[1], "subject": subject[:MOST].tolist()}
