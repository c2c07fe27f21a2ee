"""Parts of a session with a remote index."""

from __future__ import annotations

from pathlib import Path

from qembed.pipeline.filters import Filters
from qembed.pipeline.progress import StageTimer
from qembed.pipeline.retrieval.document_reader import DocumentReader
from qembed.pipeline.retrieval.remote.filters import RemoteFilters
from qembed.pipeline.retrieval.remote.search import RemoteSearch
from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot
from qembed.store import Snapshot


class RemoteDocumentReader(DocumentReader):
    """Passages and documents of a remote index."""

    def __init__(self, snapshot: RemoteSnapshot) -> None:
        super().__init__(snapshot)
        self._remote_filters = RemoteFilters(snapshot)

    @property
    def filters(self) -> Filters:
        """Evaluation of `--where`, by the server where it can."""
        return self._remote_filters

    def recheck(self) -> None:
        """Forget what may change without a new generation."""
        super().recheck()
        self._remote_filters.forget_results()

    def path_of(self, source: str, file: str) -> str | None:
        """Path of a document's file as it was where the index was made; None for records of no file."""
        if source == "-" or Path(source).exists() or Path(source).name != file:
            return super().path_of(source, file)
        return source


def is_present(snapshot: Snapshot) -> bool:
    """True if the server has no newer generation than the snapshot."""
    assert isinstance(snapshot, RemoteSnapshot)
    return snapshot.is_present()


def remote_parts(
    snapshot: Snapshot, timer: StageTimer
) -> tuple[RemoteSearch, RemoteDocumentReader]:
    """Search and documents of a remote index's generation, for a session."""
    assert isinstance(snapshot, RemoteSnapshot)
    return RemoteSearch(snapshot, timer), RemoteDocumentReader(snapshot)
