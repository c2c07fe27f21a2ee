"""Snapshot: one generation opened for reading, without a lock.

All files are opened at once. From then on no writer can disturb this reader: open files outlive their
names. If a file vanishes between reading the manifest and opening it, writers have committed two generations
meanwhile, and the manifest is read again.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import IndexDamaged
from qembed.store import manifest as manifests
from qembed.store.arrow import vectors_of
from qembed.store.catalog import Catalog, CatalogEntry
from qembed.store.manifest import Manifest
from qembed.store.row_group_cache import RowGroupCache
from qembed.store.shards import OPTIONAL_COLUMNS, ShardReader
from qembed.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

ATTEMPTS = 20
"""Times that the manifest is read again when a file it names has vanished."""
HASH_GROUPS = 64
"""Row groups whose text hashes, 1 MB, are read in one call: a call takes longer than the reading."""


class Snapshot:
    """Generation of an index, opened by `Snapshot.open`. A context manager that closes it."""

    def __init__(
        self, root: Path, manifest: Manifest, documents: BinaryIO, shards: Sequence[ShardReader]
    ) -> None:
        self.root = root
        self.manifest = manifest
        self._documents = documents
        self.shards = list(shards)
        self._starts = [s.first for s in shards]
        self._cache = RowGroupCache()

    @classmethod
    def open(cls, root: Path, name: str = manifests.MANIFEST) -> Snapshot:
        """Open the generation of the manifest file `name`. Raises NoIndex, IndexDamaged."""
        missing: Path | None = None
        for _ in range(ATTEMPTS):
            manifest = manifests.read(root, name)
            try:
                return cls.of(root, manifest)
            except FileNotFoundError as e:
                if missing == Path(e.filename) and manifest == manifests.read(root, name):
                    break  # the same file of the same generation: no writer replaced it
                missing = Path(e.filename)
        raise IndexDamaged(
            f"{missing} is missing, but the manifest names it (qembed verify tells what is lost)"
        )

    @classmethod
    def of(cls, root: Path, manifest: Manifest) -> Snapshot:
        """Open the files that a manifest names. Raises FileNotFoundError if one does not exist."""
        manifests.check_is_here(root)
        assert manifest.documents is not None
        opened: list[BinaryIO] = []
        try:
            opened.append((root / manifest.documents.name).open("rb"))
            shards = []
            for s in manifest.shards:
                path = root / s.file.name
                opened.append(path.open("rb"))
                shards.append(ShardReader(opened[-1], path, s.first, s.rows))
        except BaseException:
            for f in opened:
                f.close()
            raise
        return cls(root, manifest, opened[0], shards)

    def close(self) -> None:
        """Close the files."""
        self._documents.close()
        for s in self.shards:
            s.close()

    def resized_shards(self) -> list[str]:
        """Names of the shards whose files have not the size that the manifest says."""
        named = self.manifest.shards
        return [
            s.file.name for s, r in zip(named, self.shards, strict=True) if r.size != s.file.bytes
        ]

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # for sessions that end with their process

    @cached_property
    def catalog(self) -> Catalog:
        """Documents of this generation."""
        info = self.manifest.documents
        assert info is not None
        return Catalog.load(self._documents, self.root / info.name)

    @cached_property
    def _pointers(self) -> tuple[Rows, Rows, Rows]:
        """First row, number of rows and catalog position of the documents, sorted by first row."""
        import numpy as np

        first, rows = self.catalog.pointers()
        has = np.flatnonzero(rows > 0)
        order = has[np.argsort(first[has], kind="stable")]
        return first[order], rows[order], order.astype(np.int64)

    @cached_property
    def live(self) -> npt.NDArray[np.bool_] | None:
        """Mask of the living rows over [base, next_row), bool; None if all of them live."""
        if self.passages_total == self.manifest.next_row - self.manifest.base:
            return None
        first, rows, _ = self._pointers
        return live_mask(first, rows, self.manifest.base, self.manifest.next_row)

    @cached_property
    def pictures(self) -> npt.NDArray[np.bool_] | None:
        """Mask of the rows of pictures over [base, next_row), bool; None if no row is a picture's.

        A document's first row is the picture; behind it are those of text that was read in it.
        """
        import numpy as np

        if not self.manifest.recipe.images:
            return None
        digests = self.catalog.columns("picture")["picture"]
        first, counts = self.catalog.pointers()
        rows = first[np.array([d is not None for d in digests], dtype=bool) & (counts > 0)]
        if not len(rows):
            return None
        mask = np.zeros(self.manifest.next_row - self.manifest.base, dtype=bool)
        mask[rows - self.manifest.base] = True
        return mask

    def living_from(self, row: int) -> int:
        """Number of living rows from `row` on."""
        base, live = self.manifest.base, self.live
        if live is None:
            return self.manifest.next_row - max(row, base)
        return int(live[max(row - base, 0) :].sum())

    @cached_property
    def passages_total(self) -> int:
        """Number of living rows."""
        counted = self.manifest.counts.get("passages")
        return int(self._pointers[1].sum()) if counted is None else int(counted)

    def positions_of(self, rows: Rows) -> Rows:
        """Catalog position of each living row's document, int64 (n,)."""
        import numpy as np

        unread = self.catalog.unread if "_pointers" not in self.__dict__ else None
        if unread is not None and (known := unread.owners(rows)) is not None:
            return known
        first, _, position = self._pointers
        return position[np.searchsorted(first, rows, side="right") - 1]

    def rows_of(self, positions: Rows) -> Rows:
        """Rows of the documents at the given catalog positions, ascending."""
        import numpy as np

        first, rows = self.catalog.pointers()
        starts, counts = first[positions], rows[positions]
        starts, counts = starts[counts > 0], counts[counts > 0]
        if not len(starts):
            return np.zeros(0, dtype=np.int64)
        ends = np.cumsum(counts)
        within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        return np.sort(np.repeat(starts, counts) + within)

    def entries_of(self, rows: Rows) -> list[CatalogEntry]:
        """Catalog entry of each row's document."""
        return self.catalog.take(self.positions_of(rows))

    def titles_of(self, rows: Rows) -> list[str]:
        """Title of each row's document."""
        return self.catalog.titles(self.positions_of(rows))

    def _by_shard(self, rows: Rows) -> Iterator[tuple[ShardReader, Any]]:
        import numpy as np

        which = np.searchsorted(np.array(self._starts), rows, side="right") - 1
        for s in sorted(set(which.tolist())):
            yield self.shards[int(s)], which == s

    def passages(self, rows: Rows) -> list[Passage]:
        """Passages of the given rows, in their order."""
        import numpy as np

        columns = ["document", "seq", "start", "end", "text", "line", "end_line", *OPTIONAL_COLUMNS]
        found: list[Passage | None] = [None] * len(rows)
        for shard, mask in self._by_shard(rows):
            at = np.flatnonzero(mask)
            at = at[np.argsort(rows[at], kind="stable")]
            table = shard.lookup(rows[at], columns, self._cache).to_pydict()
            for i, values in zip(
                at.tolist(), zip(*(table[c] for c in columns), strict=True), strict=True
            ):
                found[i] = Passage(**dict(zip(columns, values, strict=True)))
        return [p for p in found if p is not None]

    def vectors(self, rows: Rows) -> Vectors:
        """Vectors of the given rows from the shards, float32 (n, dim), in their order."""
        import numpy as np

        out = np.empty((len(rows), self.manifest.recipe.dim), dtype=np.float32)
        for shard, mask in self._by_shard(rows):
            at = np.flatnonzero(mask)
            at = at[np.argsort(rows[at], kind="stable")]
            out[at] = vectors_of(shard.lookup(rows[at], ["vector"]))
        return out

    def release(self) -> None:
        """Drop what was decoded; it is read again when it is asked for."""
        self._cache.clear()

    def vector_batches(self, start: int) -> Iterator[tuple[int, Vectors]]:
        """Yield (first row, vectors) from row `start` on, a row group at a time."""
        for table, first in self._tables(["vector"], start):
            yield first, vectors_of(table)

    def _tables(
        self, columns: Sequence[str], start: int, groups: int = 1
    ) -> Iterator[tuple[Any, int]]:
        """Yield (table, first row) from row `start` on, `groups` row groups at a time."""
        begin = max(0, bisect.bisect_right(self._starts, start) - 1)
        for shard in self.shards[begin:]:
            at = max(start - shard.first, 0)
            if at >= shard.rows:
                continue
            row = shard.first + at
            for table in shard.batches(columns, at, groups):
                yield table, row
                row += table.num_rows

    def text_batches(self, start: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (first row, texts) from row `start` on, a row group at a time, with dead rows."""
        for table, first in self._tables(["text"], start):
            yield first, table.column("text").to_pylist()

    def text_hashes(self, start: int) -> npt.NDArray[np.void]:
        """Text hashes of the rows [start, next_row), V16 (n,)."""
        import numpy as np

        parts = []
        for table, _ in self._tables(["text_hash"], start, groups=HASH_GROUPS):
            for chunk in table.column("text_hash").chunks:
                data = np.frombuffer(chunk.buffers()[1], dtype="V16")
                parts.append(data[chunk.offset : chunk.offset + len(chunk)])
        return np.concatenate(parts) if parts else np.zeros(0, dtype="V16")


def live_mask(first: Rows, rows: Rows, base: int, next_row: int) -> npt.NDArray[np.bool_] | None:
    """Mask of the living rows over [base, next_row), bool; None if all of them live."""
    import numpy as np

    n = next_row - base
    if int(rows.sum()) == n:
        return None
    has = rows > 0
    begin = first[has] - base
    steps = np.bincount(begin, minlength=n + 1) - np.bincount(begin + rows[has], minlength=n + 1)
    return np.cumsum(steps[:-1]) > 0
