"""Which documents there are and which rows they point at: liveness is defined here and nowhere else.

A catalog is an Arrow table, one line a document, the lines of one file next to each other. It is never
changed: an edit builds the next one from kept lines and new ones, without touching the rest in Python,
so that a commit of a hundred documents into a million costs what Arrow's concatenation costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from qembed.store.arrow import array, booleans, differing, filtered, int64, numbers, taken
from qembed.store.documents_file import DocumentsFile, schema, write
from qembed.store.durable_files import FileInfo
from qembed.store.hash_index import IdIndex
from qembed.store.metadata_column import MetadataColumn
from qembed.store.metadata_schema import MetadataSchema, Stored
from qembed.types import Meta

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


def _table(columns: Mapping[str, list[Any]]) -> Any:
    """A documents table of the given columns. Not `empty_table`, which imports pandas: .4 s."""
    import pyarrow as pa

    arrays = [array(columns.get(f.name, []), f.type) for f in schema()]
    return pa.table(arrays, schema=schema())


@dataclass(frozen=True, slots=True)
class CatalogEntry:
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


_FILE = "source", "file"
"""What names a file."""


class Catalog:
    """The documents of one generation."""

    def __init__(
        self,
        table: Any = None,
        fields: MetadataSchema | Stored | None = None,
        file: DocumentsFile | None = None,
    ) -> None:
        """Of a table, or of a `file`, which is then read as it is needed."""
        self._file = file
        self._table = table if table is not None or file is not None else _table({})
        self._fields = fields
        self._texts: dict[str, MetadataColumn] = {}
        self._files: dict[tuple[str, str], FileState] | None = None
        self._bounds: npt.NDArray[np.int64] | None = None
        self._runs: list[tuple[str, str]] | None = None
        self._grouped: Catalog | None = None

    @classmethod
    def load(cls, file: BinaryIO, path: Path) -> Catalog:
        """A documents file, read as it is needed. Raises IndexDamaged if it is not one."""
        opened = DocumentsFile(file, path)
        return cls(None, opened.fields(), opened)

    def save(self, root: Path, name: str) -> FileInfo:
        """Writes the documents file durably."""
        fields = self.fields
        return write(root, name, fields.beside(self.table), fields.dictionaries())

    @property
    def table(self) -> Any:
        """All of it as a pyarrow table."""
        if self._table is None:
            assert self._file is not None
            self._table = self._file.whole()
        return self._table

    @property
    def _unread(self) -> DocumentsFile | None:
        """The file, as long as only parts of it are read."""
        return self._file if self._table is None else None

    def _column(self, name: str) -> Any:
        unread = self._unread
        return self.table.column(name) if unread is None else unread.column(name)

    def __len__(self) -> int:
        unread = self._unread
        return int(self.table.num_rows) if unread is None else len(unread)

    def files(self) -> dict[tuple[str, str], FileState]:
        """(source, file) -> what is remembered of it. Wants a `grouped` catalog."""
        if self._files is None:
            ends = self._edges().tolist()
            sizes, times = self._heads("size"), self._heads("mtime_ns")
            states = starmap(FileState, zip(sizes, times, ends[:-1], ends[1:], strict=True))
            self._files = dict(zip(self._keys(), states, strict=True))
        return self._files

    def lines(self, start: int = 0, stop: int | None = None) -> list[CatalogEntry]:
        """The lines [start, stop) as objects."""
        return self._to_lines(
            self.table.slice(start, (len(self) if stop is None else stop) - start)
        )

    def take(self, indices: Any) -> list[CatalogEntry]:
        """The lines at the given positions."""
        unread = self._unread
        found = taken(self.table, indices) if unread is None else unread.take(indices)
        return self._to_lines(found)

    @staticmethod
    def _to_lines(table: Any) -> list[CatalogEntry]:
        d = table.to_pydict()
        d["meta"] = [json.loads(m) if m else {} for m in d["meta"]]
        return [
            CatalogEntry(**dict(zip(d, values, strict=True)))
            for values in zip(*d.values(), strict=True)
        ]

    @classmethod
    def of(cls, lines: Sequence[CatalogEntry]) -> Catalog:
        """A catalog of the given lines."""
        columns = {
            name: [getattr(line, name) for line in lines]
            for name in schema().names
            if name != "meta"
        }
        columns["meta"] = [
            json.dumps(line.meta, ensure_ascii=False, default=str) if line.meta else ""
            for line in lines
        ]
        return cls(_table(columns), MetadataSchema.of(columns["meta"]))

    @property
    def fields(self) -> MetadataSchema:
        """All typed columns of the metadata. Made from the JSON for a file that was written without."""
        if not isinstance(self._fields, MetadataSchema):
            stored = None if self._fields is None else self._fields.all()
            if stored is None:
                stored = MetadataSchema.of(self._column("meta").to_pylist())
            self._fields = stored
        return self._fields

    def field(self, name: str) -> MetadataColumn | None:
        """A metadata key's typed column; None where the JSON has to be looked at."""
        if isinstance(self._fields, MetadataSchema):
            column = self._fields.columns.get(name)
            return None if column is None else MetadataColumn(column.combine_chunks())
        return None if self._fields is None else self._fields.column(name)

    def text(self, name: str) -> MetadataColumn:
        """The column `id`, `file` or `title` to be asked; `suffix`: the suffixes of the files."""
        if name not in self._texts:
            if name == "suffix":
                self._texts[name] = self.text("file").suffixes()
            else:
                self._texts[name] = MetadataColumn(self._column(name).combine_chunks())
        return self._texts[name]

    def times(self) -> npt.NDArray[np.int64]:
        """When each document's file was changed, int64 (len,) nanoseconds since 1970; 0: not known."""
        return numbers(self._column("mtime_ns"))

    def edit(self, keep: npt.NDArray[np.bool_], new: Sequence[Catalog]) -> Catalog:
        """The next catalog: the kept lines in their order, then the new ones."""
        import pyarrow as pa

        kept = self if bool(keep.all()) else self._filtered(keep)
        parts = [kept, *new]
        return Catalog(
            pa.concat_tables([c.table for c in parts]),
            MetadataSchema.joined([c.fields for c in parts]),
        )

    def _filtered(self, keep: npt.NDArray[np.bool_]) -> Catalog:
        return Catalog(filtered(self.table, keep), self.fields.filter(keep))

    def grouped(self) -> Catalog:
        """The same documents with the lines of each file next to each other.

        They are, unless a run was cut off in the middle of a file: then some of its lines are old ones
        and some are new.
        """
        if self._grouped is None:
            keys = self._keys()
            if len(set(keys)) == len(keys):
                return self
            import pyarrow.compute as pc

            table = self.table
            # stable: pyarrow's sort is, and the order within a file stays
            order = pc.sort_indices(table, sort_keys=[(n, "ascending") for n in _FILE])
            self._grouped = Catalog(table.take(order), self.fields.take(order))
        return self._grouped

    def _keys(self) -> list[tuple[str, str]]:
        """(source, file) of each run of one file."""
        if self._runs is None:
            self._runs = list(zip(*map(self._heads, _FILE), strict=True))
        return self._runs

    def _heads(self, name: str) -> list[Any]:
        """A column's value at the beginning of each run of one file."""
        found: list[Any] = taken(self._column(name), self._edges()[:-1]).to_pylist()
        return found

    def _edges(self) -> npt.NDArray[np.int64]:
        """Where runs of one file begin, and the end: int64 (runs + 1,)."""
        import numpy as np

        if not len(self):
            return np.zeros(1, dtype=np.int64)
        if self._bounds is None:
            changes = np.zeros(len(self) - 1, dtype=bool)
            for name in _FILE:
                changes |= differing(self._column(name))
            self._bounds = np.flatnonzero(np.concatenate([[True], changes, [True]]))
        return self._bounds

    def with_rows(self, first: Rows) -> Catalog:
        """The same documents pointing elsewhere (compaction). `first`: int64 (len,)."""

        at = self.table.schema.get_field_index("first")
        moved = self.table.set_column(at, "first", int64(first))
        return Catalog(moved, self.fields)

    def suspected(self, drop: npt.NDArray[np.bool_]) -> Catalog:
        """Without the documents of `drop` (bool (len,)), the rest of their files marked to be read again."""
        import pyarrow as pa
        import pyarrow.compute as pc

        t = self.table
        names = pc.binary_join_element_wise(t.column("source"), t.column("file"), "\0")
        files = pc.unique(names.filter(booleans(drop)))
        again = pc.is_in(names, value_set=files)
        times = pc.if_else(again, pa.scalar(0, pa.int64()), t.column("mtime_ns"))
        marked = t.set_column(t.schema.get_field_index("mtime_ns"), "mtime_ns", times)
        return Catalog(marked, self.fields)._filtered(~drop)

    def pointers(self) -> tuple[Rows, Rows]:
        """(first row, number of rows) of every document, int64 (len,) each."""
        import numpy as np

        first, rows = numbers(self._column("first")), numbers(self._column("rows"))
        return first.astype(np.int64), rows.astype(np.int64)

    def counts(self) -> dict[str, int]:
        """Numbers of documents and passages, as the manifest has them."""
        _, rows = self.pointers()
        return {"documents": len(self), "passages": int(rows.sum())}

    def ids(self) -> list[str]:
        """All document ids, in order."""
        found: list[str] = self._column("id").to_pylist()
        return found

    def id_index(self) -> IdIndex:
        """Look-up of document positions by id."""
        return IdIndex(self._column("id"))

    def columns(self, *names: str) -> dict[str, list[Any]]:
        """Whole columns as lists; `meta` as the JSON it is stored as."""
        return {name: self._column(name).to_pylist() for name in names}

    def ids_between(self, start: int, stop: int) -> list[str]:
        """Document ids of the lines [start, stop), without decoding the rest."""
        found: list[str] = self.table.column("id").slice(start, stop - start).to_pylist()
        return found

    def with_mtime(self, mtime_ns: int) -> Catalog:
        """Copy of the catalog with one modification time for all lines; other columns are shared."""
        import numpy as np

        column = int64(np.full(len(self), mtime_ns, dtype=np.int64))
        at = self.table.schema.get_field_index("mtime_ns")
        return Catalog(self.table.set_column(at, "mtime_ns", column), self.fields)

    def titles(self, indices: Any) -> list[str]:
        """The titles at the given positions."""
        found: list[str] = taken(self._column("title"), indices).to_pylist()
        return found

    def digests(self, indices: Any) -> list[bytes]:
        """The digests at the given positions."""
        found: list[bytes] = taken(self._column("digest"), indices).to_pylist()
        return found


def live_mask(first: Rows, rows: Rows, base: int, next_row: int) -> npt.NDArray[np.bool_] | None:
    """bool (next_row - base,): which rows a document points at; None where all of them live."""
    import numpy as np

    n = next_row - base
    if int(rows.sum()) == n:
        return None
    has = rows > 0
    begin = first[has] - base
    steps = np.bincount(begin, minlength=n + 1) - np.bincount(begin + rows[has], minlength=n + 1)
    return np.cumsum(steps[:-1]) > 0
