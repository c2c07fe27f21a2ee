"""Writer of an index: takes the lock, writes new files under new names, commits, sweeps.

    lock -> shards and documents under new names -> fsync -> manifest (one rename) -> sweep

A crash leaves the last committed generation whole, and files that no manifest names, which the next writer
sweeps. A rebuild writes its generations to a manifest of its own (`rebuild.json`) and becomes the index in
one rename at the end, so that it can be resumed too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged, NoIndex
from qembed.store import derived_files
from qembed.store import manifest as manifests
from qembed.store.arrow import vector_array
from qembed.store.catalog import Catalog
from qembed.store.damage import file_times
from qembed.store.damage.lost_manifest import begin_first_run, end_first_run
from qembed.store.durable_files import storage_errors, sync_folder
from qembed.store.index_folder import lock_index, remove_unnamed
from qembed.store.manifest import MANIFEST, REBUILD, Manifest, Shard, new_uid
from qembed.store.shards import ShardWriter
from qembed.store.snapshot import Snapshot
from qembed.types import Passage, Recipe

if TYPE_CHECKING:
    from qembed.types import Vectors

ROW_BLOCK_BITS = 32
"""A rebuild's rows begin at the next multiple of 2^32."""


class Writer:
    """Writer of generations. A context manager: leaving it drops uncommitted rows and releases the lock."""

    def __init__(
        self, root: Path, wait: float = 0.0, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Take the lock, waiting up to `wait` seconds.

        Raises IndexLocked, StorageError, IndexDamaged, UsageError for a folder with other files, and
        KeyboardInterrupt when `stop`, polled during the wait, returns True.
        """
        with storage_errors(root):
            self._lock = lock_index(root, wait, stop)
        self.root = root
        self.target = MANIFEST  # that it commits to, another one during a rebuild
        self._shard: ShardWriter | None = None
        self._finished: list[Shard] = []
        self._number = 0
        self.lost: Container[int] = ()  # first rows of damaged shards, which are not opened
        try:
            self.manifest: Manifest | None = self._read(MANIFEST)
            if self.manifest is not None:
                end_first_run(root)
            self.sweep()
        except BaseException:
            self._lock.release()
            raise

    def _read(self, name: str) -> Manifest | None:
        try:
            return manifests.read(self.root, name)
        except NoIndex:
            return None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop uncommitted rows and release the lock."""
        if self._shard is not None:
            self._shard.abandon()
            self._shard = None
        self._lock.release()

    # ── the generation to write ──────────────────────────────────────────────────────────────────

    @property
    def present(self) -> Manifest:
        """Manifest of the generation that is written to."""
        assert self.manifest is not None, "neither opened nor created"
        return self.manifest

    def create(self, recipe: Recipe, spec: str) -> None:
        """Start an index where there is none. Raises StorageError."""
        with storage_errors(self.root):
            begin_first_run(self.root)
        now = time.time()
        self.manifest = Manifest(recipe, spec, uid=new_uid(), created=now, refreshed=now)

    def begin_rebuild(self, recipe: Recipe, spec: str, *, resume: bool = True) -> None:
        """Write beside the present generation from now on, until `finish_rebuild`.

        `resume`: continue an interrupted rebuild with the same recipe, if there is one. Otherwise its files
        are left to the sweep. Row ids start in a new block of 2^32, so that none is used twice however many
        rows the present generation gets meanwhile.
        """
        present = self.manifest
        if present is None:
            self.create(recipe, spec)
            return
        self.target = REBUILD
        self.manifest = manifests.interrupted_rebuild(self.root, recipe) if resume else None
        if self.manifest is not None:
            return
        base = ((present.next_row >> ROW_BLOCK_BITS) + 1) << ROW_BLOCK_BITS
        self.manifest = replace(
            present,
            recipe=recipe,
            spec=spec,
            uid=new_uid(),
            base=base,
            next_row=base,
            shards=(),
            documents=None,
            failed=(),
            probes={},
            counts={},
        )

    def snapshot(self, catalog: Catalog | None = None) -> Snapshot | None:
        """Open the last committed generation of what is written; None if nothing was committed yet.

        `catalog`: its documents, if they are in memory and need not be read back.
        """
        if self.manifest is None or self.manifest.documents is None:
            return None
        try:
            found = Snapshot.of(self.root, self.manifest.without_shards(self.lost))
            if catalog is not None:
                found.catalog = catalog
            return found
        except FileNotFoundError as e:
            raise IndexDamaged(
                f"{e.filename} is missing, but the manifest names it (qembed verify tells what is lost)"
            ) from e

    def open_present(self, catalog: Catalog | None = None) -> Snapshot:
        """Open the last committed generation, as `snapshot`. Raises NoIndex if nothing was committed."""
        if (snapshot := self.snapshot(catalog)) is None:
            raise manifests.no_index(self.root)
        return snapshot

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def pending(self) -> int:
        """Number of rows appended since the last commit."""
        return sum(s.rows for s in self._finished) + (self._shard.rows if self._shard else 0)

    def append(self, passages: Sequence[Passage], hashes: Sequence[bytes], vectors: Vectors) -> int:
        """Append rows, which become visible with `commit`. Returns the first row id."""
        with storage_errors(self.root):
            return self._open_shard().add(passages, hashes, vectors)[0]

    def append_table(self, table: Any, vectors: Vectors | None = None) -> None:
        """Append rows of another generation under new row ids.

        `vectors`: float32 (rows, dim), instead of those of the table.
        """
        if vectors is not None:
            at = table.schema.get_field_index("vector")
            table = table.set_column(at, "vector", vector_array(vectors))
        with storage_errors(self.root):
            self._open_shard().add_table(table)

    def write_shard(self, first: int, tables: Iterable[Any]) -> Shard:
        """Write a shard of its own with the rows from `first` on, to be named by `commit_shards`."""
        with storage_errors(self.root):
            out = ShardWriter(self.root, self._new_shard_name(), first, self.present.recipe.dim)
            try:
                for table in tables:
                    out.add_table(table)
                return Shard(out.finish(), out.first, out.rows)
            except BaseException:
                out.abandon()
                raise

    @property
    def _tag(self) -> str:
        return f"{'r' if self.target == REBUILD else ''}{self.present.generation + 1:08d}"

    def _new_shard_name(self) -> str:
        self._number += 1
        return f"shards/{self._tag}-{self._number - 1:04d}.parquet"

    def _open_shard(self) -> ShardWriter:
        if self._shard is None:
            first = self.present.next_row + sum(s.rows for s in self._finished)
            dim = self.present.recipe.dim
            self._shard = ShardWriter(self.root, self._new_shard_name(), first, dim)
        return self._shard

    def _close_shard(self) -> None:
        if self._shard is not None:
            shard, self._shard = self._shard, None
            try:
                self._finished.append(Shard(shard.finish(), shard.first, shard.rows))
            except BaseException:
                shard.abandon()  # at once: a full disk needs the room
                raise

    # ── commits ──────────────────────────────────────────────────────────────────────────────────

    def commit(self, catalog: Catalog, **changes: Any) -> Manifest:
        """Make all appended rows and `catalog` the present generation.

        `changes`: manifest fields. Raises StorageError; the old generation then stands.
        """
        with storage_errors(self.root):
            self._close_shard()
            shards = (*self.present.shards, *self._finished)
            next_row = self.present.next_row + sum(s.rows for s in self._finished)
            return self._commit(catalog, shards=shards, next_row=next_row, **changes)

    def commit_rewritten(self, catalog: Catalog) -> Manifest:
        """Make the appended rows the only ones: `catalog` may point at no row from before."""
        with storage_errors(self.root):
            self._close_shard()
            base = self.present.next_row
            end = base + sum(s.rows for s in self._finished)
            return self._commit(catalog, shards=tuple(self._finished), base=base, next_row=end)

    def commit_shards(self, catalog: Catalog, shards: Sequence[Shard]) -> Manifest:
        """Replace the list of shards; together they hold the same rows as before."""
        assert self.pending == 0
        with storage_errors(self.root):
            return self._commit(catalog, shards=tuple(shards))

    def _commit(self, catalog: Catalog, **changes: Any) -> Manifest:
        documents = catalog.save(self.root, f"documents-{self._tag}.parquet")
        sync_folder(self.root / "shards")
        sync_folder(self.root)
        new = self.present.successor(documents=documents, committed=time.time(), **changes)
        manifests.write(self.root, new, self.target)
        end_first_run(self.root)
        file_times.note_commit(self.root, self.present, new)
        self.manifest = new
        self._finished, self._number = [], 0
        self.sweep()
        return new

    def note(self, **changes: Any) -> Manifest:
        """Change manifest fields that no reader's answer depends on; the generation stays."""
        with storage_errors(self.root):
            self.manifest = replace(self.present, **changes)
            manifests.write(self.root, self.manifest, self.target)
        return self.manifest

    def finish_rebuild(self) -> Manifest:
        """Make the rebuild the index, in one rename. Without a rebuild nothing happens."""
        if self.target == MANIFEST:
            return self.present
        with storage_errors(self.root):
            old = self._read(MANIFEST)
            previous = tuple(sorted(old.names())) if old else ()
            generation = max(self.present.generation, (old.generation if old else 0) + 1)
            self.manifest = replace(self.present, previous=previous, generation=generation)
            manifests.write(self.root, self.manifest, MANIFEST)
            self.target = MANIFEST
            (self.root / REBUILD).unlink(missing_ok=True)
            sync_folder(self.root)
            self.sweep()
        return self.manifest

    def drop_rebuild(self) -> None:
        """Go back to the present generation; what a rebuild has written is removed."""
        with storage_errors(self.root):
            (self.root / REBUILD).unlink(missing_ok=True)
            self.target, self.manifest = MANIFEST, self._read(MANIFEST)
            self.sweep()

    def forget_previous(self) -> Manifest:
        """Remove the files of the previous generation; readers that are still opening it start again."""
        self.note(previous=())
        self.sweep()
        return self.present

    # ── the sweep ────────────────────────────────────────────────────────────────────────────────

    def sweep(self) -> None:
        """Remove the files that no manifest names: leftovers of crashes and of old generations."""
        named = _named_files(self.root)
        if not named and self.manifest is not None:
            return  # no manifest can be read: nothing can be told apart
        named |= {s.file.name for s in self._finished}
        if self._shard is not None:
            named.add(self._shard.path_name)
        remove_unnamed(self.root, named)


def _named_files(root: Path) -> set[str]:
    """Names of the files of all generations that the manifests name, and of current derived files."""
    named: set[str] = set()
    for name in (MANIFEST, REBUILD):
        with contextlib.suppress(NoIndex, IndexDamaged):
            manifest = manifests.read(root, name)
            named |= manifest.names() | set(manifest.previous)
            if name == MANIFEST:
                named |= derived_files.names(root, manifest)
    return named
