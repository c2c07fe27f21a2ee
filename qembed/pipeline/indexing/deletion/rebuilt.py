"""Documents of an index that a rebuild does not make again: what goes with the old generation, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.deletion.emptied import emptied_by_rebuild
from qembed.pipeline.indexing.deletion.losses import NO_TEXT, NOT_IN_FILE, NOT_READ, SourceLoss
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.source_options import STDIN
from qembed.store import FileState, Snapshot

if TYPE_CHECKING:
    from qembed.pipeline.indexing.sources import Sources
    from qembed.pipeline.indexing.summary import IndexStats


class ReplacedFiles:
    """Files of the index that a rebuild takes the place of.

    `documents`: of each file. `now`: the key that the file has among the sources of the rebuild, its own
    where it lies in none of them. Records without a source are kept by every rebuild, and not among these.
    """

    def __init__(self, before: Mapping[Key, FileState], now: Mapping[Key, Key]) -> None:
        self.documents = {
            key: state.stop - state.start for key, state in before.items() if key[0] != STDIN
        }
        self.now = {key: now[key] for key in self.documents}

    def unread(self, read: Collection[Key]) -> list[Key]:
        """Files that the rebuild does not read. `read`: those that it does."""
        return [key for key in self.documents if self.now[key] not in read]

    def settle(
        self,
        made: Snapshot,
        sources: Sources,
        counted: Iterable[Key],
        stats: IndexStats,
    ) -> None:
        """Count in `stats` what is in `made`, the rebuild, no more, and have the loss confirmed.

        Raises UsageError for the loss of most documents, of the index or of a source, if nobody confirms it.
        Of what --allow-missing gives up nobody is asked. `counted`: files whose documents `stats` has.
        """
        files = made.catalog.grouped().files()
        after = {k: state.stop - state.start for k, state in files.items() if k[0] != STDIN}
        failed = {key for key, _ in stats.failed}
        guard = sources.guard
        agreed = {key for key in self.documents if guard.agrees(key)}
        lost = self._lost(after, sources.absent, failed, agreed)
        for why in self._lost(after, sources.absent, failed, {*counted}).values():
            stats.documents["deleted"] += why.total()
            stats.deleted_why += why
        stats.emptied, emptied = emptied_by_rebuild(sources.root, made, self.now)
        for path, n in emptied.items():
            lost.setdefault(path, Counter())[NO_TEXT] += n
        known = set(self.now.values())
        new = sum(n for key, n in after.items() if key not in known)
        new = max(0, new - sum(self.documents[key] for key in agreed))
        asked = {path: found for path, found in lost.items() if path not in sources.missing}
        reasons = sum(asked.values(), Counter[str]())
        losses = {path: SourceLoss(found.total() - new, found) for path, found in asked.items()}
        guard.check(guard.questions(reasons.total() - new, reasons, losses))

    def _lost(
        self,
        after: Mapping[Key, int],
        absent: Mapping[Key, str],
        failed: Collection[Key],
        without: Collection[Key] = (),
    ) -> dict[str, Counter[str]]:
        """Documents that are in no generation after the rebuild, by their source and the reason.

        `after`: documents of each file then. `absent`: reasons of files that were not read. `failed`: those
        of which something could not be. `without`: files that are not counted.
        """
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        left = Counter(after)
        for key, before in self.documents.items():
            now = self.now[key]
            kept = min(before, left[now])
            left[now] -= kept
            if before > kept and key not in without:
                why = absent.get(key) or (NOT_READ if now in failed else NOT_IN_FILE)
                found[key[0]][why] += before - kept
        return dict(found)
