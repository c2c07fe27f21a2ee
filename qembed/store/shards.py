"""Passages and their vectors in Parquet: what DuckDB, pandas and polars can read without us.

    row, document, seq, start, end, line, end_line, text, heading, symbol, text_hash, vector

Row groups are small so that looking up ten passages decodes little. The vector column is stored plain:
floats do not compress, and statistics over them mean nothing. `document` is the id a passage was
written under; after a move the documents file, which alone decides what lives, has the new one.
Shards from before there were headings and symbols are read as if these were empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import EncodingError, IndexDamaged
from qembed.store.arrow import array, int64, numbers, strings, taken
from qembed.store.durable_files import FileInfo, NewFile
from qembed.store.row_group_cache import RowGroupCache
from qembed.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

ROW_GROUP = 1024
GROUP_BYTES = 32 << 20
"""A row group is closed early beyond this, so that long passages do not gather in memory."""
BYTES_PER_READ = 2 << 20
"""Characters of passages that are converted at a time."""
HASH_BYTES = 16
LATER = ("heading", "symbol")
"""Columns that the shards of the first version do not have."""
_PASSAGE = ("document", "seq", "start", "end", "line", "end_line", "text", *LATER)
COLUMNS = ("row", *_PASSAGE, "text_hash", "vector")


def text_hash(text: str) -> bytes:
    """16 bytes over the finished text that is encoded: equal hashes may share a vector."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def _schema(dim: int) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("row", pa.int64()),
            ("document", pa.string()),
            ("seq", pa.int32()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("line", pa.int32()),
            ("end_line", pa.int32()),
            ("text", pa.large_string()),
            *((name, pa.string()) for name in LATER),
            ("text_hash", pa.binary(HASH_BYTES)),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def vector_array(vectors: Vectors) -> Any:
    """float32 (n, dim) as an Arrow column, without a copy."""
    import numpy as np
    import pyarrow as pa

    flat = np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(array(flat, pa.float32()), vectors.shape[1])


def _parts(passages: Sequence[Passage]) -> Iterator[slice]:
    """What is converted together: meanwhile there are several copies of its text."""
    begin = size = 0
    for i, p in enumerate(passages):
        if size and size + len(p.text) > BYTES_PER_READ:
            yield slice(begin, i)
            begin, size = i, 0
        size += len(p.text)
    if begin < len(passages):
        yield slice(begin, len(passages))


class ShardWriter:
    """A shard being written. Rows are numbered upwards from `first` in the order they come."""

    def __init__(self, root: Path, name: str, first: int, dim: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.first = first
        self.rows = 0
        self._schema = _schema(dim)
        self._file = NewFile(root, name)
        try:
            self._parquet = pq.ParquetWriter(
                pa.PythonFile(self._file, mode="w"),
                self._schema,
                compression={
                    **{f: "zstd" for f in self._schema.names if f != "vector"},
                    "vector.list.element": "none",
                },
                use_dictionary=["document", *LATER],
                write_statistics=["row"],
            )
        except BaseException:
            self._file.abandon()
            raise
        self._held: list[Any] = []
        self._held_rows = self._held_bytes = 0

    def add(
        self, passages: Sequence[Passage], hashes: Sequence[bytes], vectors: Vectors
    ) -> tuple[int, int]:
        """Appends rows; returns (first row id, number). Raises EncodingError on a vector that is none."""
        first = self.first + self.rows
        for part in _parts(passages):
            self._convert(passages[part], hashes[part], vectors[part])
        return first, len(passages)

    def _convert(
        self, passages: Sequence[Passage], hashes: Sequence[bytes], vectors: Vectors
    ) -> None:
        import numpy as np
        import pyarrow as pa

        if not np.isfinite(vectors).all():
            bad = int(np.argmin(np.isfinite(vectors).all(axis=1)))
            p = passages[bad]
            raise EncodingError(
                f"{p.document}: the model gave NaN or infinity for the passage at {p.start}-{p.end} "
                f"({p.text[:60]!r})"
            )
        first, n = self.first + self.rows, len(passages)
        columns: list[Any] = [array(np.arange(first, first + n), self._schema.field("row").type)]
        for name in _PASSAGE:
            values = [getattr(p, name) for p in passages]
            columns.append(array(values, self._schema.field(name).type))
        columns += [array(hashes, self._schema.field("text_hash").type), vector_array(vectors)]
        self._hold(pa.table(columns, schema=self._schema))
        self.rows += n

    def add_table(self, table: Any) -> None:
        """Appends finished rows, renumbered from where this shard stands (compaction)."""
        import numpy as np

        first = self.first + self.rows
        rows = int64(np.arange(first, first + table.num_rows))
        self.rows += table.num_rows
        self._hold(table.set_column(0, "row", rows).cast(self._schema))

    def _hold(self, table: Any) -> None:
        self._held.append(table)
        self._held_rows += table.num_rows
        self._held_bytes += table.nbytes
        if self._held_rows >= ROW_GROUP or self._held_bytes > GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._parquet.write_table(pa.concat_tables(self._held), row_group_size=ROW_GROUP)
            self._held, self._held_rows, self._held_bytes = [], 0, 0

    def finish(self) -> FileInfo:
        """Closes the file durably."""
        self._flush()
        self._parquet.close()
        return self._file.finish()

    @property
    def path_name(self) -> str:
        """Its name inside the index directory."""
        return self._file.name

    def abandon(self) -> None:
        """Throws the file away."""
        import contextlib

        with contextlib.suppress(Exception):
            self._parquet.close()
        self._file.abandon()


class ShardReader:
    """A shard opened for reading. The open file outlives its name, so a sweep does not disturb it."""

    def __init__(self, file: BinaryIO, path: Path, first: int, rows: int) -> None:
        self._file = file
        self.path = path
        self.first = first
        self.rows = rows
        self._parquet: Any = None
        self._starts: npt.NDArray[np.int64]

    def close(self) -> None:
        """Lets go of the file."""
        self._parquet = None
        self._file.close()

    def _open(self) -> Any:
        if self._parquet is None:
            import numpy as np
            import pyarrow.parquet as pq

            with _damage(self.path):
                self._parquet = pq.ParquetFile(self._file, memory_map=False, pre_buffer=False)
                meta = self._parquet.metadata
                sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
            if sum(sizes) != self.rows:
                raise IndexDamaged(
                    f"{self.path} holds {sum(sizes)} rows, the manifest says {self.rows} "
                    "(qembed verify tells what is lost)"
                )
            self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return self._parquet

    def lookup(
        self, rows: Rows, columns: Sequence[str], recent: RowGroupCache | None = None
    ) -> Any:
        """The given columns of the given rows (all inside this shard, ascending), as a pyarrow table.

        `recent`: keeps what is decoded; always to be asked for the same columns.
        """
        import numpy as np
        import pyarrow as pa

        parquet = self._open()
        inside = rows - self.first
        groups = np.searchsorted(self._starts, inside, side="right") - 1
        parts = []
        for g in sorted(set(groups.tolist())):
            make = partial(self._groups, parquet, [g], columns)
            table = make() if recent is None else recent.get((self.first, g), make)
            parts.append(taken(table, inside[groups == g] - self._starts[g]))
        return pa.concat_tables(parts)

    def batches(self, columns: Sequence[str], start: int = 0, together: int = 1) -> Iterator[Any]:
        """Tables of the given columns from row `start` of this shard on, so many row groups at a time."""
        import numpy as np

        parquet = self._open()
        groups = range(len(self._starts) - 1)
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for g in groups[first::together]:
            table = self._groups(parquet, groups[g : g + together], columns)
            yield table.slice(max(0, start - int(self._starts[g])))

    def _groups(self, parquet: Any, groups: Sequence[int], columns: Sequence[str]) -> Any:
        """Row groups' columns as a table, in the order given; empty where the file is too old."""
        with _damage(self.path):
            table = parquet.read_row_groups(groups, columns=list(columns), use_threads=False)
        lacking = [c for c in columns if c in LATER and c not in table.column_names]
        if lacking:
            for name in lacking:
                table = table.append_column(name, strings([""] * table.num_rows))
        return table.select(list(columns)) if lacking else table


def vectors_of(table: Any) -> Vectors:
    """The vector column as float32 (rows, dim), without a copy where the table is one chunk."""
    import numpy as np

    column = table.column("vector").combine_chunks()
    dim = column.type.list_size
    # not `flatten`, which imports all of pyarrow.compute
    flat = numbers(column.values.slice(column.offset * dim, len(column) * dim))
    return np.asarray(flat, dtype=np.float32).reshape(-1, dim)


class _damage:
    """Parquet that cannot be decoded is a damaged index, not a bug."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, _: Any) -> None:
        import pyarrow as pa

        if isinstance(e, (pa.ArrowException, OSError)):
            raise IndexDamaged(
                f"{self.path} is damaged: {str(e).splitlines()[0]} (qembed verify tells what is lost)"
            ) from e
