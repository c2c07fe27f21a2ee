"""The one writer: takes the lock, writes new files under new names, commits, sweeps.

    lock -> shards and documents under new names -> fsync -> manifest (one rename) -> sweep

A crash at any point leaves the last committed generation whole. What it left behind is named by no
manifest and is swept by the next writer. A rebuild writes its generations to a manifest of its own
(`rebuild.json`) and becomes the index in one rename at the end, so that it can be resumed too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged, IndexLocked, NoIndex
from qembed.locks import FileLock, LockHeld
from qembed.store import derived_files
from qembed.store import manifest as manifests
from qembed.store.arrow import filtered
from qembed.store.catalog import Catalog, live_mask
from qembed.store.durable_files import storage_errors, sync_folder
from qembed.store.manifest import MANIFEST, REBUILD, Manifest, Shard
from qembed.store.shards import COLUMNS, ShardWriter, vector_array
from qembed.store.snapshot import Snapshot
from qembed.types import Passage, Recipe

if TYPE_CHECKING:
    from qembed.types import Vectors

OURS = re.compile(r"(documents-r?\d+\.parquet|(manifest|rebuild)\.json\.tmp)$")


class Writer:
    """Writes generations. A context manager: leaving it gives the lock back and drops what is pending."""

    def __init__(self, root: Path, wait: float = 0.0) -> None:
        with storage_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            (root / "shards").mkdir(exist_ok=True)
            (root / derived_files.FOLDER).mkdir(exist_ok=True)
            try:
                self._lock = FileLock(root / "lock", wait, mode=0o644)
            except LockHeld as e:
                raise IndexLocked(
                    f"another qembed (process {e.pid or 'unknown'}) is writing to {root} "
                    "(wait for it: --wait SECONDS)"
                ) from None
        self.root = root
        self._target = MANIFEST
        self._shard: ShardWriter | None = None
        self._finished: list[Shard] = []
        self._number = 0
        try:
            self.manifest: Manifest | None = self._read(MANIFEST)
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
        """Drops what was not committed and gives the lock back."""
        if self._shard is not None:
            self._shard.abandon()
            self._shard = None
        self._lock.release()

    # ── what to write to ─────────────────────────────────────────────────────────────────────────

    def create(self, recipe: Recipe, spec: str) -> None:
        """Starts an index where there is none."""
        self.manifest = Manifest(recipe, spec, uid=uuid.uuid4().hex[:12], created=time.time())

    def begin_rebuild(self, recipe: Recipe, spec: str, *, anew: bool = False) -> None:
        """Writes beside the present generation from now on; resumes a rebuild with the same recipe.

        `anew`: what such a rebuild had so far is left to the sweep.

        Rows start in a new block of 2^32, so that none is ever used twice whatever the present index
        grows to meanwhile.
        """
        present = self.manifest
        if present is None:
            return self.create(recipe, spec)
        self._target = REBUILD
        try:
            begun = self._read(REBUILD)
        except IndexDamaged:
            begun = None  # what a rebuild had so far only saves time
        same = begun is not None and begun.recipe.fingerprint == recipe.fingerprint
        if begun is not None and same and not anew:
            self.manifest = begun
            return None
        base = ((present.next_row >> 32) + 1) << 32
        self.manifest = replace(
            present,
            recipe=recipe,
            spec=spec,
            uid=uuid.uuid4().hex[:12],
            base=base,
            next_row=base,
            shards=(),
            documents=None,
            failed=(),
            probes={},
            counts={},
        )
        return None

    def snapshot(self, catalog: Catalog | None = None) -> Snapshot | None:
        """What is committed so far in what is being written, opened; None if there is nothing yet.

        `catalog`: its documents, where they are at hand and need not be read back.
        """
        if self.manifest is None or self.manifest.documents is None:
            return None
        try:
            found = Snapshot.of(self.root, self.manifest)
            if catalog is not None:
                found.catalog = catalog
            return found
        except FileNotFoundError as e:
            raise IndexDamaged(
                f"{e.filename} is missing, but the manifest names it (qembed verify tells what is lost)"
            ) from e

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    @property
    def _tag(self) -> str:
        assert self.manifest is not None
        return f"{'r' if self._target == REBUILD else ''}{self.manifest.generation + 1:08d}"

    @property
    def pending(self) -> int:
        """Rows appended since the last commit."""
        return sum(s.rows for s in self._finished) + (self._shard.rows if self._shard else 0)

    def append(self, passages: Sequence[Passage], hashes: Sequence[bytes], vectors: Vectors) -> int:
        """Adds rows, nothing is visible until `commit`. Returns the first row id."""
        with storage_errors(self.root):
            return self._open_shard().add(passages, hashes, vectors)[0]

    def append_table(self, table: Any, vectors: Vectors) -> None:
        """Adds finished rows under new ids, with other vectors: float32 (rows, dim)."""
        with storage_errors(self.root):
            at = table.schema.get_field_index("vector")
            self._open_shard().add_table(table.set_column(at, "vector", vector_array(vectors)))

    def _open_shard(self) -> ShardWriter:
        if self._shard is None:
            assert self.manifest is not None
            name = f"shards/{self._tag}-{self._number:04d}.parquet"
            first = self.manifest.next_row + sum(s.rows for s in self._finished)
            self._shard = ShardWriter(self.root, name, first, self.manifest.recipe.dim)
            self._number += 1
        return self._shard

    def _close_shard(self) -> None:
        if self._shard is not None:
            shard, self._shard = self._shard, None
            try:
                self._finished.append(Shard(shard.finish(), shard.first, shard.rows))
            except BaseException:
                shard.abandon()  # at once: a full disk needs the room
                raise

    def commit(self, catalog: Catalog, **changes: Any) -> Manifest:
        """Makes everything appended so far and `catalog` the present generation.

        `changes` are fields of the manifest. Raises StorageError; the old generation then stands.
        """
        assert self.manifest is not None
        with storage_errors(self.root):
            self._close_shard()
            shards = (*self.manifest.shards, *self._finished)
            next_row = self.manifest.next_row + sum(s.rows for s in self._finished)
            return self._commit(catalog, shards=shards, next_row=next_row, **changes)

    def _commit(self, catalog: Catalog, **changes: Any) -> Manifest:
        assert self.manifest is not None
        documents = catalog.save(self.root, f"documents-{self._tag}.parquet")
        sync_folder(self.root / "shards")
        sync_folder(self.root)
        new = self.manifest.successor(documents=documents, committed=time.time(), **changes)
        manifests.write(self.root, new, self._target)
        self.manifest = new
        self._finished, self._number = [], 0
        self.sweep()
        return new

    def note(self, **changes: Any) -> Manifest:
        """Changes manifest fields that no reader's answer depends on; the generation stays."""
        assert self.manifest is not None
        with storage_errors(self.root):
            self.manifest = replace(self.manifest, **changes)
            manifests.write(self.root, self.manifest, self._target)
        return self.manifest

    def finish_rebuild(self) -> Manifest:
        """The rebuild becomes the index, in one rename."""
        assert self.manifest is not None
        if self._target == REBUILD:
            with storage_errors(self.root):
                old = self._read(MANIFEST)
                previous = tuple(sorted(old.names())) if old else ()
                generation = max(self.manifest.generation, (old.generation if old else 0) + 1)
                self.manifest = replace(self.manifest, previous=previous, generation=generation)
                manifests.write(self.root, self.manifest, MANIFEST)
                self._target = MANIFEST
                with contextlib.suppress(FileNotFoundError):
                    (self.root / REBUILD).unlink()
                sync_folder(self.root)
                self.sweep()
        return self.manifest

    # ── keeping house ────────────────────────────────────────────────────────────────────────────

    def compact(
        self,
        snapshot: Snapshot,
        catalog: Catalog | None = None,
        lost: Container[int] = frozenset(),
    ) -> Manifest:
        """Rewrites the living rows under new ids and drops the dead ones, as one commit.

        `catalog`: the documents to keep, if not all. `lost`: first rows of shards that cannot be read;
        no kept document may point into them.
        """
        import numpy as np

        assert self.manifest is not None
        assert self.pending == 0
        old = self.manifest
        catalog = snapshot.catalog if catalog is None else catalog
        first, rows = catalog.pointers()
        live = live_mask(first, rows, old.base, old.next_row)
        if live is None:
            return old
        with storage_errors(self.root):
            for reader in snapshot.shards:
                if reader.first in lost:
                    continue
                at = reader.first - old.base
                for table in reader.batches(COLUMNS):
                    mask = live[at : at + table.num_rows]
                    at += table.num_rows
                    if mask.any():
                        self._open_shard().add_table(filtered(table, mask))
            self._close_shard()
            rank = np.cumsum(live) - 1
            inside = np.clip(first - old.base, 0, max(len(rank) - 1, 0))
            moved = np.where(rows > 0, old.next_row + rank[inside], old.next_row)
            return self._commit(
                catalog.with_rows(moved),
                shards=tuple(self._finished),
                base=old.next_row,
                next_row=old.next_row + sum(s.rows for s in self._finished),
            )

    def forget_previous(self) -> Manifest:
        """Gives up the files of the generation before, which readers that are late would still want."""
        manifest = self.note(previous=())
        self.sweep()
        return manifest

    def merge_small(self, snapshot: Snapshot, most: int = 24, small: int = 25_000) -> Manifest:
        """Joins neighbouring small shards once there are more than `most` of them; row ids stay."""
        assert self.manifest is not None
        assert self.pending == 0
        old = self.manifest
        if sum(s.rows < small for s in old.shards) <= most:
            return old
        with storage_errors(self.root):
            shards: list[Shard] = []
            group: list[Shard] = []
            for shard in (*old.shards, None):
                if shard is not None and shard.rows < small:
                    group.append(shard)
                    continue
                shards += self._merge(snapshot, group) if len(group) > 1 else group
                group = []
                if shard is not None:
                    shards.append(shard)
            return self._commit(snapshot.catalog, shards=tuple(shards))

    def _merge(self, snapshot: Snapshot, group: Sequence[Shard]) -> list[Shard]:
        assert self.manifest is not None
        name = f"shards/{self._tag}-{self._number:04d}.parquet"
        self._number += 1
        out = ShardWriter(self.root, name, group[0].first, self.manifest.recipe.dim)
        wanted = {s.first for s in group}
        try:
            for reader in snapshot.shards:
                if reader.first in wanted:
                    for table in reader.batches(COLUMNS):
                        out.add_table(table)
            return [Shard(out.finish(), out.first, out.rows)]
        except BaseException:
            out.abandon()
            raise

    def sweep(self) -> None:
        """Removes what no manifest names: leftovers of crashes and generations nobody needs."""
        keep: set[str] = set()
        for name in (MANIFEST, REBUILD):
            with contextlib.suppress(NoIndex, IndexDamaged):
                m = manifests.read(self.root, name)
                keep |= m.names() | set(m.previous)
                for kind in derived_files.KINDS:
                    if name == MANIFEST and (stamp := derived_files.current(self.root, m, kind)):
                        # of a folder its name, else the file's
                        kept = "/".join(Path(stamp.file).parts[:2])
                        keep |= {kept, f"{derived_files.FOLDER}/{kind}.json"}
        if not keep and self.manifest is not None:
            return  # nothing can be told apart: better litter than loss
        pending = self._shard.path_name if self._shard else None
        keep |= {s.file.name for s in self._finished} | ({pending} if pending else set())
        for folder in ("", "shards", derived_files.FOLDER):
            for entry in os.scandir(self.root / folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if name in keep or (not folder and not OURS.match(name)):
                    continue
                if folder == derived_files.FOLDER and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                    continue
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - the entry has the path already
