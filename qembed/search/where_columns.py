"""The values filters look at: what every document has in one field."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from qembed.search.where_parse import Field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

T = TypeVar("T")

BUILT_IN = ("id", "path", "suffix", "title", "mtime")


@dataclass(frozen=True, slots=True)
class Documents:
    """What filters look at, one item a document in each.

    `meta`: the metadata as JSON, made by `json.dumps(…, ensure_ascii=False)`; "" for none. `path`: where
    the document is inside its source. `mtime_ns`: 0 where the time is not known.
    """

    id: Sequence[str]
    path: Sequence[str]
    title: Sequence[str]
    mtime_ns: Sequence[int]
    meta: Sequence[str]

    def __len__(self) -> int:
        return len(self.meta)

    def holding(self, needle: str) -> Mask:
        """Whose metadata hold a stretch of JSON, bool (n,)."""
        import numpy as np

        return np.fromiter((needle in m for m in self.meta), bool, len(self.meta))


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

    def having(self, f: Field) -> int:
        """How many of all documents have the field.

        Of a narrowed filter: how many have such a key, inner ones counted too.
        """
        if f.key in self._full or self._at is None or (f.name in BUILT_IN and not f.literal):
            return len(self.documents) - self.full(f).count(None)
        key = f.name if f.literal else f.name.partition(".")[0]
        return int(self.documents.holding(json.dumps(key, ensure_ascii=False) + ": ").sum())


def _column(f: Field, documents: Documents, at: Sequence[int] | None) -> list[Any]:
    def some(values: Sequence[T]) -> Sequence[T]:
        return values if at is None else [values[i] for i in at]

    if f.literal or f.name not in BUILT_IN:
        return metadata(f.name, some(documents.meta), literal=f.literal)
    if f.name == "suffix":
        names = [p.rpartition("/")[2] for p in some(documents.path)]
        return ["." + n.rpartition(".")[2] if "." in n[1:] else "" for n in names]
    if f.name == "mtime":
        return [int(t) or None for t in some(documents.mtime_ns)]
    return list(some(getattr(documents, f.name)))


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
