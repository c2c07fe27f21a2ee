"""Reading what rows stand for: passages, their documents, and where these lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from qembed.corpus.formats import FILE_LINES, format_of
from qembed.pipeline.retrieval.fusion import is_code
from qembed.pipeline.source_options import is_file_source
from qembed.store import CatalogEntry, Snapshot
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.pipeline.filters import Filters
    from qembed.types import Rows

T = TypeVar("T")


class RowCache(Generic[T]):
    """Values by row id. Emptied when it would hold more than `limit`; 0 caches nothing."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._values: dict[int, T] = {}

    def get(self, rows: Rows, fetch: Callable[[Rows], Sequence[T]]) -> Sequence[T]:
        """Values of the rows, in their order. `fetch` gets the rows that are not cached."""
        import numpy as np

        if not self._limit:
            return fetch(rows)
        wanted = rows.tolist()
        new = [r for r in dict.fromkeys(wanted) if r not in self._values]
        if len(self._values) + len(new) > self._limit:
            self._values.clear()
            new = list(dict.fromkeys(wanted))
        if new:
            self._values.update(zip(new, fetch(np.array(new, dtype=np.int64)), strict=True))
        return [self._values[r] for r in wanted]


@dataclass(frozen=True, slots=True)
class DocumentCaches:
    """Caches of a DocumentReader.

    A row id is never used twice within an index, so that `passages` and `code` may be handed to the reader
    of a later generation; `entries` may not.
    """

    passages: RowCache[Passage] = field(default_factory=RowCache)
    code: RowCache[bool] = field(default_factory=RowCache)
    entries: RowCache[CatalogEntry] = field(default_factory=RowCache)


class DocumentReader:
    """Passages and documents of one generation."""

    def __init__(self, snapshot: Snapshot, caches: DocumentCaches | None = None) -> None:
        self._snapshot = snapshot
        self._caches = DocumentCaches() if caches is None else caches
        self._sources: dict[str, tuple[str, bool]] = {}
        self._filters: Filters | None = None

    def passages(self, rows: Rows) -> Sequence[Passage]:
        """Passages of the rows."""
        return self._caches.passages.get(rows, self._snapshot.passages)

    def entries(self, rows: Rows) -> Sequence[CatalogEntry]:
        """Catalog entries of the rows' documents."""
        return self._caches.entries.get(rows, self._snapshot.entries_of)

    def document_ids(self, rows: Rows) -> list[str]:
        """Ids of the rows' documents."""
        return [entry.id for entry in self.entries(rows)]

    def code_flags(self, rows: Rows) -> Sequence[bool]:
        """True for each row that looks like source code."""
        return self._caches.code.get(rows, lambda r: [is_code(p.text) for p in self.passages(r)])

    @property
    def filters(self) -> Filters:
        """Evaluation of `--where` over this generation's documents."""
        if self._filters is None:
            from qembed.pipeline.filters import Filters

            self._filters = Filters(self._snapshot)
        return self._filters

    def path_of(self, source: str, file: str) -> str | None:
        """Path of a document's file; None for records from standard input."""
        if source == "-":
            return None
        if source not in self._sources:
            path = self._snapshot.root.parent / source
            self._sources[source] = str(path), is_file_source(path, file)
        full, is_file = self._sources[source]
        return full if is_file else os.path.join(full, file)  # noqa: PTH118 - for each hit

    @staticmethod
    def file_lines(entry: CatalogEntry, passage: Passage) -> tuple[int | None, int | None]:
        """`line` and `end_line` of a Hit: lines of the passage in the document's file."""
        form = format_of(entry.file)
        if form in FILE_LINES and entry.source != "-":
            return passage.line, passage.end_line
        if entry.line is not None:
            return entry.line, None
        # JSON without records is text as it stands
        if form == "json" and entry.id.endswith(entry.file):
            return passage.line, passage.end_line
        return None, None

    def recheck(self) -> None:
        """Forget what may change without a new generation: kinds of sources, filters that name times."""
        self._sources.clear()
        if self._filters is not None:
            self._filters.forget_results()
