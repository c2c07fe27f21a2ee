"""Pages with pictures for tests, and the captions that an index has of these."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.recipe import RecipeOptions
from qembed.store import Snapshot, Source
from tests.corpus import pictures as made

SEEING = "py:tests.seeing:encoder"
PAGES = {
    "a.html": "<p>The sea</p><img src='pics/beach.png' alt='Beach of Sylt'>",
    "notes/b.md": "# Notes\n\n![Strand](../pics/beach.png)\n\n![Nowhere](../pics/gone.png)\n",
    "c.html": "<p>No pictures here</p>",
}
PICTURES = {"pics/beach.png": made.RED, "pics/boat.png": made.BLUE, "IMG_1.png": made.GREEN}


def index(root: Path, *paths: Path, model: str | None = None, **options: object) -> IndexSummary:
    progress = options.pop("progress", None)
    filters = {k: options.pop(k) for k in ("exclude", "max_file_size") if k in options}
    wanted = IndexOptions(
        paths=[str(p) for p in paths],
        recipe=RecipeOptions(model=model),
        source=Source("", **filters),  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )
    return build(root, wanted, progress)  # type: ignore[arg-type]


def captions(root: Path) -> dict[str, tuple[str, list[str] | None]]:
    """Caption of each picture, and the pages that show it."""
    with Snapshot.open(root) as snapshot:
        found = {}
        for n, entry in enumerate(snapshot.catalog.entries()):
            if entry.picture is not None:
                (passage,) = snapshot.passages(snapshot.rows_of(np.array([n])))
                found[entry.id] = passage.text, entry.meta.get("shown_in")
        return found
