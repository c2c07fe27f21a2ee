"""Fields of the manifest that a run sets with each commit."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.store import Manifest, Source

if TYPE_CHECKING:
    from qembed.pipeline.indexing.summary import IndexStats


class ManifestFields(NamedTuple):
    """Manifest fields that a run sets with each commit, beside rows and documents.

    `earlier_failures`: source, file and message of those in sources that this run does not read.
    `reads_files`: True for a run over files, or of an index without. `was_unfinished`: a run before was
    stopped, in a source that this run does not read. `before`: the manifest that the run began with;
    `unread`: sources that it does not read; `tells`: its user is told of skipped files.
    """

    sources: Sequence[Source]
    settings: Mapping[str, Any]
    probes: Mapping[str, str]
    versions: Mapping[str, str]
    earlier_failures: tuple[tuple[str, str, str], ...] = ()
    reads_files: bool = True
    was_unfinished: bool = False
    before: Manifest | None = None
    unread: frozenset[str] = frozenset()
    tells: bool = True

    def is_news(self, stats: IndexStats) -> bool:
        """True if no run has told of the files that are skipped now."""
        now = self._skipped(stats)
        before = self.before
        return bool(now) and (before is None or before.skipped != now or before.skipped_untold)

    def _skipped(self, stats: IndexStats) -> dict[str, dict[str, int]]:
        before = None if self.before is None else self.before.skipped
        return stats.skipped.completed(before or {}, self.unread)

    def values(self, stats: IndexStats, *, finished: bool) -> dict[str, Any]:
        """Fields by name. `stats`: of this run so far. `finished`: it is at its end."""
        unfinished = self.was_unfinished or (self.reads_files and not finished)
        return {
            "unfinished": unfinished,
            "sources": self.sources,
            "settings": self.settings,
            "probes": self.probes,
            "versions": self.versions,
            "failed": (
                *((source, file, str(problem)) for (source, file), problem in stats.failed),
                *self.earlier_failures,
            ),
            "skipped": self._skipped(stats),
            "skipped_untold": self.is_news(stats) and not (self.tells and finished),
            **({"refreshed": time.time()} if self.reads_files and not unfinished else {}),
        }
