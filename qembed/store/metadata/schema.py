"""Typed columns of metadata, which filters read instead of decoding the JSON of every document.

A metadata key whose values are of one type in all documents (text, numbers, true or false, lists of text) is
also a column `field.<key>` of the documents file; the JSON stays the source. A key with values of several
types, or with long text, has no column, and filters decode the JSON. New documents are read one by one, kept
ones as whole columns: a commit costs what Arrow's concatenation costs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qembed.store.arrow import filtered
from qembed.store.metadata.column import EXACT, MetadataColumn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PREFIX = "field."
MARK = b"qembed.untyped"
"""Key of the Parquet file's own metadata with the keys that have no column; absent in older files."""
MAX_COLUMNS = 256
"""Keys that are recorded, with or without a column. Further keys get no column."""
MAX_TEXT_LENGTH = 200
"""Characters of a text, or of a list's texts, in a column: nobody filters by longer ones."""
_WHOLE, _REAL, _TEXT, _TRUTH, _TEXTS = "int64", "float64", "string", "bool_", "list"


def _arrow(kind: str) -> Any:
    import pyarrow as pa

    return pa.list_(pa.string()) if kind == _TEXTS else getattr(pa, kind)()


def _kind(value: Any) -> str | None:
    """Type of a column that holds a JSON value unchanged, None if there is none."""
    if isinstance(value, str):
        return _TEXT if len(value) <= MAX_TEXT_LENGTH else None
    if isinstance(value, bool):
        return _TRUTH
    if isinstance(value, int):
        return _WHOLE if -(2**63) <= value < 2**63 else None
    if isinstance(value, float):
        return _REAL
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return _TEXTS if sum(map(len, value)) <= MAX_TEXT_LENGTH else None
    return None


@dataclass(frozen=True, slots=True)
class MetadataSchema:
    """Typed columns of `rows` documents, by key. `untyped`: keys without a column.

    `full`: there are more keys without a column than are recorded.
    """

    rows: int
    columns: Mapping[str, Any]
    untyped: frozenset[str] = frozenset()
    full: bool = False

    @classmethod
    def of(cls, metas: Sequence[str]) -> MetadataSchema:
        """Make the columns of documents from their metadata, JSON objects or ""."""
        import pyarrow as pa

        seen: dict[str, _Seen] = {}
        full = False
        for at, meta in enumerate(metas):
            for key, value in json.loads(meta).items() if meta else ():
                one = seen.get(key)
                if one is None:
                    if len(seen) == MAX_COLUMNS:
                        full = True
                        continue
                    one = seen[key] = _Seen()
                one.add(at, value)
        columns = {}
        for key, one in seen.items():
            if one.kind and key.isprintable() and len(key) <= MAX_TEXT_LENGTH:
                values: list[Any] = [None] * len(metas)
                for at, value in zip(one.at, one.values, strict=True):
                    values[at] = float(value) if one.kind == _REAL else value
                columns[key] = pa.chunked_array([pa.array(values, _arrow(one.kind))])
        untyped = (k for k, one in seen.items() if k not in columns and one.kind != "")
        return cls(len(metas), columns, frozenset(untyped), full)

    @staticmethod
    def joined(parts: Sequence[MetadataSchema]) -> MetadataSchema:
        """Concatenate the columns of several catalogs."""
        import pyarrow as pa

        parts = [p for p in parts if p.rows]
        if len(parts) < 2:
            return parts[0] if parts else MetadataSchema(0, {})
        untyped: set[str] = set().union(*(p.untyped for p in parts))
        names = dict.fromkeys(n for p in parts for n in p.columns if n not in untyped)
        columns: dict[str, Any] = {}
        for name in names:
            kind = _common([p.columns.get(name) for p in parts])
            unsure = any(p.full and name not in p.columns for p in parts)
            if kind is None or unsure or len(columns) + len(untyped) >= MAX_COLUMNS:
                untyped.add(name)
                continue
            chunks = []
            for p in parts:
                column = p.columns.get(name)
                if column is None:
                    chunks.append(pa.nulls(p.rows, kind))
                else:
                    chunks += (column if column.type == kind else column.cast(kind)).chunks
            columns[name] = pa.chunked_array(chunks, kind)
        full = any(p.full for p in parts) or len(untyped) > MAX_COLUMNS
        return MetadataSchema(
            sum(p.rows for p in parts), columns, frozenset(sorted(untyped)[:MAX_COLUMNS]), full
        )

    def filter(self, keep: npt.NDArray[np.bool_]) -> MetadataSchema:
        """Filter the columns by `keep`, bool (rows,)."""
        columns = {n: filtered(c, keep) for n, c in self.columns.items()}
        return MetadataSchema(int(keep.sum()), columns, self.untyped, self.full)

    def take(self, order: Any) -> MetadataSchema:
        """Take the rows at the given positions, a pyarrow array."""
        taken = {n: c.take(order) for n, c in self.columns.items()}
        return MetadataSchema(len(order), taken, self.untyped, self.full)

    # ── in the documents file ────────────────────────────────────────────────────────────────────

    def append_to(self, table: Any) -> Any:
        """Append the columns to a catalog's table, and record the keys without a column."""
        for name, column in self.columns.items():
            table = table.append_column(PREFIX + name, column)
        known = {"untyped": sorted(self.untyped), "full": self.full}
        return table.replace_schema_metadata({MARK: json.dumps(known)})

    def dictionaries(self) -> list[str]:
        """Parquet names of the columns to encode by dictionary."""
        import pyarrow as pa

        return [
            PREFIX + name + (".list.element" if pa.types.is_list(column.type) else "")
            for name, column in self.columns.items()
            if pa.types.is_string(column.type) or pa.types.is_list(column.type)
        ]


