"""Documents as filters read them: typed columns, times, and values decoded from metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from qembed.search.filters.parser import Field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

T = TypeVar("T")

BUILT_IN = ("id", "path", "suffix", "title", "mtime")
"""Fields that are no metadata."""


class Column(Protocol):
    """One field of all documents whose values are of one type. Tests make no Python objects.

    All masks are bool (documents,).
    """

    @property
    def lists(self) -> bool:
        """True if each document has a list of values."""

    @property
    def type(self) -> type:
        """Type of the values: str, float (for all numbers) or bool."""

    @property
    def present(self) -> Mask:
        """Documents with a value."""

    @property
    def values(self) -> int:
        """Number of values, those of lists counted one by one."""

    def counts(self) -> list[tuple[Any, int]]:
        """Distinct values with their numbers, the commonest first."""

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents that pass `= < <= > >=` with a value of the column's type."""

    def among(self, wanted: Sequence[str]) -> Mask:
        """Documents equal to any of the texts."""

    def glob(self, pattern: str) -> Mask:
        """Documents that match a pattern."""


class Documents:
    """Documents of an index, read when a filter asks for them.

    `read`: `id`, `path`, `title` and `meta` of all documents; `meta` is JSON, made by `json.dumps(…,
    ensure_ascii=False)`, "" for none; `path` is relative to the document's source. `times`: modification
    times, int64 (n,) nanoseconds, 0 where unknown. `typed`: a field's column, if its values have one type.
    """

    def __init__(
        self,
        n: int,
        read: Callable[[str], Sequence[str]],
        times: Callable[[], npt.NDArray[np.int64]],
        typed: Callable[[Field], Column | None] = lambda _: None,
    ) -> None:
        self._n = n
        self._read = read
        self._times = times
        self._typed = typed
        self._lists: dict[str, Sequence[str]] = {}
        self._columns: dict[tuple[str, bool], Column | None] = {}

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, name: str) -> Sequence[str]:
        """Return `id`, `path`, `title` or `meta`, one a document."""
        if name not in self._lists:
            self._lists[name] = self._read(name)
        return self._lists[name]

    def times(self) -> npt.NDArray[np.int64]:
        """Return the modification times, int64 (n,) nanoseconds."""
        return self._times()

    def typed(self, f: Field) -> Column | None:
        """Return a field's column, None if its values have to be decoded."""
        if f.key not in self._columns:
            self._columns[f.key] = self._typed(f)
        return self._columns[f.key]

    def holding(self, needle: str) -> Mask:
        """Return the documents whose metadata hold a substring of JSON, bool (n,)."""
        import numpy as np

        return np.fromiter((needle in m for m in self["meta"]), bool, len(self))


def is_built_in(f: Field) -> bool:
    """Return True if a field is no metadata."""
    return not f.literal and f.name in BUILT_IN


class Columns:
    """Fields of all documents, or of those at the positions `narrowed`, int64 (n,); each decoded once."""

    def __init__(self, documents: Documents, narrowed: npt.NDArray[np.int64] | None = None) -> None:
        self.documents = documents
        self.narrowed = narrowed
        self._all: dict[tuple[str, bool], list[Any]] = {}
        self._some: dict[tuple[str, bool], list[Any]] = {}
        self._at = None if narrowed is None else narrowed.tolist()

    def __getitem__(self, f: Field) -> list[Any]:
        """Return the field's values in the documents looked at, None where it is missing."""
        if self._at is None:
            return self.full(f)
        if f.key not in self._some:
            self._some[f.key] = _values(f, self.documents, self._at)
        return self._some[f.key]

    def full(self, f: Field) -> list[Any]:
        """Return the field's values in all documents, None where it is missing."""
        if f.key not in self._all:
            self._all[f.key] = _values(f, self.documents, None)
        return self._all[f.key]

    def times(self) -> npt.NDArray[np.int64]:
        """Return the modification times of the documents looked at."""
        times = self.documents.times()
        return times if self.narrowed is None else times[self.narrowed]

    def typed(self, f: Field) -> Column | None:
        """Return the field's column, of all documents; None if its values have to be decoded."""
        return self.documents.typed(f)

    def having(self, f: Field) -> int:
        """Count the documents that have the field, among all.

        Where only some were decoded, those whose metadata have such a key at any depth are counted.
        """
        if (column := self.typed(f)) is not None:
            return int(column.present.sum())
        if f.key in self._all or self._at is None or is_built_in(f):
            return len(self.documents) - self.full(f).count(None)
        key = f.name if f.literal else f.name.partition(".")[0]
        return int(self.documents.holding(json.dumps(key, ensure_ascii=False) + ": ").sum())


def _values(f: Field, documents: Documents, at: Sequence[int] | None) -> list[Any]:
    """Decode a field of the documents at these positions, None for all."""

    def some(values: Sequence[T]) -> Sequence[T]:
        return values if at is None else [values[i] for i in at]

    if not is_built_in(f):
        return metadata(f.name, some(documents["meta"]), literal=f.literal)
    if f.name == "suffix":
        names = [p.rpartition("/")[2] for p in some(documents["path"])]
        return ["." + n.rpartition(".")[2] if "." in n[1:] else "" for n in names]
    if f.name == "mtime":
        return [t or None for t in some(documents.times().tolist())]
    return list(some(documents[f.name]))


def metadata(name: str, metas: Sequence[str], literal: bool = False) -> list[Any]:
    """Decode one field of many JSON objects, None where it is missing.

    The dots of a name that is not `literal` lead into objects, unless there is a key with these dots.
    """
    path = () if literal else tuple(name.split("."))
    return [_reach(json.loads(m), name, path) if m else None for m in metas]


def _reach(meta: Any, name: str, path: Sequence[str]) -> Any:
    if name in meta or len(path) < 2:
        return meta.get(name)
    for part in path:
        meta = meta.get(part) if isinstance(meta, dict) else None
    return meta
