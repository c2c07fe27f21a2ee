"""Catalog: the documents of a generation and the rows they point at. A row lives if one points at it.

A catalog is an immutable Arrow table, one entry a document, the entries of one file next to each other. An
edit concatenates kept and new entries without a Python object each, so that a commit of a hundred
documents into a million costs what Arrow's concatenation costs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from qembed.store.arrow import beginnings, booleans, differing, filtered, int64, numbers, taken
from qembed.store.documents_file import DocumentsFile, make_table, schema, write
from qembed.store.durable_files import FileInfo
from qembed.store.hash_index import IdIndex
from qembed.store.metadata.column import MetadataColumn
from qembed.store.metadata.schema import MetadataSchema, StoredColumns
from qembed.types import Meta

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """Catalog entry of a document, with its rows [first, first + rows).

    `size`, `mtime_ns`: of its file; not above 0: the file is to be read again, though its time is the same.
    `line`: of a record, its first line in the file, from 1; None if it is not known or the document is none.
    `picture`: digest of its pixels, None of texts.
    """

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
    line: int | None = None
    picture: bytes | None = None


class FileState(NamedTuple):
    """Size and time of a file, and its entries [start, stop). A tuple: a refresh makes one a file."""

    size: int
    mtime_ns: int
    start: int
    stop: int


_FILE = "source", "file"
"""Columns that identify a file."""


class Catalog:
    """Documents of one generation, in memory or read from a documents file as they are needed."""

    def __init__(
        self,
        table: Any = None,
        fields: MetadataSchema | StoredColumns | None = None,
        file: DocumentsFile | None = None,
    ) -> None:
        """Make a catalog of `table`, or of `file`; empty without either."""
        self._file = file
        self._table = table if table is not None or file is not None else make_table({})
        self._fields = fields
        self._texts: dict[str, MetadataColumn] = {}
        self._files: dict[tuple[str, str], FileState] | None = None
        self._bounds: npt.NDArray[np.int64] | None = None
        self._runs: list[tuple[str, str]] | None = None
        self._grouped: Catalog | None = None

    @classmethod
    def load(cls, file: BinaryIO, path: Path) -> Catalog:
        """Open a documents file. Raises IndexDamaged if it is none."""
        opened = DocumentsFile(file, path)
        return cls(None, opened.fields(), opened)

    def save(self, root: Path, name: str) -> FileInfo:
        """Write a documents file durably."""
        fields = self.fields
        return write(root, name, fields.append_to(self.table), fields.dictionaries())

    @property
    def table(self) -> Any:
        """Entries as a pyarrow table."""
        if self._table is None:
            assert self._file is not None
            self._table = self._file.whole()
        return self._table

    @property
    def unread(self) -> DocumentsFile | None:
        """Documents file, unless all of it was read."""
        return self._file if self._table is None else None

    def _column(self, name: str) -> Any:
        unread = self.unread
        return self.table.column(name) if unread is None else unread.column(name)

    def __len__(self) -> int:
        unread = self.unread
        return int(self.table.num_rows) if unread is None else len(unread)

    def files(self) -> dict[tuple[str, str], FileState]:
        """Map from (source, file) to the state of the file. The catalog has to be `grouped`."""
        if self._files is None:
            ends = self._edges().tolist()
            sizes, times = self._heads("size"), self._heads("mtime_ns")
            states = starmap(FileState, zip(sizes, times, ends[:-1], ends[1:], strict=True))
            self._files = dict(zip(self.keys(), states, strict=True))
        return self._files

    def entries(self, start: int = 0, stop: int | None = None) -> list[CatalogEntry]:
        """Entries [start, stop)."""
        stop = len(self) if stop is None else stop
        return _entries(self.table.slice(start, stop - start))

    def take(self, indices: Any) -> list[CatalogEntry]:
        """Entries at the given positions."""
        unread = self.unread
        return _entries(taken(self.table, indices) if unread is None else unread.take(indices))

    @classmethod
    def of(cls, entries: Sequence[CatalogEntry]) -> Catalog:
        """Make a catalog of the given entries."""
        columns = {
            name: [getattr(entry, name) for entry in entries]
            for name in schema().names
            if name != "meta"
        }
        columns["meta"] = [
            json.dumps(entry.meta, ensure_ascii=False, default=str) if entry.meta else ""
            for entry in entries
        ]
        return cls(make_table(columns), MetadataSchema.of(columns["meta"]))

    @property
    def fields(self) -> MetadataSchema:
        """Typed columns of the metadata; made from the JSON for a file that was written without them."""
        if not isinstance(self._fields, MetadataSchema):
            stored = None if self._fields is None else self._fields.all()
            if stored is None:
                stored = MetadataSchema.of(self._column("meta").to_pylist())
            self._fields = stored
        return self._fields

    def field(self, name: str) -> MetadataColumn | None:
        """Typed column of a metadata key; None if its values are in the JSON only."""
        if isinstance(self._fields, MetadataSchema):
            column = self._fields.columns.get(name)
            return None if column is None else MetadataColumn(column.combine_chunks())
        return None if self._fields is None else self._fields.column(name)

    def text(self, name: str) -> MetadataColumn:
        """Column `id`, `file`, `title`, or `suffix`: the suffixes of the files."""
        if name not in self._texts:
            if name == "suffix":
                self._texts[name] = self.text("file").suffixes()
            else:
                self._texts[name] = MetadataColumn(self._column(name).combine_chunks())
        return self._texts[name]

    def times(self) -> npt.NDArray[np.int64]:
        """Modification time of each document's file, int64 (len,) nanoseconds since 1970; 0: unknown."""
        import numpy as np

        found: npt.NDArray[np.int64] = np.abs(numbers(self._column("mtime_ns")))
        return found

    def edit(self, keep: npt.NDArray[np.bool_], new: Sequence[Catalog]) -> Catalog:
        """Next catalog: the entries where `keep`, bool (len,), is true, then the new ones."""
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
        """Move the entries of each file next to each other.

        They are not after a run that was interrupted within a file: then some of its entries are old ones
        and some are new.
        """
        if self._grouped is None:
            keys = self.keys()
            if len(set(keys)) == len(keys):
                return self
            import pyarrow.compute as pc

            table = self.table
            # stable: pyarrow's sort is, and the order within a file stays
            order = pc.sort_indices(table, sort_keys=[(n, "ascending") for n in _FILE])
            self._grouped = Catalog(table.take(order), self.fields.take(order))
        return self._grouped

    def keys(self) -> list[tuple[str, str]]:
        """(source, file) of each run of entries of one file."""
        if self._runs is None:
            self._runs = list(zip(*map(self._heads, _FILE), strict=True))
        return self._runs

    def _heads(self, name: str) -> list[Any]:
        """Values of a column at the beginning of each run of entries of one file."""
        found: list[Any] = taken(self._column(name), self._edges()[:-1]).to_pylist()
        return found

    def _edges(self) -> npt.NDArray[np.int64]:
        """Positions where runs of entries of one file begin, and the end: int64 (runs + 1,)."""
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
        """Replace the first rows of the documents, int64 (len,)."""
        at = self.table.schema.get_field_index("first")
        moved = self.table.set_column(at, "first", int64(first))
        return Catalog(moved, self.fields)

    def read_again(self, of: npt.NDArray[np.bool_]) -> Catalog:
        """Mark the files of the documents where `of`, bool (len,), is true to be read again."""
        import pyarrow.compute as pc

        t = self.table
        names = pc.binary_join_element_wise(t.column("source"), t.column("file"), "\0")
        files = pc.unique(names.filter(booleans(of)))
        again = pc.is_in(names, value_set=files)
        time = t.column("mtime_ns")
        times = pc.if_else(again, pc.negate(pc.abs(time)), time)
        at = t.schema.get_field_index("mtime_ns")
        return Catalog(t.set_column(at, "mtime_ns", times), self.fields)

    def pointers(self) -> tuple[Rows, Rows]:
        """First row and number of rows of each document, int64 (len,) both."""
        import numpy as np

        first, rows = numbers(self._column("first")), numbers(self._column("rows"))
        return first.astype(np.int64), rows.astype(np.int64)

    def counts(self) -> dict[str, int]:
        """Numbers of documents and passages, as the manifest has them."""
        _, rows = self.pointers()
        return {"documents": len(self), "passages": int(rows.sum())}

    def ids(self) -> list[str]:
        """Document ids, in order."""
        found: list[str] = self._column("id").to_pylist()
        return found

    def id_index(self) -> IdIndex:
        """Make an index of the positions of document ids."""
        return IdIndex(self._column("id"))

    def columns(self, *names: str) -> dict[str, list[Any]]:
        """Whole columns as lists; `meta` as the JSON it is stored as."""
        return {name: self._column(name).to_pylist() for name in names}

    def ids_between(self, start: int, stop: int) -> list[str]:
        """Document ids of the entries [start, stop)."""
        found: list[str] = self.table.column("id").slice(start, stop - start).to_pylist()
        return found

    def with_mtime(self, mtime_ns: int) -> Catalog:
        """Set one modification time for all entries; other columns are shared."""
        import numpy as np

        column = int64(np.full(len(self), mtime_ns, dtype=np.int64))
        at = self.table.schema.get_field_index("mtime_ns")
        return Catalog(self.table.set_column(at, "mtime_ns", column), self.fields)

    def titles(self, indices: Any) -> list[str]:
        """Titles at the given positions."""
        found: list[str] = taken(self._column("title"), indices).to_pylist()
        return found

    def digest_keys(self) -> npt.NDArray[np.uint64]:
        """Beginning of each document's digest as a number: random, and equal for equal content."""
        return beginnings(self._column("digest"))

    def digests(self, indices: Any) -> list[bytes]:
        """Digests at the given positions."""
        found: list[bytes] = taken(self._column("digest"), indices).to_pylist()
        return found


def _entries(table: Any) -> list[CatalogEntry]:
    d = table.to_pydict()
    d["meta"] = [json.loads(m) if m else {} for m in d["meta"]]
    return [
        CatalogEntry(**dict(zip(d, values, strict=True)))
        for values in zip(*d.values(), strict=True)
    ]
