"""An index opened for answering: one generation with its model, its search and its documents."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.pipeline.progress import StageTimer
from qembed.pipeline.retrieval.document_reader import DocumentReader
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.user_config.remote_indexes import is_remote
from qembed.store import Snapshot
from qembed.store.manifest import read as read_manifest
from qembed.types import Recipe

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.pictures.calibration import KindSamples
    from qembed.pipeline.retrieval.ties.order import Places


def open_snapshot(root: Path) -> Snapshot:
    """Present generation of an index, here or on a server. Raises NoIndex, IndexDamaged, EngineError."""
    if is_remote(root):
        from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot

        return RemoteSnapshot(root)
    return Snapshot.open(root)


class Session:
    """One generation of the index at `root`. Raises NoIndex, IndexDamaged.

    `spec`: names the model otherwise than the index does. `snapshot`, `loaded`, `search`, `documents`:
    parts to use instead of the plain ones; they must belong to one generation. `timer`: collects seconds a
    stage; hand in the parts' own. `ties`: order of passages of equal score, None for that of the rows.
    """

    def __init__(
        self,
        root: Path,
        spec: str | None = None,
        *,
        snapshot: Snapshot | None = None,
        loaded: LoadedModel | None = None,
        search: IndexSearch | None = None,
        documents: DocumentReader | None = None,
        timer: StageTimer | None = None,
        ties: Places | None = None,
    ) -> None:
        self.root = root
        self.ties = ties
        self.timer = StageTimer() if timer is None else timer
        if snapshot is None:
            with self.timer("open"):
                snapshot = open_snapshot(root)
        if is_remote(root) and (search is None or documents is None):
            from qembed.pipeline.retrieval.remote.parts import remote_parts

            there = remote_parts(snapshot, self.timer)
            search, documents = search or there[0], documents or there[1]
        self.snapshot = snapshot
        self.loaded = loaded or LoadedModel(snapshot.manifest, spec, timer=self.timer)
        self.search = search or IndexSearch(snapshot, self.timer)
        self.documents = documents or DocumentReader(snapshot)

    def with_parts(
        self,
        loaded: LoadedModel | None = None,
        search: IndexSearch | None = None,
        ties: Places | None = None,
    ) -> Session:
        """The same generation with other parts. Shares all else, the open files included."""
        return Session(
            self.root,
            snapshot=self.snapshot,
            loaded=loaded or self.loaded,
            search=search or self.search,
            documents=self.documents,
            timer=self.timer,
            ties=ties or self.ties,
        )

    def reopen(self) -> Session:
        """Close this session and open the present generation.

        The model stays loaded if the recipe is the same.
        """
        opened = Session(self.root, self.loaded.given_spec, timer=self.timer)
        if opened.recipe == self.recipe:
            opened.loaded = self.loaded
        self.close()
        return opened

    def close(self) -> None:
        """Close the index's files."""
        self.snapshot.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_current(self) -> bool:
        """True if no writer has committed a newer generation, or exported one to the server."""
        if is_remote(self.root):
            from qembed.pipeline.retrieval.remote.parts import is_present

            return is_present(self.snapshot)
        present, ours = read_manifest(self.root), self.snapshot.manifest
        return (present.uid, present.generation) == (ours.uid, ours.generation)

    @property
    def recipe(self) -> Recipe:
        """Recipe of the stored vectors."""
        return self.snapshot.manifest.recipe

    @cached_property
    def kinds(self) -> KindSamples | None:
        """Samples of texts and of pictures, for scores on one scale; None unless the index has both."""
        if self.snapshot.pictures is None:
            return None
        from qembed.pipeline.retrieval.pictures.kind_search import sample_kinds

        return sample_kinds(self.snapshot, self.search)

    def begin_request(self) -> None:
        """Forget what a fresh process would not know: timings, sources, filters, that the graph is loaded."""
        self.timer.clear()
        self.documents.recheck()
        self.search.plan_as_cold()
