"""Questions that a run asks once it has read the files, foretold by a dry run that reads them for this."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from qembed.pipeline.indexing.deletion.guard import LossGuard, LossQuestion
from qembed.pipeline.indexing.deletion.losses import ELSEWHERE, NOT_IN_FILE, SourceLoss
from qembed.pipeline.indexing.encoding.batch import PendingDocument
from qembed.pipeline.indexing.encoding.measurement import end_if_stopped
from qembed.pipeline.indexing.encoding.run_progress import RunProgress
from qembed.pipeline.indexing.ingest import Ingest
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.progress import Progress
from qembed.pipeline.sequences.files import read_items
from qembed.store import Catalog, CatalogEntry, Snapshot
from qembed.types import Document, Passage

if TYPE_CHECKING:
    from pathlib import Path

    from qembed.pipeline.indexing.index_plan import IndexPlan

BATCH_DOCUMENTS = 1000


def foretell_questions(
    root: Path,
    plan: IndexPlan,
    progress: Progress,
    same: Container[Key],
    gone: Mapping[Key, str],
    documents: Mapping[Key, int],
) -> list[LossQuestion]:
    """Foretell the questions of a planned run at its end, those beside the questions of its plan.

    Files are read only where they have so many documents that it may come to that. `same`: files that are
    to be read and will be found unchanged; `gone`: reasons of the files whose documents go, with these,
    `documents`. Raises KeyboardInterrupt if `progress` is to stop.
    """
    if plan.target.rebuild:
        return []
    at_most = _at_most(plan, same, gone, documents)
    reasons = sum((Counter(loss.reasons) for loss in at_most.values()), Counter[str]())
    if plan.damaged.is_any or plan.sources.guard.questions(reasons.total(), reasons, at_most):
        return _rehearse(root, plan, progress)
    return []


def _at_most(
    plan: IndexPlan, same: Container[Key], gone: Mapping[Key, str], documents: Mapping[Key, int]
) -> dict[str, SourceLoss]:
    """Losses by source if no file that is read has any of its documents any more."""
    guard, found = plan.sources.guard, defaultdict[str, Counter[str]](Counter)
    for key, why in gone.items():
        # of what --allow-missing gives up nobody is asked, of what is agreed to not again
        if why != ELSEWHERE and key[0] not in guard.asked and not guard.agrees(key):
            found[key[0]][why] += documents[key]
    for file in plan.changes.read:
        key = file.source, file.name
        if key in plan.files and key not in same and key not in gone:
            found[file.source][NOT_IN_FILE] += plan.documents_in([key])
        if outer := plan.sources.taken_over.get(key):
            found[outer[0][0]][NOT_IN_FILE] += plan.documents_in(outer)
    return {path: SourceLoss(why.total(), why) for path, why in found.items()}


def _rehearse(root: Path, plan: IndexPlan, progress: Progress) -> list[LossQuestion]:
    """Do what the run does with the files, without a vector and without a commit. Returns its questions."""
    guard = _RecordingGuard(plan.sources.guard)
    committer: Any = _NoCommits(root, plan)
    builder: Any = _WholeDocuments()
    encoder: Any = _NoVectors()
    counts = RunProgress(progress)
    stats = IndexStats()
    ingest = Ingest(committer, plan.snapshot, guard, builder, encoder, stats, counts, plan.damaged)
    with closing(ingest):
        gone = {key: plan.sources.absent[key] for key in plan.changes.gone}
        ingest.delete_files(gone, plan.sources.taken_over)
        for file in plan.changes.read:
            items = read_items(file, plan.read_options(file.source), plan.target.recipe)
            ingest.add_file(file, items, plan.sources.by_path[file.source].meta)
            end_if_stopped(progress)
        ingest.flush()
        ingest.finish()
    return guard.found


class _RecordingGuard(LossGuard):
    """Guard that asks nobody. `found`: questions that it would have asked."""

    def __init__(self, guard: LossGuard) -> None:
        vars(self).update(vars(guard))
        self.found: list[LossQuestion] = []

    def check(self, questions: Sequence[LossQuestion], *, is_begun: bool = False) -> None:
        """Record questions."""
        self.found += questions


class _WholeDocuments:
    """Chunker that makes one passage of a document, and nothing to encode."""

    @property
    def chunker(self) -> _WholeDocuments:
        return self

    def lacks(self, name: str) -> str:
        return ""

    def passages(self, document: Document) -> list[Passage]:
        return [Passage(document.id, 0, 0, len(document.text), document.text, 1, 1)]

    def contents(self, document: Document, passages: Sequence[Passage]) -> list[str]:
        return []


class _NoVectors:
    """Encoder of documents that leaves them without rows."""

    def __init__(self) -> None:
        self._items: list[PendingDocument] = []

    @property
    def vectorizer(self) -> _NoVectors:
        return self

    def use_snapshot(self, snapshot: Snapshot, since: int) -> None:
        """Do nothing: no vector is looked up."""

    def add(self, item: PendingDocument) -> bool:
        self._items.append(item)
        return len(self._items) >= BATCH_DOCUMENTS

    def flush(self) -> Iterator[tuple[PendingDocument, CatalogEntry]]:
        items, self._items = self._items, []
        return ((item, item.entry) for item in items)


class _NoCommits:
    """Committer that writes nothing. `root`: of the index."""

    is_due = has_committed = has_rows = False

    def __init__(self, root: Path, plan: IndexPlan) -> None:
        self.root = root
        self.settings = plan.settings
        self._snapshot = plan.snapshot

    def commit(self, catalog: Catalog, *, finished: bool) -> tuple[Snapshot | None, int]:
        return self._snapshot, 0

    def note(self, *, finished: bool) -> None:
        """Do nothing: no field is set."""
