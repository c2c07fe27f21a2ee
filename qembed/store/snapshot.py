"""A generation opened for reading, without a lock.

Opening takes hold of every file at once. From then on nothing a writer does can disturb this reader:
open files outlive their names. A file that vanished between reading the manifest and opening it means
that writers have moved on by two generations meanwhile, so the manifest is simply read again.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import IndexDamaged
from qembed.store import manifest as manifests
from qembed.store.catalog import Catalog, CatalogEntry, live_mask
from qembed.store.manifest import Manifest
from qembed.store.row_group_cache import RowGroupCache
from qembed.store.shards import LATER, ShardReader, vectors_of
from qembed.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

ATTEMPTS = 20
HASHES = 64
"""Row groups whose hashes are read in one call, 1 MB: calls take longer than the reading."""


class Snapshot:
    """One generation of an index. Use `Snapshot.open`."""

    def __init__(
        self, root: Path, manifest: Manifest, documents: BinaryIO, shards: Sequence[ShardReader]
    ) -> None:
        self.root = root
        self.manifest = manifest
        self._documents = documents
        self.shards = list(shards)
        self._starts = [s.first for s in shards]
        self._recent = RowGroupCache()

    @classmethod
    def open(cls, root: Path, name: str = manifests.MANIFEST) -> Snapshot:
        """Opens the present generation. Raises NoIndex, IndexDamaged."""
        missing: Path | None = None
        for _ in range(ATTEMPTS):
            manifest = manifests.read(root, name)
            try:
                return cls.of(root, manifest)
            except FileNotFoundError as e:
                if missing == Path(e.filename) and manifest == manifests.read(root, name):
                    break  # the same file of the same generation: it is gone, not moved on
                missing = Path(e.filename)
        raise IndexDamaged(
            f"{missing} is missing, but the manifest names it (qembed verify tells what is lost)"
        )

    @classmethod
    def of(cls, root: Path, manifest: Manifest) -> Snapshot:
        """Opens the files of a manifest already read. Raises FileNotFoundError if one is gone."""
        assert manifest.documents is not None
        held: list[BinaryIO] = []
        try:
            held.append((root / manifest.documents.name).open("rb"))
            shards = []
            for s in manifest.shards:
                path = root / s.file.name
                held.append(path.open("rb"))
                shards.append(ShardReader(held[-1], path, s.first, s.rows))
        except BaseException:
            for f in held:
                f.close()
            raise
        return cls(root, manifest, held[0], shards)

    def close(self) -> None:
        """Lets go of the files."""
        self._documents.close()
        for s in self.shards:
            s.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # a session that ends with its process need not say so

    @cached_property
    def catalog(self) -> Catalog:
        """The documents of this generation."""
        info = self.manifest.documents
        assert info is not None
        return Catalog.load(self._documents, self.root / info.name)

    @cached_property
    def _pointers(self) -> tuple[Rows, Rows, Rows]:
        """Documents by first row: (first, rows, position in the catalog)."""
        import numpy as np

        first, rows = self.catalog.pointers()
        has = np.flatnonzero(rows > 0)
        order = has[np.argsort(first[has], kind="stable")]
        return first[order], rows[order], order.astype(np.int64)

    @cached_property
    def live(self) -> npt.NDArray[np.bool_] | None:
        """bool (rows,) over [base, next_row): which live; None where all do."""
        if self.passages_total == self.manifest.next_row - self.manifest.base:
            return None
        first, rows, _ = self._pointers
        return live_mask(first, rows, self.manifest.base, self.manifest.next_row)

    @cached_property
    def passages_total(self) -> int:
        """How many rows live."""
        counted = self.manifest.counts.get("passages")
        return int(self._pointers[1].sum()) if counted is None else int(counted)

    def positions_of(self, rows: Rows) -> Rows:
        """The catalog position of the document each (live) row belongs to, int64 (n,)."""
        import numpy as np

        first, _, position = self._pointers
        return position[np.searchsorted(first, rows, side="right") - 1]

    def rows_of(self, positions: Rows) -> Rows:
        """All rows of the documents at the given catalog positions, ascending."""
        import numpy as np

        first, rows = self.catalog.pointers()
        starts, counts = first[positions], rows[positions]
        starts, counts = starts[counts > 0], counts[counts > 0]
        if not len(starts):
            return np.zeros(0, dtype=np.int64)
        ends = np.cumsum(counts)
        within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        return np.sort(np.repeat(starts, counts) + within)

    def lines_of(self, rows: Rows) -> list[CatalogEntry]:
        """The document of each row."""
        return self.catalog.take(self.positions_of(rows))

    def titles_of(self, rows: Rows) -> list[str]:
        """The title of each row's document."""
        return self.catalog.titles(self.positions_of(rows))

    def _by_shard(self, rows: Rows) -> Iterator[tuple[ShardReader, Any]]:
        import numpy as np

        which = np.searchsorted(np.array(self._starts), rows, side="right") - 1
        for s in sorted(set(which.tolist())):
            yield self.shards[int(s)], which == s

    def passages(self, rows: Rows) -> list[Passage]:
        """The passages of the given rows, in their order."""
        import numpy as np

        columns = ["document", "seq", "start", "end", "text", "line", "end_line", *LATER]
        found: list[Passage | None] = [None] * len(rows)
        for shard, mask in self._by_shard(rows):
            at = np.flatnonzero(mask)
            at = at[np.argsort(rows[at], kind="stable")]
            table = shard.lookup(rows[at], columns, self._recent).to_pydict()
            for i, values in zip(
                at.tolist(), zip(*(table[c] for c in columns), strict=True), strict=True
            ):
                found[i] = Passage(**dict(zip(columns, values, strict=True)))
        return [p for p in found if p is not None]

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of the given rows from the shards, float32 (n, dim), in their order."""
        import numpy as np

        out = np.empty((len(rows), self.manifest.recipe.dim), dtype=np.float32)
        for shard, mask in self._by_shard(rows):
            at = np.flatnonzero(mask)
            at = at[np.argsort(rows[at], kind="stable")]
            out[at] = vectors_of(shard.lookup(rows[at], ["vector"]))
        return out

    def vector_batches(self, start: int) -> Iterator[tuple[int, Vectors]]:
        """(first row, vectors) from row `start` on, some thousand rows at a time."""
        for table, first in self._tables(["vector"], start):
            yield first, vectors_of(table)

    def _tables(
        self, columns: Sequence[str], start: int, together: int = 1
    ) -> Iterator[tuple[Any, int]]:
        begin = max(0, bisect.bisect_right(self._starts, start) - 1)
        for shard in self.shards[begin:]:
            at = max(start - shard.first, 0)
            if at >= shard.rows:
                continue
            row = shard.first + at
            for table in shard.batches(columns, at, together):
                yield table, row
                row += table.num_rows

    def text_batches(self, start: int) -> Iterator[tuple[int, list[str]]]:
        """(first row, texts) from row `start` on, some thousand rows at a time, dead ones included."""
        for table, first in self._tables(["text"], start):
            yield first, table.column("text").to_pylist()

    def text_hashes(self, start: int) -> npt.NDArray[np.void]:
        """The text hash of every row [start, next_row), as 16-byte items."""
        import numpy as np

        parts = []
        for table, _ in self._tables(["text_hash"], start, together=HASHES):
            for chunk in table.column("text_hash").chunks:
                data = np.frombuffer(chunk.buffers()[1], dtype="V16")
                parts.append(data[chunk.offset : chunk.offset + len(chunk)])
        return np.concatenate(parts) if parts else np.zeros(0, dtype="V16")
