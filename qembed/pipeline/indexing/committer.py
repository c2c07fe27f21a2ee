"""Commits of a run, each with the same manifest fields."""

from __future__ import annotations

import time

from qembed.pipeline.indexing.index_plan import ManifestFields
from qembed.pipeline.indexing.options import CommitPolicy
from qembed.pipeline.indexing.summary import IndexStats
from qembed.store import Catalog, Snapshot, Writer


class Committer:
    """Commits the generations of a run, each with the same manifest fields."""

    def __init__(
        self, writer: Writer, fields: ManifestFields, policy: CommitPolicy, stats: IndexStats
    ) -> None:
        self._writer = writer
        self._fields = fields
        self._policy = policy
        self._stats = stats
        self._committed_at = time.monotonic()
        self._cost = 0.0

    @property
    def is_due(self) -> bool:
        """True if the policy wants a commit now."""
        elapsed = time.monotonic() - self._committed_at
        return self._policy.is_due(self._writer.pending, elapsed, self._cost)

    def commit(self, catalog: Catalog) -> tuple[Snapshot, int]:
        """Commit the appended rows with `catalog`. Returns the generation, and the first of its new rows."""
        began = time.monotonic()
        since = self._writer.present.next_row
        fields = self._fields.values(self._stats.failed)
        self._writer.commit(catalog, counts=catalog.counts(), **fields)
        snapshot = self._writer.open_present(catalog)
        self._committed_at = time.monotonic()
        self._cost = self._committed_at - began
        self._stats.seconds["write"] += self._cost
        return snapshot, since

    def note(self) -> None:
        """Set the manifest fields without a commit."""
        self._writer.note(**self._fields.values(self._stats.failed))
