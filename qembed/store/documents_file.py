"""Documents files: the catalog in Parquet, read by column and by row group as they are needed.

A query needs two columns of numbers and ten entries of a million: reading all would take most of its time.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import IndexDamaged
from qembed.store.arrow import array, nullable_binary, nullable_int64, numbers, taken
from qembed.store.damage.file_times import note_suspect
from qembed.store.durable_files import FileInfo, NewFile
from qembed.store.metadata.schema import StoredColumns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows

ROW_GROUP = 8192
POINTERS = "first", "rows"
"""Columns that say which rows a document has."""
LINE, PICTURE = "line", "picture"
"""Columns of a catalog that a documents file has only if one of their values is not null."""
OPTIONAL = (LINE, PICTURE)
STARTS = b"qembed.row_starts"
"""Key of the file's metadata: for each row group the first row of its documents or of those behind, int64
little-endian in base64. Only in files whose documents are in the order of their rows."""


def schema() -> Any:
    """Arrow schema of a catalog, without the typed columns of the metadata."""
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("source", pa.string()),
            ("file", pa.string()),
            ("digest", pa.binary(16)),
            ("size", pa.int64()),
            ("mtime_ns", pa.int64()),
            ("first", pa.int64()),
            ("rows", pa.int32()),
            ("title", pa.string()),
            ("meta", pa.string()),
            (LINE, pa.int64()),
            (PICTURE, pa.binary()),
        ]
    )


def _stored_schema() -> Any:
    """Arrow schema of the columns that every documents file has."""
    import pyarrow as pa

    return pa.schema([f for f in schema() if f.name not in OPTIONAL])


class DocumentsFile:
    """Reader of a documents file, with a file handle of its own. Columns that were read stay in memory."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Open a documents file. Raises IndexDamaged if it is none."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = path
        self._handle = os.fdopen(os.dup(file.fileno()), "rb")
        with self._decoding_errors():
            # without threads and reading ahead: with a damaged file they would kill the process;
            # read_table would import pyarrow.dataset and with it pandas, .3 s of a query's half second
            self.parquet = pq.ParquetFile(
                self._handle, pre_buffer=False, page_checksum_verification=True
            )
            # typed columns of the metadata follow those of the schema
            expected, found = _stored_schema(), self.parquet.schema_arrow
            if not pa.schema([found.field(i) for i in range(len(expected))]).equals(expected):
                raise pa.ArrowInvalid("its columns are not those of a documents file")
            self._optional = [n for n in OPTIONAL if n in found.names]
        self._columns: dict[str, Any] = {}
        self._whole: Any = None
        self._groups_read = self._pointer_groups_read = 0

    def __del__(self) -> None:
        if handle := self.__dict__.get("_handle"):
            handle.close()

    def fields(self) -> StoredColumns:
        """Typed columns of the metadata. Raises IndexDamaged."""
        with self._decoding_errors():
            return StoredColumns(self.parquet, self.read)

    def read(self, columns: list[str]) -> Any:
        """Read columns, typed ones too, as a table. Raises IndexDamaged."""
        with self._decoding_errors():
            return self.parquet.read(columns=columns, use_threads=False)

    def __len__(self) -> int:
        return int(self.parquet.metadata.num_rows)

    @property
    def _names(self) -> list[str]:
        """Columns of the schema that the file has."""
        return [n for n in schema().names if n not in OPTIONAL or n in self._optional]

    def whole(self) -> Any:
        """Read all columns of the schema as a pyarrow table."""
        if self._whole is None:
            kept, names = self._columns, self._names
            rest = self.read([n for n in names if n not in kept])
            self._whole = _complete({n: kept[n] if n in kept else rest.column(n) for n in names})
            kept.clear()
        return self._whole

    def column(self, name: str) -> Any:
        """Read a column of the schema."""
        if name not in self._names and self._whole is None:
            import pyarrow as pa

            return pa.chunked_array([pa.nulls(len(self), schema().field(name).type)])
        if self._whole is not None:
            return self.whole().column(name)
        if name not in self._columns:
            self._columns[name] = self.read([name]).column(name)
        return self._columns[name]

    def owners(self, rows: Rows) -> Rows | None:
        """Positions of the documents that hold living rows, int64 (n,), read in their row groups alone.

        None if the file does not say where they are, or wrongly, if half of its row groups would be read, or
        once as many as it has were: all pointers, which stay in memory, are cheaper then.
        """
        import numpy as np

        stored = (self.parquet.metadata.metadata or {}).get(STARTS)
        if stored is None:
            return None
        with self._decoding_errors():
            starts = np.frombuffer(base64.b64decode(stored, validate=True), dtype="<i8")
        if len(starts) != self.parquet.metadata.num_row_groups or bool((rows < starts[0]).any()):
            return None
        which = np.searchsorted(starts, rows, side="right") - 1
        groups = np.array(sorted(set(which.tolist())), dtype=np.int64)
        if len(groups) > len(starts) // 2 or self._pointer_groups_read >= len(starts):
            return None
        self._pointer_groups_read += len(groups)
        with self._decoding_errors():
            table = self.parquet.read_row_groups(
                groups.tolist(), columns=list(POINTERS), use_threads=False
            )
        first, counts = (numbers(table.column(name)) for name in POINTERS)
        has = np.flatnonzero(counts > 0)
        inside = np.searchsorted(first[has], rows, side="right") - 1
        if not len(has) or bool((inside < 0).any()):
            return None
        at = has[inside]
        if bool((rows >= first[at] + counts[at]).any()):  # no checksum covers the file's metadata
            return None
        found: Rows = groups[at // ROW_GROUP] * ROW_GROUP + at % ROW_GROUP
        return found

    def take(self, at: npt.NDArray[np.int64]) -> Any:
        """Read the entries at the given positions as a table.

        Reads their row groups, or the whole file once half of its row groups were read that way.
        """
        import numpy as np

        groups = self.parquet.metadata.num_row_groups
        if self._whole is None:
            sizes = [self.parquet.metadata.row_group(g).num_rows for g in range(groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            which = np.searchsorted(starts, at, side="right") - 1
            wanted = sorted(set(which.tolist()))
            self._groups_read += len(wanted)
            if self._groups_read <= groups // 2:
                with self._decoding_errors():
                    table = self.parquet.read_row_groups(
                        wanted, columns=self._names, use_threads=False
                    )
                kept = np.array(wanted, dtype=np.int64)
                before = np.concatenate([[0], np.cumsum(np.diff(starts)[kept])])
                inside = at - starts[which] + before[np.searchsorted(kept, which)]
                return taken(_complete({n: table.column(n) for n in self._names}), inside)
        return taken(self.whole(), at)

    @contextmanager
    def _decoding_errors(self) -> Iterator[None]:
        """Raise IndexDamaged for Parquet that cannot be decoded."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, IndexError) as e:
            note_suspect(self._path)
            raise IndexDamaged(
                f"{self._path} is damaged: {str(e).splitlines()[0]} "
                "(qembed verify tells what is lost)"
            ) from e


def make_table(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Make a table of the schema from lists; a column that is not given is empty."""
    import pyarrow as pa

    convert: dict[str, Callable[[Any], Any]] = {LINE: nullable_int64, PICTURE: nullable_binary}
    arrays = [  # pyarrow's `empty_table` would import pandas, .4 s
        convert[f.name](values) if f.name in convert else array(values, f.type)
        for f in schema()
        for values in [columns.get(f.name, ())]
    ]
    return pa.table(arrays, schema=schema())


def _complete(columns: Mapping[str, Any]) -> Any:
    """Make a table of the schema; a column that is not given is null."""
    import pyarrow as pa

    rows = len(columns["id"])
    return pa.table(
        [columns[f.name] if f.name in columns else pa.nulls(rows, f.type) for f in schema()],
        schema=schema(),
    )


def _row_starts(table: Any) -> bytes | None:
    """Value of STARTS for a table that is written; None if its documents are in another order."""
    import numpy as np

    first, counts = (numbers(table.column(name)) for name in POINTERS)
    has = np.flatnonzero(counts > 0)
    first = first[has]
    if not len(has) or bool((first[1:] < first[:-1]).any()):
        return None
    begin = np.searchsorted(has, np.arange(0, table.num_rows, ROW_GROUP))
    beyond = first[-1] + counts[has[-1]]
    starts = np.append(first, beyond)[begin].astype("<i8")
    return base64.b64encode(starts.tobytes())


def write(root: Path, name: str, table: Any, dictionaries: list[str]) -> FileInfo:
    """Write a table as a documents file, durably. `dictionaries`: typed columns to encode by dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = table.drop_columns(
        [n for n in OPTIONAL if table.column(n).null_count == table.num_rows]
    )
    if (starts := _row_starts(table)) is not None:
        table = table.replace_schema_metadata({STARTS: starts})
    new = NewFile(root, name)
    try:
        pq.write_table(
            table,
            pa.PythonFile(new, mode="w"),
            compression="zstd",
            use_dictionary=["source", "file", *dictionaries],
            write_statistics=False,
            write_page_checksum=True,
            row_group_size=ROW_GROUP,
        )
        return new.finish()
    except BaseException:
        new.abandon()
        raise