@dataclass(slots=True)
class _Seen:
    """Values of a key and the documents they are in. `kind`: type of the column; None once there is none."""

    kind: str | None = ""
    at: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, at: int, value: Any) -> None:
        if self.kind is None or value is None:
            return
        kind = _kind(value)
        if {self.kind, kind} == {_WHOLE, _REAL}:
            wholes = [value] if kind == _WHOLE else self.values
            kind = self.kind = _REAL if all(abs(w) <= EXACT for w in wholes) else None
        if kind is None or self.kind not in ("", kind):
            self.kind = None
            return
        self.kind = kind
        self.at.append(at)
        self.values.append(value)


def _common(columns: Sequence[Any]) -> Any:
    """Arrow type that holds the values of all columns unchanged, None if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = [c for c in columns if c is not None]
    types = {c.type for c in given}
    if len(types) == 1:
        return types.pop()
    if types != {pa.int64(), pa.float64()}:
        return None
    for column in given:
        if column.type == pa.int64():
            ends = pc.min_max(column).as_py()
            if any(e is not None and abs(e) > EXACT for e in ends.values()):
                return None
    return pa.float64()


class StoredColumns:
    """Typed columns of a documents file, each read when it is first used."""

    def __init__(self, parquet: Any, read: Callable[[list[str]], Any]) -> None:
        """Read the record of the keys. `read`: reads columns by name. Raises ValueError if it is damaged."""
        self._parquet = parquet
        self._table = read
        self._names = {n for n in parquet.schema_arrow.names if n.startswith(PREFIX)}
        self._read: dict[str, MetadataColumn] = {}
        mark = (parquet.schema_arrow.metadata or {}).get(MARK)
        self._known = None if mark is None else json.loads(mark)

    def column(self, name: str) -> MetadataColumn | None:
        """Column of a key; None if its values are in the JSON only."""
        column = PREFIX + name
        if column not in self._names:
            return None
        if name not in self._read:
            # pyarrow also reads columns whose names continue with a dot
            table = self._table([column])
            self._read[name] = MetadataColumn(table.column(column).combine_chunks())
        return self._read[name]

    def all(self) -> MetadataSchema | None:
        """Read all columns; None for a file that was written without them."""
        if self._known is None:
            return None
        table = self._table(sorted(self._names))
        columns = {n.removeprefix(PREFIX): table.column(n) for n in self._names}
        rows = self._parquet.metadata.num_rows
        return MetadataSchema(rows, columns, frozenset(self._known["untyped"]), self._known["full"])
