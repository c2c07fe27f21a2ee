"""Background of an index: the cosines that its model gives to texts with nothing in common.

Models differ in the scale of their cosines: unrelated passages have about .1 with one model and .85 with
another. Measured on a sample of the passages, the mean vector and the spread of cosines tell how far a
query's best cosine stands above chance, in a unit that all models share:

    confidence = (best - query · mean) / (spread * extreme(n))

extreme(n) is the likeliest maximum of n draws from a normal distribution: confidence 1 is what the nearest
of n unrelated passages reaches. The spread is that of the upper tail, between the 75th and the 95th
percentile: passages in another language, or code among prose, lie far below and would widen it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qembed.store import Manifest, Snapshot
from qembed.store import derived_files as files
from qembed.store.vector_files.stored_vectors import fetch_vectors, read_vectors

if TYPE_CHECKING:
    from qembed.types import Rows, Vectors

SAMPLE = 512
"""Passages that are measured, at most."""
LEAST = 30
"""Passages below which a background says nothing of the model."""
GROWTH = 1.5
"""A background is measured again once the index has so many times the rows it had then."""
TAIL = (75.0, 95.0)
"""Percentiles of a passage's cosines with the others whose distance is measured."""
TAIL_DEVIATIONS = 0.9704
"""Their distance in a normal distribution, in standard deviations."""
LEAST_SPREAD = 1e-6
"""Spread below which all passages are copies of one another."""


class Background(NamedTuple):
    """Cosines of unrelated texts. `mean`: mean vector of the passages, float32 (dim,).

    `spread`: standard deviation of a passage's cosines with the others, by their upper tail; above 0.
    """

    mean: Vectors
    spread: float

    def confidence(self, vector: Vectors, best: float, passages: int) -> float:
        """Height of a query's best cosine above chance. `vector`: float32 (dim,); `passages`: searched.

        Rounded: the last bits of a cosine depend on the queries that are searched with it.
        """
        return round(confidence(best, float(self.mean @ vector), self.spread, passages), 4)


def confidence(best: float, mean: float, spread: float, passages: int) -> float:
    """(best - mean) / (spread * extreme(passages)), never below 0."""
    return max(0.0, (best - mean) / (spread * extreme(passages)))


def extreme(n: int) -> float:
    """Likeliest maximum of n standard normal draws, by its limiting distribution (Gumbel's); at least 1."""
    if n < 3:
        return 1.0
    root = math.sqrt(2 * math.log(n))
    return max(1.0, root - (math.log(math.log(n)) + math.log(4 * math.pi)) / (2 * root))


def measure(vectors: Vectors) -> Background | None:
    """Background of unit vectors, float32 (n, dim); None for fewer than LEAST and for copies of one text."""
    import numpy as np

    n = len(vectors)
    if n < LEAST:
        return None
    cosines = vectors @ vectors.T
    others = cosines[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    low, high = np.percentile(others, TAIL, axis=1)
    spread = float((high - low).mean() / TAIL_DEVIATIONS)
    if not spread > LEAST_SPREAD:
        return None
    return Background(np.asarray(vectors.mean(axis=0), dtype=np.float32), spread)


def sample_rows(snapshot: Snapshot) -> Rows:
    """At most SAMPLE living rows, ascending, int64: the same ones for the same rows.

    None of them is a picture's: scores are on the scale of texts.
    """
    import numpy as np

    base, live = snapshot.manifest.base, snapshot.live
    n = snapshot.manifest.next_row - base
    rows = np.arange(base, base + n) if live is None else np.flatnonzero(live) + base
    if snapshot.pictures is not None:
        rows = rows[~snapshot.pictures[rows - base]]
    if len(rows) <= SAMPLE:
        return rows
    chosen = np.random.default_rng(0).choice(len(rows), SAMPLE, replace=False)
    return np.sort(rows[chosen])


def measure_sample(snapshot: Snapshot, read: Callable[[Rows], Vectors]) -> Background | None:
    """Background of a sample of an index's vectors, which `read` gives by row."""
    return measure(read(sample_rows(snapshot)))


# ── file ─────────────────────────────────────────────────────────────────────────────────────────


def update_background(snapshot: Snapshot) -> None:
    """Measure the background and publish it, if there is none or the index has outgrown it.

    Raises OSError.
    """
    import numpy as np

    root, manifest = snapshot.root, snapshot.manifest
    rows = manifest.next_row - manifest.base
    stamp = files.current(root, manifest, files.BACKGROUND)
    if stamp is not None and not _is_outgrown(stamp, rows) and files.is_whole(root, stamp):
        return
    sample = sample_rows(snapshot)
    found = measure(read_vectors(fetch_vectors(snapshot), sample))
    mean = np.zeros(0, np.float32) if found is None else found.mean
    path = files.new_path(root, manifest, files.BACKGROUND)
    path.write_bytes(mean.tobytes())
    extra = {"measured": len(sample), "spread": 0.0 if found is None else found.spread}
    files.seal(root, manifest, files.BACKGROUND, path, manifest.next_row, extra)
    if stamp is not None and root / stamp.file != path:
        files.remove(root, stamp)


def _is_outgrown(stamp: files.Stamp, rows: int) -> bool:
    """True if a background is to be measured again in an index that has so many rows now."""
    covered = stamp.upto - stamp.base
    return rows >= GROWTH * covered or covered < LEAST <= rows


def open_background(root: Path, manifest: Manifest) -> Background | None:
    """Background of the index; None without one, and if it is damaged or was measured on too little."""
    return _read(root, manifest)[0]


def background_problem(snapshot: Snapshot) -> str | None:
    """Problem with a background that answers should have: "missing" or "damaged"; None if there is none.

    Nothing is missing where a new one would say nothing, as in small indexes, in one that is half made, which
    says so, and in one on a server.
    """
    manifest = snapshot.manifest
    if snapshot.passages_total < LEAST or manifest.is_half_made or not manifest.shards:
        return None
    found, problem = _read(snapshot.root, snapshot.manifest)
    if found is not None or problem is None or len(sample_rows(snapshot)) < LEAST:
        return None
    return problem


def background_notes(snapshot: Snapshot) -> list[str]:
    """Message on a background that should weigh words against meaning, and cannot."""
    problem = background_problem(snapshot)
    what = "words and meaning are weighed without it (qembed index makes it)"
    return [] if problem is None else [f"the background is {problem}: {what}"]


def background_of(snapshot: Snapshot) -> Background | None:
    """Background of the index, measured where the file cannot be used."""
    found, problem = _read(snapshot.root, snapshot.manifest)
    if problem is None:
        return found
    return measure_sample(snapshot, partial(read_vectors, fetch_vectors(snapshot)))


def _read(root: Path, manifest: Manifest) -> tuple[Background | None, str | None]:
    """Read the background and what is wrong with it. One that was measured on too little has neither."""
    import numpy as np

    stamp = files.current(root, manifest, files.BACKGROUND, later=True)
    if stamp is None:
        bad = files.BACKGROUND in files.damaged(root, manifest)
        return None, "damaged" if bad else "missing"
    spread = stamp.extra.get("spread")
    try:
        mean = np.fromfile(root / stamp.file, np.float32)
        if files.is_whole(root, stamp) and isinstance(spread, float) and math.isfinite(spread):
            if not mean.size:
                return None, None
            fits = mean.shape == (manifest.recipe.dim,) and bool(np.isfinite(mean).all())
            if fits and spread > LEAST_SPREAD:
                return Background(mean, spread), None
    except OSError:
        pass
    files.mark_damaged(root, stamp)
    return None, "damaged"
