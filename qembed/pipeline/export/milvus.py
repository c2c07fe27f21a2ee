"""`export milvus`: an index to a collection that readers search in its place.

The collection's own name holds the index's and its layout; readers know the alias. The index's rows are
compared with those of the collection, and only what differs is written. A rebuilt index, or metadata of
another type, make a new collection: the alias moves to it after it was checked, and the one before is
dropped. An export that was stopped leaves a state that says so, and the next one completes it, or begins anew
where a bulk import may go on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.engines.address import check_name, parse_server
from qembed.engines.fields import MetadataField, make_fields
from qembed.engines.milvus.alias import collection_of, move_alias
from qembed.engines.milvus.collection import MilvusCollection, RowStamps
from qembed.engines.milvus.connection import MilvusConnection
from qembed.engines.milvus.schema import MAX_ELEMENTS, layout_name, make_schema
from qembed.engines.milvus.state import SUFFIX, read_state, write_state
from qembed.engines.milvus.term_counts import TERMS_SUFFIX, TermCounts
from qembed.errors import EngineError, UsageError
from qembed.pipeline.export.changes import Changes, plan_changes
from qembed.pipeline.export.documents import metadata_kinds, stamp_documents
from qembed.pipeline.export.milvus_bulk import BulkExport, BulkRequest
from qembed.pipeline.export.milvus_entities import make_entities
from qembed.pipeline.export.milvus_state import export_state, fields_of, fits
from qembed.pipeline.export.milvus_words import WordChanges, WordCounts, removed_words
from qembed.pipeline.progress import Progress
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.pipeline.user_config.remote_indexes import export_lock
from qembed.search.lexical import VERSION as ANALYZER
from qembed.store import Snapshot

if TYPE_CHECKING:
    from qembed.types import Rows

BATCH_BYTES = 8 << 20
"""Bytes of vectors in one call, about."""
CALL_BYTES = 16 << 20
"""Bytes of texts in one call: servers refuse calls of 64 MiB."""
SAMPLE = 100
"""Entities that are read back and compared."""


@dataclass(frozen=True, slots=True)
class MilvusExport:
    """Request of an export to the server at `url`.

    `vector_index`: flat or hnsw, None for the one there is, hnsw for a new one. `wait`: seconds to wait for
    another export of this user to the same name. `bulk`: how a new collection is filled, if by a bulk import.
    """

    url: str
    name: str
    vector_index: str | None = None
    rebuild: bool = False
    dry_run: bool = False
    wait: float = 10.0
    bulk: BulkRequest | None = None


@dataclass(slots=True)
class ExportSummary:
    """Result of an export. `collection`: the alias's, `dropped`: the ones before.

    `imported`: of the new passages, those by a bulk import. `warnings`: on what it may lack.
    """

    url: str
    collection: str
    generation: int
    passages: int
    new: int
    updated: int
    deleted: int
    moved_alias: bool
    dropped: list[str] = field(default_factory=list)
    checked: int = 0
    imported: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    warnings: Sequence[str] = ()


def export_milvus(root: Path, request: MilvusExport, progress: Progress) -> ExportSummary:
    """Bring the collection to the index's present generation, and let the alias stand for it.

    Raises NoIndex, UsageError, InputError, EngineError, IndexLocked; the alias then stands for what it did.
    """
    address = parse_server(request.url)
    check_name(request.name)
    if request.bulk is not None:
        request.bulk.check()
    began = time.perf_counter()
    place = f"{address.url}/{request.name}"
    with (
        _of_texts(root) as snapshot,
        export_lock(place, request.wait),
        MilvusConnection(address) as server,
    ):
        summary = _Run(snapshot, server, request, progress).run()
        summary.warnings = unfinished_warnings(root, snapshot.manifest)
    summary.seconds = time.perf_counter() - began
    return summary


@contextlib.contextmanager
def _of_texts(root: Path) -> Iterator[Snapshot]:
    """Open an index. Raises UsageError for one with pictures: of a copy nobody could tell them from texts."""
    with Snapshot.open(root) as snapshot:
        if snapshot.pictures is not None:
            number = int(snapshot.pictures.sum())
            raise UsageError(
                f"the index has {number:,} picture{'s' if number > 1 else ''}: a collection holds texts and "
                "sequences alone, as its readers do not compare two kinds (qembed index PATH --exclude GLOB "
                "makes an index without pictures; qembed export parquet writes both)"
            )
        yield snapshot


class _Run:
    def __init__(
        self,
        snapshot: Snapshot,
        server: MilvusConnection,
        request: MilvusExport,
        progress: Progress,
    ) -> None:
        self.snapshot = snapshot
        self.server = server
        self.request = request
        self.progress = progress
        self.present = collection_of(server, request.name)
        if self.present is None and MilvusCollection(server, request.name).exists():
            raise UsageError(
                f"{request.name} on {server.address.url} is a collection, and no alias of one that qembed "
                "made (--collection wants another name)"
            )
        self.fields, self.index = self._layout()
        self.name = self._collection_name()
        self.bulk: BulkExport | None = None
        if request.bulk is not None:
            bulk = BulkExport(server, request.bulk, progress)
            # it adds without replacing: what changed in a collection in use is upserted
            self.bulk = bulk if self.present != self.name else None

    def run(self) -> ExportSummary:
        target = MilvusCollection(self.server, self.name)
        there, trusted = _nothing(), False
        begun = target.exists() and not self.request.rebuild and self.bulk is None
        state = (read_state(self.server, self.name) if begun else None) or {}
        begun &= not state.get("importing")  # a bulk import that was stopped may still add entities
        if begun:
            target.load()
            there = target.stamps()
            trusted = bool(state.get("complete"))
        ours = stamp_documents(self.snapshot)
        changes = plan_changes(ours.rows, ours.stamps, there.rows, there.stamps)
        summary = ExportSummary(
            url=f"milvus+{self.server.address.url}/{self.request.name}",
            collection=self.name,
            generation=self.snapshot.manifest.generation,
            passages=len(ours.rows),
            new=changes.new,
            updated=changes.updated,
            deleted=len(changes.delete),
            moved_alias=self.present != self.name,
            dry_run=self.request.dry_run,
        )
        if self.request.dry_run:
            return summary
        stamps = dict(zip(ours.rows.tolist(), ours.stamps.tolist(), strict=True))
        words = WordChanges(removed_words(target, there, changes) if trusted else None)
        self.progress.phase("export", "passages", len(changes.write))
        batches = self._batches(changes, stamps, words)
        dim = self.snapshot.manifest.recipe.dim
        if self.bulk is not None:
            self.bulk.write(batches, make_schema(self.server.client, self.fields, dim))
        if not begun:
            if target.exists():
                target.drop()  # of a rebuild that was stopped
            target.create(self.fields, dim, self.index, load=self.bulk is None)
        self._save_state(None)
        if self.bulk is not None:
            self.bulk.load(target, len(ours.rows))
            summary.imported = len(ours.rows)
        else:
            for entities in batches:
                for some in _calls(entities):
                    target.upsert(some)
            target.delete(changes.delete)
            target.flush()
        summary.checked = self._check(target, ours.rows, stamps)
        words.save(TermCounts(self.server, self.name), target, is_new=not begun)
        self._save_state(words.total(there, changes))
        if summary.moved_alias:
            move_alias(self.server, self.request.name, self.name)
        summary.dropped = self._drop_others()
        return summary

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def _layout(self) -> tuple[Sequence[MetadataField], str]:
        """Columns of the metadata and index of the vectors: the ones there are, if the index fits them."""
        kinds = metadata_kinds(self.snapshot, MAX_ELEMENTS)
        state = None if self.present is None else read_state(self.server, self.present)
        wanted = self.request.vector_index
        if state is None or self.request.rebuild:
            return make_fields(kinds), wanted or (state or {}).get("index") or "hnsw"
        have = fields_of(state)
        columns = self.snapshot.catalog.fields
        untyped = columns.untyped | (set(columns.columns) - set(kinds))
        if not fits(have, kinds, frozenset(untyped)):
            have = make_fields(kinds)
        return have, wanted or state["index"]

    def _collection_name(self) -> str:
        """Name of the collection to write; that of a rebuild differs from the present one's."""
        manifest = self.snapshot.manifest
        layout = layout_name(self.fields, manifest.recipe.dim, ANALYZER, self.index)
        names = [f"{self.request.name}_{manifest.uid}_{layout}_{part}" for part in "ab"]
        if self.request.rebuild:
            return names[1] if self.present == names[0] else names[0]
        return names[1] if self.present == names[1] else names[0]

    def _drop_others(self) -> list[str]:
        """Drop the collections of earlier layouts, and of exports that were never finished."""
        with self.server.calling("list collections"):
            names = [str(n) for n in self.server.client.list_collections()]
        found = []
        for name in names:
            ours = name.startswith(f"{self.request.name}_") and name + SUFFIX in names
            if ours and name != self.name and _is_name_of(name, self.request.name):
                MilvusCollection(self.server, name).drop()
                for beside in (name + SUFFIX, name + TERMS_SUFFIX):
                    if beside in names:
                        MilvusCollection(self.server, beside).drop()
                found.append(name)
        return found

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    def _batches(
        self, changes: Changes, stamps: dict[int, int], words: WordChanges
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the entities to write, and count their words."""
        step = max(1, min(1000, BATCH_BYTES // (4 * self.snapshot.manifest.recipe.dim)))
        for start in range(0, len(changes.write), step):
            rows = changes.write[start : start + step]
            entities = make_entities(self.snapshot, rows, stamps, self.fields)
            yield entities
            words.add(entities)
            self.progress.advance(len(rows))

    def _check(self, target: MilvusCollection, rows: Rows, stamps: dict[int, int]) -> int:
        """Compare the number of entities, and a sample of them. Returns the size of the sample."""
        import numpy as np

        found = target.count()
        if found != len(rows):
            raise self._differs(f"{found:,} entities are there, {len(rows):,} are wanted")
        step = max(1, len(rows) // SAMPLE)
        sample = rows[::step][:SAMPLE]
        there = target.lookup(sample, ["stamp", "document", "text", "vector"])
        wanted = make_entities(self.snapshot, sample, stamps, self.fields)
        for one in wanted:
            got = there.get(one["row"])
            same = got is not None and all(got[c] == one[c] for c in ("stamp", "document", "text"))
            if not same or not np.allclose(got["vector"], one["vector"], atol=1e-6):  # type: ignore[index]
                raise self._differs(
                    f"{one['document']}, passage {one['seq']}, is not as it was written"
                )
        return len(sample)

    def _differs(self, what: str) -> EngineError:
        return EngineError(
            f"Milvus at {self.server.address.url}: {self.name} does not hold the index: {what}. "
            f"{self.request.name} stands for what it did (run it again; --rebuild writes all anew)"
        )

    def _save_state(self, words: WordCounts | None) -> None:
        importing = words is None and self.bulk is not None
        state = export_state(self.snapshot, self.fields, self.index, words, importing)
        write_state(self.server, self.name, state)


def _nothing() -> RowStamps:
    import numpy as np

    return RowStamps(*np.zeros((4, 0), dtype=np.int64))


def _calls(entities: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Divide entities into lists of at most CALL_BYTES of text."""
    some: list[dict[str, Any]] = []
    size = 0
    for one in entities:
        length = sum(len(v.encode()) for v in one.values() if isinstance(v, str))
        if some and size + length > CALL_BYTES:
            yield some
            some, size = [], 0
        some.append(one)
        size += length
    if some:
        yield some


def _is_name_of(collection: str, name: str) -> bool:
    """True if a collection was made by an export under this name."""
    parts = collection.removeprefix(f"{name}_").split("_")
    return [len(p) for p in parts] == [12, 8, 1]
