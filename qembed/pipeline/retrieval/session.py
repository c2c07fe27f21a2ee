"""An index opened for answering: one generation with its model, its search and its documents."""

from __future__ import annotations

from pathlib import Path

from qembed.pipeline.progress import StageTimer
from qembed.pipeline.retrieval.document_reader import DocumentReader
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.store import Snapshot
from qembed.store.manifest import read as read_manifest
from qembed.types import Recipe


class Session:
    """One generation of the index at `root`. Raises NoIndex, IndexDamaged.

    `spec`: names the model otherwise than the index does. `snapshot`, `loaded`, `search`, `documents`:
    parts to use instead of the plain ones; they must belong to one generation. `timer`: collects seconds a
    stage; hand in the parts' own.
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
    ) -> None:
        self.root = root
        self.timer = StageTimer() if timer is None else timer
        if snapshot is None:
            with self.timer("open"):
                snapshot = Snapshot.open(root)
        self.snapshot = snapshot
        self.loaded = loaded or LoadedModel(snapshot.manifest, spec, timer=self.timer)
        self.search = search or IndexSearch(snapshot, self.timer)
        self.documents = documents or DocumentReader(snapshot)

    def with_parts(
        self, loaded: LoadedModel | None = None, search: IndexSearch | None = None
    ) -> Session:
        """The same generation with another model or search. Shares all else, the open files included."""
        return Session(
            self.root,
            snapshot=self.snapshot,
            loaded=loaded or self.loaded,
            search=search or self.search,
            documents=self.documents,
            timer=self.timer,
        )

    def reopen(self) -> Session:
        """Close this session and open the present generation.

        The model stays loaded if the recipe is the same.
        """
        with self.timer("open"):
            snapshot = Snapshot.open(self.root)
        loaded = self.loaded
        if snapshot.manifest.recipe != self.recipe:
            loaded = LoadedModel(snapshot.manifest, loaded.given_spec, timer=self.timer)
        self.close()
        return Session(self.root, snapshot=snapshot, loaded=loaded, timer=self.timer)

    def close(self) -> None:
        """Close the index's files."""
        self.snapshot.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_current(self) -> bool:
        """True if no writer has committed a newer generation."""
        present, ours = read_manifest(self.root), self.snapshot.manifest
        return (present.uid, present.generation) == (ours.uid, ours.generation)

    @property
    def recipe(self) -> Recipe:
        """Recipe of the stored vectors."""
        return self.snapshot.manifest.recipe

    def begin_request(self) -> None:
        """Forget what a fresh process would not know: timings, sources, filters, that the graph is loaded."""
        self.timer.clear()
        self.documents.recheck()
        self.search.plan_as_cold()
