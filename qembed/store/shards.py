"""Shards: passages and their vectors in Parquet, which DuckDB, pandas and polars read without qembed.

    row, document, seq, start, end, line, end_line, text, heading, symbol, text_hash, vector

Row groups are small so that looking up ten passages decodes little. The vector column is stored plain, a page
to a row group: floats do not compress, statistics over them mean nothing, and one page can be read in place
(`vector_files.places`). `document` is the id a passage was
written under; after a move the documents file has the new one. Shards written before there were the columns
`heading` and `symbol` are read with empty ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import EncodingError, IndexDamaged
from qembed.store.arrow import array, int64, strings, taken, vector_array
from qembed.store.damage.file_times import note_suspect
from qembed.store.durable_files import FileInfo, NewFile
from qembed.store.row_group_cache import RowGroupCache
from qembed.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

ROW_GROUP = 1024
GROUP_BYTES = 32 << 20
"""Bytes beyond which a row group is written early: long passages would fill the memory."""
COPIED_BYTES = 8 << 20
"""Size up to which a row group is copied into one chunk, so that its bytes depend on its rows alone."""
CHARACTERS_PER_TABLE = 2 << 20
"""Characters of passages converted at a time: the conversion makes several copies of them."""
HASH_BYTES = 16
OPTIONAL_COLUMNS = ("heading", "symbol")
"""Columns that shards of the first version lack."""
_PASSAGE = ("document", "seq", "start", "end", "line", "end_line", "text", *OPTIONAL_COLUMNS)
COLUMNS = ("row", *_PASSAGE, "text_hash", "vector")


def text_hash(text: str) -> bytes:
    """Hash of a text as it is encoded, 16 bytes: texts with equal hashes share a vector."""
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
            *((name, pa.string()) for name in OPTIONAL_COLUMNS),
            ("text_hash", pa.binary(HASH_BYTES)),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def _page_size(dim: int) -> int:
    """Bytes that no page of a row group reaches: its vectors are not divided."""
    return GROUP_BYTES + 2 * 4 * dim * ROW_GROUP


def _slices(passages: Sequence[Passage]) -> Iterator[slice]:
    """Slices of passages with CHARACTERS_PER_TABLE characters each."""
    begin = size = 0
    for i, p in enumerate(passages):
        if size and size + len(p.text) > CHARACTERS_PER_TABLE:
            yield slice(begin, i)
            begin, size = i, 0
        size += len(p.text)
    if begin < len(passages):
        yield slice(begin, len(passages))


class ShardWriter:
    """Writer of a shard, whose rows are numbered from `first` in the order they are added."""

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
                use_dictionary=["document", *OPTIONAL_COLUMNS],
                write_statistics=["row"],
                write_page_checksum=True,
                data_page_size=_page_size(dim),
            )
        except BaseException:
            self._file.abandon()
            raise
        self._pending: list[Any] = []
        self._pending_rows = self._pending_bytes = 0

    def add(
        self, passages: Sequence[Passage], hashes: Sequence[bytes], vectors: Vectors
    ) -> tuple[int, int]:
        """Append rows; returns (first row id, number). Raises EncodingError for NaN and infinity."""
        first = self.first + self.rows
        for part in _slices(passages):
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
        self._add(pa.table(columns, schema=self._schema))
        self.rows += n

    def add_table(self, table: Any) -> None:
        """Append rows of another shard under new row ids."""
        import numpy as np

        first = self.first + self.rows
        rows = int64(np.arange(first, first + table.num_rows))
        self.rows += table.num_rows
        self._add(table.set_column(0, "row", rows).cast(self._schema))

    def _add(self, table: Any) -> None:
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self._pending_bytes += table.nbytes
        if self._pending_bytes > GROUP_BYTES:
            self._flush(self._pending_rows)
        elif self._pending_rows >= ROW_GROUP:
            self._flush(self._pending_rows // ROW_GROUP * ROW_GROUP)

    def _flush(self, rows: int) -> None:
        """Write so many of the pending rows: the same bytes however they were added, but of large ones."""
        import pyarrow as pa

        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        for begin in range(0, rows, ROW_GROUP):
            group = table.slice(begin, min(ROW_GROUP, rows - begin))
            if group.nbytes <= COPIED_BYTES:  # one chunk each: pages end where chunks do
                group = group.combine_chunks()
            self._parquet.write_table(group, row_group_size=ROW_GROUP)
        rest = table.slice(rows)
        self._pending = [rest] if rest.num_rows else []
        self._pending_rows, self._pending_bytes = rest.num_rows, rest.nbytes

    def finish(self) -> FileInfo:
        """Write the last row group and close the file durably."""
        self._flush(self._pending_rows)
        self._parquet.close()
        return self._file.finish()

    @property
    def path_name(self) -> str:
        """Name of the shard inside the index directory."""
        return self._file.name

    def abandon(self) -> None:
        """Close and remove the file."""
        with contextlib.suppress(Exception):
            self._parquet.close()
        self._file.abandon()


class ShardReader:
    """Reader of a shard. The open file outlives its name, so a sweep does not disturb it."""

    def __init__(self, file: BinaryIO, path: Path, first: int, rows: int) -> None:
        self._file = file
        self.path = path
        self.first = first
        self.rows = rows
        self._parquet: Any = None
        self._starts: npt.NDArray[np.int64]

    def close(self) -> None:
        """Close the file."""
        self._parquet = None
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes of the file, as it is now."""
        return os.fstat(self._file.fileno()).st_size

    def _open(self) -> Any:
        if self._parquet is None:
            import numpy as np
            import pyarrow.parquet as pq

            with _decoding_errors(self.path):
                self._parquet = pq.ParquetFile(
                    self._file,
                    memory_map=False,
                    pre_buffer=False,
                    page_checksum_verification=True,
                )
                meta = self._parquet.metadata
                sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
            if sum(sizes) != self.rows:
                raise IndexDamaged(
                    f"{self.path} holds {sum(sizes)} rows, the manifest says {self.rows} "
                    "(qembed verify tells what is lost)"
                )
            self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return self._parquet

    def duplicate(self) -> int:
        """Descriptor of the open file, which the caller closes: it stays open when this reader is closed."""
        return os.dup(self._file.fileno())

    @property
    def metadata(self) -> Any:
        """Metadata of the Parquet file. Raises IndexDamaged."""
        return self._open().metadata

    def lookup(self, rows: Rows, columns: Sequence[str], cache: RowGroupCache | None = None) -> Any:
        """Read columns of rows, all inside this shard and ascending, as a pyarrow table.

        `cache`: of decoded row groups, always with the same columns.
        """
        import numpy as np
        import pyarrow as pa

        parquet = self._open()
        inside = rows - self.first
        groups = np.searchsorted(self._starts, inside, side="right") - 1
        parts = []
        for g in sorted(set(groups.tolist())):
            make = partial(self._groups, parquet, [g], columns)
            table = make() if cache is None else cache.get((self.first, g), make)
            parts.append(taken(table, inside[groups == g] - self._starts[g]))
        return pa.concat_tables(parts)

    def batches(self, columns: Sequence[str], start: int = 0, groups: int = 1) -> Iterator[Any]:
        """Yield tables of columns from row `start` of this shard on, `groups` row groups at a time."""
        import numpy as np

        parquet = self._open()
        all_groups = range(len(self._starts) - 1)
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for g in all_groups[first::groups]:
            table = self._groups(parquet, all_groups[g : g + groups], columns)
            yield table.slice(max(0, start - int(self._starts[g])))

    def _groups(self, parquet: Any, groups: Sequence[int], columns: Sequence[str]) -> Any:
        """Read columns of row groups as a table, in the order given; optional ones may be empty."""
        with _decoding_errors(self.path):
            table = parquet.read_row_groups(groups, columns=list(columns), use_threads=False)
        lacking = [c for c in columns if c in OPTIONAL_COLUMNS and c not in table.column_names]
        for name in lacking:
            table = table.append_column(name, strings([""] * table.num_rows))
        return table.select(list(columns)) if lacking else table


@contextlib.contextmanager
def _decoding_errors(path: Path) -> Iterator[None]:
    """Raise IndexDamaged for Parquet that cannot be decoded."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as e:
        note_suspect(path)
        raise IndexDamaged(
            f"{path} is damaged: {str(e).splitlines()[0]} (qembed verify tells what is lost)"
        ) from e
