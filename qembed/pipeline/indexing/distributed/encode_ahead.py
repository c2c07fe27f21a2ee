"""Encoding on a cluster: all that the run will read is chunked and encoded there first, into files.

    read -> input shards -> those without a file to the cluster, in rounds -> a file each

The run that follows reads the same documents again and takes passages and vectors from the files. It alone
decides what is in the index. Without `--shards` the results come through the cluster's object store and lie
in a folder of the index, which goes when the run has come to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.engines.shared_folder import SharedFolder
from qembed.errors import EngineError
from qembed.paths import ENCODED
from qembed.pipeline.indexing.distributed.encoded_ahead import EncodedAhead
from qembed.pipeline.indexing.distributed.input_shards import (
    InputShard,
    input_shards,
    pack_documents,
)
from qembed.pipeline.indexing.distributed.shard_encoder import WorkerSettings
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.pipeline.progress import Progress
from qembed.store import Catalog
from qembed.types import Document, ReadItem

if TYPE_CHECKING:
    from qembed.pipeline.indexing.encoding.encoder_source import EncoderSource
    from qembed.pipeline.indexing.index_plan import IndexPlan
    from qembed.pipeline.indexing.options import IndexOptions

ROUND_CHARACTERS = 32 << 20
"""Characters of documents for each process of the cluster that one round takes: they lie in its memory."""
ATTEMPTS = 3
"""Times that a round is begun whose coordinator was lost with its machine."""

ONE_FOLDER = "--shards wants a folder that all machines share, or s3:// or gs://"
ONE_STORE = (
    "the machines' environments name different servers (AWS_ENDPOINT_URL, STORAGE_EMULATOR_HOST)"
)


def encode_ahead(
    plan: IndexPlan,
    options: IndexOptions,
    root: Path,
    source: EncoderSource,
    progress: Progress,
) -> EncodedAhead:
    """Chunk and encode on a cluster what the planned run will read of files.

    Raises EngineError, StorageError, UsageError, and what a worker raises of its model.
    """
    target = plan.target
    settings = WorkerSettings(
        target.spec, target.recipe, source.probes(), options.batches.texts_per_call
    )
    builder = PassageBuilder(target.model, target.recipe)
    place = options.shards or str(root / ENCODED)
    run = AheadRun(options.engine, place, options.shards is not None, settings, builder, progress)
    if plan.sources.stdin:
        progress.say("records of stdin are encoded here, not on the cluster")
    return run.run(planned_documents(plan))


class AheadRun:
    """Run of input shards over a cluster. `engine`: `ray` or its address; `place`: of the files;
    `is_shared`: all machines see it, and the workers write there.
    """

    def __init__(
        self,
        engine: str,
        place: str,
        is_shared: bool,
        settings: WorkerSettings,
        builder: PassageBuilder,
        progress: Progress,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._builder = builder
        self._progress = progress
        self._is_shared = is_shared
        self._ahead = EncodedAhead(SharedFolder(place))
        self._present: set[str] = set()
        self._nodes: set[str] = set()

    def run(self, documents: Iterable[Document]) -> EncodedAhead:
        """Encode the documents. Raises EngineError, StorageError, and what a worker raises of its model."""
        from qembed.engines.ray.cluster import connected
        from qembed.engines.ray.coordinator import processes

        self._progress.phase("encode on the cluster", "documents", None)
        self._present = self._ahead.folder.names()
        with connected(self._engine) as ray:
            size = processes(ray)
            self._progress.say(f"Ray: {len(ray.nodes())} machines, {size} processes")
            for todo in self._rounds(input_shards(documents), size):
                self._round(ray, todo)
                if self._progress.stop():
                    break
        return self._ahead

    def name(self, shard: InputShard) -> str:
        """Name of a shard's file: of its documents, the recipe and the version of qembed."""
        recipe = self._settings.recipe.fingerprint
        return f"{recipe}-{self._settings.version}-{shard.digest}.arrow"

    def _rounds(self, shards: Iterable[InputShard], size: int) -> Iterator[list[InputShard]]:
        """Collect the shards without a file, as many as the cluster takes at once."""
        todo: list[InputShard] = []
        for shard in shards:
            if self._progress.stop():
                return
            if not self._take_present(shard):
                todo.append(shard)
            if sum(s.characters for s in todo) >= ROUND_CHARACTERS * size:
                yield todo
                todo = []
        if todo:
            yield todo

    def _take_present(self, shard: InputShard) -> bool:
        """Take a shard's file if there is one."""
        if self.name(shard) not in self._present:
            return False
        self._ahead.add_file(self.name(shard), shard.keys)
        self._progress.advance(len(shard.documents))
        return True

    def _round(self, ray: Any, todo: list[InputShard]) -> None:
        """Encode shards; those that kill their processes again document by document."""
        from qembed.engines.ray.coordinator import RunLost

        left = todo
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(ray, left)
            except RunLost as e:
                if attempt == ATTEMPTS:
                    raise EngineError(f"the cluster gave up {ATTEMPTS} times: {e}") from e
                self._progress.say(f"the cluster begins again with what is left: {e}")
            left = [shard for shard in left if self.name(shard) not in self._present]
            if not left or self._progress.stop():
                return
        parts = [part for shard in left for part in shard.parts()]
        parts = [part for part in parts if not self._take_present(part)]
        for part in self._attempt(ray, parts) if parts else []:
            self._ahead.lost.update(part.keys)

    def _attempt(self, ray: Any, shards: list[InputShard]) -> list[InputShard]:
        """Give shards to the cluster. Returns those that have no file afterwards."""
        from qembed.engines.ray.coordinator import run_pieces
        from qembed.engines.ray.work import Piece

        kind_of = self._builder.chunker.kind_of
        waiting = {self.name(shard): shard for shard in shards}
        pieces = [
            Piece(name, pack_documents(s.documents, (kind_of(d.id) for d in s.documents)))
            for name, s in waiting.items()
        ]
        folder = self._ahead.folder
        shared = folder if self._is_shared else None
        for outcome in run_pieces(ray, pieces, self._settings, shared, self._progress.stop):
            if outcome.error:
                raise EngineError(f"a worker on {outcome.node} cannot go on: {outcome.error}")
            shard = waiting.pop(outcome.name, None)
            if shard is None:
                continue  # twice, after its machine was thought to be lost
            if outcome.output is not None:
                folder.write(outcome.name, outcome.output)
            elif outcome.node not in self._nodes and outcome.name not in folder.names():
                raise EngineError(
                    f"{outcome.node} wrote an encoded shard to {folder.place}, and this machine does not see "
                    f"it: {ONE_STORE if folder.is_store else ONE_FOLDER}"
                )
            self._nodes.add(outcome.node)
            self._present.add(outcome.name)
            self._take_present(shard)
        return list(waiting.values())


def without_known(
    items: Iterable[ReadItem], known: frozenset[bytes], meta: Mapping[str, Any]
) -> Iterator[Document]:
    """Documents of a file that the index does not have. `known`: digests; `meta`: of the source."""
    for item in items:
        if isinstance(item, Document):
            document = replace(item, meta={**meta, **item.meta})
            if document.picture is None and document.digest not in known:
                yield document


def planned_documents(plan: IndexPlan) -> Iterator[Document]:
    """Documents that a run will chunk and encode: of its files, those that the index does not have."""
    from qembed.pipeline.sequences.files import read_items
    from qembed.pipeline.source_options import read_options

    known = known_digests(plan.catalog.edit(~plan.damaged.mask, ()))
    for file in plan.changes.read:
        source = plan.sources.by_path[file.source]
        items = read_items(file, read_options(source), plan.target.recipe)
        yield from without_known(items, known, source.meta)


def known_digests(catalog: Catalog) -> frozenset[bytes]:
    """Digests of all documents of a catalog."""
    return frozenset(catalog.digests(list(range(len(catalog)))))
