"""Sides of a comparison from an index: documents that a mask chooses, or all of them. Encodes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.pipeline.drift.document_times import DocumentTimes, Since
from qembed.pipeline.drift.side import Side, make_sample, numbered, without_copies
from qembed.pipeline.text_profile.profile_file import (
    Profile,
    Tokenizer,
    count_rows,
    generations,
)
from qembed.pipeline.text_profile.sampling import Units, find_units, sample_documents
from qembed.store.vector_files.stored_vectors import fetch_vectors, read_vectors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.store import Snapshot

    Mask = npt.NDArray[np.bool_]


class IndexSides:
    """Source of sides: one generation of an index, with what its profile knows."""

    def __init__(
        self,
        snapshot: Snapshot,
        times: DocumentTimes,
        profile: Profile | None,
        tokenizer: Tokenizer,
    ) -> None:
        self.snapshot = snapshot
        self.times = times
        self._profile = profile
        self._tokenizer = tokenizer
        self._units: Units | None = None

    def side(self, among: Mask | None = None, *, texts: bool) -> Side:
        """Side of the documents in `among`, bool (documents,), or of all. `texts`: of its passages, too."""
        snapshot = self.snapshot
        if self._units is None:
            self._units = find_units(snapshot.catalog)
        chosen = sample_documents(snapshot, among, units=self._units)
        _, counts = snapshot.catalog.pointers()
        ours = counts > 0 if among is None else among & (counts > 0)
        known = self.times.times[ours]
        known = known[known > 0]
        vectors = read_vectors(fetch_vectors(snapshot), chosen.rows)
        kept = without_copies(vectors, chosen.unit)
        rows, positions = chosen.rows[kept], chosen.positions[kept]
        facts = count_rows(snapshot, rows, self._profile, self._tokenizer)
        listed = [facts[r] for r in rows.tolist()]
        ids = [e.id for e in snapshot.catalog.take(positions)] if texts and len(rows) else []
        return Side(
            make_sample(vectors[kept], numbered(chosen.unit[kept]), listed),
            chosen.units,
            int(counts[ours].sum()),
            listed,
            [p.text for p in snapshot.passages(rows)] if texts and len(rows) else [],
            ids,
            self.times.times[positions].tolist(),
            int(known.min()) if len(known) else 0,
            int(known.max()) if len(known) else 0,
        )


LISTED = 10
"""Generations that a message names, the latest ones."""


def added_since(snapshot: Snapshot, times: DocumentTimes, since: Since) -> Mask:
    """Documents that came since a time, or in a generation after one, bool (documents,).

    Raises UsageError for a generation that is not listed.
    """
    import numpy as np

    if since.time_ns is not None:
        return np.asarray(times.times >= since.time_ns)
    listed = generations(snapshot.root, snapshot.manifest)
    wanted = since.generation
    after = [row for generation, _, row in listed if generation == wanted]
    if not after:
        known = ", ".join(str(g) for g, _, _ in listed[-LISTED:]) or "none yet"
        raise UsageError(
            f"--since {since.text}: generation {wanted} is not listed (listed: {known}; an index that was "
            "rewritten or rebuilt begins anew; a date works always)"
        )
    first, _ = snapshot.catalog.pointers()
    return np.asarray(first >= after[0])
