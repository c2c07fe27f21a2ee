"""The values filters look at: what every document has in one field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from qembed.search.filters.parser import Field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

T = TypeVar("T")

BUILT_IN = ("id", "path", "suffix", "title", "mtime")


class Column(Protocol):
    """One field of all documents whose values are of one type; it answers without making objects."""

    @property
    def lists(self) -> bool:
        """Whether each document has a list of values."""

    @property
    def type(self) -> type:
        """str, float (for all numbers) or bool."""

    @property
    def present(self) -> Mask:
        """Which documents have it, bool (n,)."""

    @property
    def values(self) -> int:
        """How many values there are, those of lists counted one by one."""

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Which documents pass `= < <= > >=`; the value is of the column's type."""

    def among(self, wanted: Sequence[str]) -> Mask:
        """Which documents are equal to any of the texts."""

    def glob(self, pattern: str) -> Mask:
        """Which documents match a pattern."""


class Documents:
    """What filters look at, read when it is wanted.

    `read`: `id`, `path`, `title` and `meta` of all documents; `meta` is JSON, made by `json.dumps(…,
    ensure_ascii=False)`, "" for none; `path` is where the document is inside its source. `times`: int64
    (n,) nanoseconds, 0 where not known. `typed`: a field's column, if all its values are of one type.
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
        """The ids, paths, titles or metadata, one a document."""
        if name not in self._lists:
            self._lists[name] = self._read(name)
        return self._lists[name]

    def times(self) -> npt.NDArray[np.int64]:
        """When each document was changed."""
        return self._times()

    def typed(self, f: Field) -> Column | None:
        """A field's column; None where its values have to be looked at one by one."""
        if f.key not in self._columns:
            self._columns[f.key] = self._typed(f)
        return self._columns[f.key]

    def holding(self, needle: str) -> Mask:
        """Whose metadata hold a stretch of JSON, bool (n,)."""
        import numpy as np

        return np.fromiter((needle in m for m in self["meta"]), bool, len(self))


def is_built_in(f: Field) -> bool:
    """Whether a field is no metadata."""
    return not f.literal and f.name in BUILT_IN


class Columns:
    """Fields of the documents, or of those at the positions `narrowed`, each decoded once."""

    def __init__(self, documents: Documents, narrowed: npt.NDArray[np.int64] | None = None) -> None:
        self.documents = documents
        self.narrowed = narrowed
        self._full: dict[tuple[str, bool], list[Any]] = {}
        self._some: dict[tuple[str, bool], list[Any]] = {}
        self._at = None if narrowed is None else narrowed.tolist()

    def __len__(self) -> int:
        return len(self.documents) if self._at is None else len(self._at)

    def __getitem__(self, f: Field) -> list[Any]:
        """The field in the documents looked at; None where there is none."""
        if self._at is None:
            return self.full(f)
        if f.key not in self._some:
            self._some[f.key] = _column(f, self.documents, self._at)
        return self._some[f.key]

    def full(self, f: Field) -> list[Any]:
        """The field in all documents."""
        if f.key not in self._full:
            self._full[f.key] = _column(f, self.documents, None)
        return self._full[f.key]

    def times(self) -> npt.NDArray[np.int64]:
        """When the documents looked at were changed."""
        times = self.documents.times()
        return times if self.narrowed is None else times[self.narrowed]

    def typed(self, f: Field) -> Column | None:
        """A field's column, of all documents."""
        return self.documents.typed(f)

    def having(self, f: Field) -> int:
        """How many of all documents have the field.

        Of a narrowed filter: how many have such a key, inner ones counted too.
        """
        if (column := self.typed(f)) is not None:
            return int(column.present.sum())
        if f.key in self._full or self._at is None or is_built_in(f):
            return len(self.documents) - self.full(f).count(None)
        key = f.name if f.literal else f.name.partition(".")[0]
        return int(self.documents.holding(json.dumps(key, ensure_ascii=False) + ": ").sum())


def _column(f: Field, documents: Documents, at: Sequence[int] | None) -> list[Any]:
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
    """One field out of many JSON objects; None where it is missing.

    Decoding 200,000 objects takes a second, looking for one key a tenth of it. A key's opening quote
    follows `{` or a space, and a quote inside a string follows a backslash. So what the pattern finds is
    a key, and the one meant where no object has others inside. All else is decoded in full.
    """
    text = "\n".join(metas)
    key = json.dumps(name, ensure_ascii=False)
    if text.count("{") > len(metas) - metas.count("") or ("." in name and not literal):
        dotted = name.split(".") if "." in name and not literal else None
        return [_reach(json.loads(m), name, dotted) if m else None for m in metas]
    prefix = re.escape(key) + ": "
    one = r'"[^"\\]*"'
    plain = re.compile(
        # begins with the key as it stands, which Python's engine looks for quickest
        rf'{prefix}(?<=[{{ ]{prefix})(?:"([^"\\]*)"|(-?\d{{1,15}})(?=[,}}])|\[({one}(?:, {one})*)\])'
    )
    found: list[Any] = [
        None
        if m is None
        else m[1]
        if m.lastindex == 1
        else int(m[2])
        if m.lastindex == 2
        else m[3][1:-1].split('", "')
        for m in map(plain.search, metas)
    ]
    there = f"{key}: "
    if text.count(there) > len(found) - found.count(None):
        for i, meta in enumerate(metas):
            if found[i] is None and there in meta:
                found[i] = json.loads(meta).get(name)
    return found


def _reach(meta: Any, name: str, dotted: Sequence[str] | None) -> Any:
    """A key as it stands, else the value its dots lead to."""
    if dotted is None or name in meta:
        return meta.get(name)
    for part in dotted:
        meta = meta.get(part) if isinstance(meta, dict) else None
    return meta
