"""Which documents there are and which rows they point at: liveness is defined here and nowhere else.

A catalog is an Arrow table, one line a document, the lines of one file next to each other. It is never
changed: an edit builds the next one from kept lines and new ones, without touching the rest in Python,
so that a commit of a hundred documents into a million costs what Arrow's concatenation costs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from qembed.errors import IndexDamaged
from qembed.store.arrays import int64, numbers, taken
from qembed.store.column import Column
from qembed.store.fields import Fields, Stored
from qembed.store.files import FileInfo, NewFile
from qembed.types import Meta

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


@dataclass(frozen=True, slots=True)
class Line:
    """A document as the catalog knows it. `mtime_ns` 0: the file's time is not to be trusted."""

    id: str
    source: str
    file: str
    digest: bytes
    size: int
    mtime_ns: int
    first: int
    rows: int
    title: str = ""
    meta: Meta = field(default_factory=dict)


class FileState(NamedTuple):
    """What the catalog remembers of a file, and its lines [start, stop). A tuple: there is one a file."""

    size: int
    mtime_ns: int
    start: int
    stop: int


def _schema() -> Any:
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
        ]
    )


class Catalog:
    """The documents of one generation."""

    def __init__(self, table: Any = None, fields: Fields | Stored | None = None) -> None:
        self.table = _schema().empty_table() if table is None else table
        self._fields = fields
        self._texts: dict[str, Column] = {}
        self._files: dict[tuple[str, str], FileState] | None = None
        self._bounds: npt.NDArray[np.int64] | None = None
        self._grouped: Catalog | None = None

    @classmethod
    def load(cls, file: BinaryIO, path: Path) -> Catalog:
        """Reads a documents file. Raises IndexDamaged if it is not one."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # no threads and no reading ahead: a damaged file would leave them behind and kill the process
            # and not by read_table, which imports pyarrow.dataset and with it pandas: .3 s of a query's .5
            parquet = pq.ParquetFile(file, pre_buffer=False)
            table = parquet.read(columns=_schema().names, use_threads=False)
            if not table.schema.equals(_schema()):
                raise pa.ArrowInvalid("its columns are not those of a documents file")
            return cls(table.replace_schema_metadata(None), Stored(parquet))
        except (pa.ArrowException, OSError, ValueError) as e:
            raise IndexDamaged(
                f"{path} is damaged: {str(e).splitlines()[0]} (qembed verify tells what is lost)"
            ) from e

    def save(self, root: Path, name: str) -> FileInfo:
        """Writes the documents file durably."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        new = NewFile(root, name)
        try:
            fields = self.fields
            pq.write_table(
                fields.beside(self.table),
                pa.PythonFile(new, mode="w"),
                compression="zstd",
                use_dictionary=["source", "file", *fields.dictionaries()],
                write_statistics=False,
                row_group_size=1 << 16,
            )
            return new.finish()
        except BaseException:
            new.abandon()
            raise

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def files(self) -> dict[tuple[str, str], FileState]:
        """(source, file) -> what is remembered of it. Wants a `grouped` catalog."""
        if self._files is None:
            bounds = self._edges()
            t = self.table.select(["source", "file", "size", "mtime_ns"])
            heads = t.take(int64(bounds[:-1])).to_pydict()
            keys = zip(heads["source"], heads["file"], strict=True)
            ends = bounds.tolist()
            states = zip(heads["size"], heads["mtime_ns"], ends[:-1], ends[1:], strict=True)
            self._files = dict(zip(keys, starmap(FileState, states), strict=True))
        return self._files

    def lines(self, start: int = 0, stop: int | None = None) -> list[Line]:
        """The lines [start, stop) as objects."""
        return self._to_lines(
            self.table.slice(start, (len(self) if stop is None else stop) - start)
        )

    def take(self, indices: Any) -> list[Line]:
        """The lines at the given positions."""
        return self._to_lines(taken(self.table, indices))

    @staticmethod
    def _to_lines(table: Any) -> list[Line]:
        d = table.to_pydict()
        d["meta"] = [json.loads(m) if m else {} for m in d["meta"]]
        return [
            Line(**dict(zip(d, values, strict=True))) for values in zip(*d.values(), strict=True)
        ]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Catalog:
        """A catalog of the given lines."""
        import pyarrow as pa

        columns = {
            name: [getattr(line, name) for line in lines]
            for name in _schema().names
            if name != "meta"
        }
        columns["meta"] = [
            json.dumps(line.meta, ensure_ascii=False, default=str) if line.meta else ""
            for line in lines
        ]
        return cls(pa.table(columns, schema=_schema()), Fields.of(columns["meta"]))

    @property
    def fields(self) -> Fields:
        """All typed columns of the metadata. Made from the JSON for a file that was written without."""
        if not isinstance(self._fields, Fields):
            stored = None if self._fields is None else self._fields.all()
            if stored is None:
                stored = Fields.of(self.table.column("meta").to_pylist())
            self._fields = stored
        return self._fields

    def field(self, name: str) -> Column | None:
        """A metadata key's typed column; None where the JSON has to be looked at."""
        if isinstance(self._fields, Fields):
            column = self._fields.columns.get(name)
            return None if column is None else Column(column.combine_chunks())
        return None if self._fields is None else self._fields.column(name)

    def text(self, name: str) -> Column:
        """The column `id`, `file` or `title` to be asked; `suffix`: the suffixes of the files."""
        if name not in self._texts:
            if name == "suffix":
                self._texts[name] = self.text("file").suffixes()
            else:
                self._texts[name] = Column(self.table.column(name).combine_chunks())
        return self._texts[name]

    def times(self) -> npt.NDArray[np.int64]:
        """When each document's file was changed, int64 (len,) nanoseconds since 1970; 0: not known."""
        return numbers(self.table.column("mtime_ns"))

    def edit(self, keep: npt.NDArray[np.bool_], new: Sequence[Catalog]) -> Catalog:
        """The next catalog: the kept lines in their order, then the new ones."""
        import pyarrow as pa

        kept = self if bool(keep.all()) else self._filtered(pa.array(keep))
        parts = [kept, *new]
        return Catalog(
            pa.concat_tables([c.table for c in parts]), Fields.joined([c.fields for c in parts])
        )

    def _filtered(self, keep: Any) -> Catalog:
        return Catalog(self.table.filter(keep), self.fields.filter(keep))

    def grouped(self) -> Catalog:
        """The same documents with the lines of each file next to each other.

        They are, unless a run was cut off in the middle of a file: then some of its lines are old ones
        and some are new.
        """
        if self._grouped is None:
            import pyarrow.compute as pc

            heads = self._edges()[:-1]
            names = self.table.select(["source", "file"]).take(int64(heads))
            if names.group_by(["source", "file"]).aggregate([]).num_rows == len(heads):
                return self
            # stable: pyarrow's sort is, and the order within a file stays
            by = [("source", "ascending"), ("file", "ascending")]
            order = pc.sort_indices(self.table, sort_keys=by)
            self._grouped = Catalog(self.table.take(order), self.fields.take(order))
        return self._grouped

    def _edges(self) -> npt.NDArray[np.int64]:
        """Where runs of one file begin, and the end: int64 (runs + 1,)."""
        import numpy as np

        if not len(self):
            return np.zeros(1, dtype=np.int64)
        if self._bounds is None:
            source, file = _codes(self.table.column("source")), _codes(self.table.column("file"))
            changes = (source[1:] != source[:-1]) | (file[1:] != file[:-1])
            self._bounds = np.flatnonzero(np.concatenate([[True], changes, [True]]))
        return self._bounds

    def with_rows(self, first: Rows) -> Catalog:
        """The same documents pointing elsewhere (compaction). `first`: int64 (len,)."""
        import pyarrow as pa

        at = self.table.schema.get_field_index("first")
        moved = self.table.set_column(at, "first", pa.array(first, pa.int64()))
        return Catalog(moved, self.fields)

    def suspected(self, drop: npt.NDArray[np.bool_]) -> Catalog:
        """Without the documents of `drop` (bool (len,)), the rest of their files marked to be read again."""
        import pyarrow as pa
        import pyarrow.compute as pc

        t = self.table
        names = pc.binary_join_element_wise(t.column("source"), t.column("file"), "\0")
        files = pc.unique(names.filter(pa.array(drop)))
        again = pc.is_in(names, value_set=files)
        times = pc.if_else(again, pa.scalar(0, pa.int64()), t.column("mtime_ns"))
        marked = t.set_column(t.schema.get_field_index("mtime_ns"), "mtime_ns", times)
        return Catalog(marked, self.fields)._filtered(pa.array(~drop))

    def pointers(self) -> tuple[Rows, Rows]:
        """(first row, number of rows) of every document, int64 (len,) each."""
        import numpy as np

        t = self.table
        first, rows = numbers(t.column("first")), numbers(t.column("rows"))
        return first.astype(np.int64), rows.astype(np.int64)

    def ids(self) -> list[str]:
        """All document ids, in order."""
        found: list[str] = self.table.column("id").to_pylist()
        return found

    def columns(self, *names: str) -> dict[str, list[Any]]:
        """Whole columns as lists; `meta` as the JSON it is stored as."""
        found: dict[str, list[Any]] = self.table.select(list(names)).to_pydict()
        return found

    def titles(self, indices: Any) -> list[str]:
        """The titles at the given positions."""
        found: list[str] = self.table.column("title").take(int64(indices)).to_pylist()
        return found

    def digests(self, indices: Any) -> list[bytes]:
        """The digests at the given positions."""
        found: list[bytes] = self.table.column("digest").take(int64(indices)).to_pylist()
        return found


def _codes(column: Any) -> npt.NDArray[np.int32]:
    """A string column as numbers, equal where the strings are."""
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column.combine_chunks())
    indices: npt.NDArray[np.int32] = numbers(encoded.indices)
    return indices


def live_mask(first: Rows, rows: Rows, base: int, next_row: int) -> npt.NDArray[np.bool_] | None:
    """bool (next_row - base,): which rows a document points at; None where all of them live."""
    import numpy as np

    n = next_row - base
    if int(rows.sum()) == n:
        return None
    has = rows > 0
    steps = np.zeros(n + 1, dtype=np.int32)
    np.add.at(steps, first[has] - base, 1)
    np.add.at(steps, first[has] + rows[has] - base, -1)
    return np.cumsum(steps[:-1]) > 0
