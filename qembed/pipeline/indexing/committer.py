"""Commits of a run, each with the same manifest fields."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qembed.pipeline.indexing.manifest_fields import ManifestFields
from qembed.pipeline.indexing.options import CommitPolicy
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.lexical_index import extend_lexical
from qembed.pipeline.progress import Progress
from qembed.store import Catalog, Snapshot, Writer
from qembed.store.durable_files import storage_errors


class Committer:
    """Commits the generations of a run, each with the same manifest fields.

    `with_words`: the lexical index follows each commit, not only the last one. `follow`: called after each
    commit but the last.
    """

    def __init__(
        self,
        writer: Writer,
        fields: ManifestFields,
        policy: CommitPolicy,
        stats: IndexStats,
        follow: Callable[[], None],
        *,
        with_words: bool,
    ) -> None:
        self._writer = writer
        self._fields = fields
        self._policy = policy
        self._stats = stats
        self._with_words = with_words
        self._follow = follow
        self._began = self._committed_at = time.monotonic()
        self._cost = 0.0
        self._committed = 0
        self._has_committed = False

    @property
    def root(self) -> Path:
        """Folder of the index."""
        return self._writer.root

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of the manifest that the run writes."""
        return self._fields.settings

    @property
    def is_due(self) -> bool:
        """True if the policy wants a commit now."""
        now = time.monotonic()
        elapsed, run = now - self._committed_at, now - self._began
        return self._policy.is_due(self._writer.pending, elapsed, self._cost, run, self._committed)

    @property
    def has_committed(self) -> bool:
        """True once a generation was committed."""
        return self._has_committed

    @property
    def has_rows(self) -> bool:
        """True if rows were appended since the last commit."""
        return self._writer.pending > 0

    def commit(self, catalog: Catalog, *, finished: bool) -> tuple[Snapshot, int]:
        """Commit the appended rows with `catalog`. Returns the generation, and the first of its new rows.

        `finished`: the run is at its end, after which all derived files follow.
        """
        began = time.monotonic()
        since = self._writer.present.next_row
        fields = self._fields.values(self._stats, finished=finished)
        counts = catalog.counts()
        self._committed += self._writer.pending
        self._writer.commit(catalog, counts=counts, **fields)
        self._has_committed = True
        snapshot = self._writer.open_present(catalog)
        if not finished and self._with_words:
            with storage_errors(
                self._writer.root, "the index holds what was committed, words are missing"
            ):
                extend_lexical(snapshot, Progress())
        if not finished:
            self._follow()
        self._committed_at = time.monotonic()
        self._cost = self._committed_at - began
        self._stats.seconds["write"] += self._cost
        return snapshot, since

    def note(self, *, finished: bool) -> None:
        """Set the manifest fields without a commit.

        A run that was stopped before it found a change leaves them, unless it has brought a source.
        """
        if not finished and tuple(self._fields.sources) == self._writer.present.sources:
            return
        self._writer.note(**self._fields.values(self._stats, finished=finished))
