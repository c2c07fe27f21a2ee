"""Passages as they are given to other engines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from qembed.engines.fields import MetadataField

if TYPE_CHECKING:
    from qembed.types import Vectors

WHOLE = ("row", "seq", "start", "end", "line", "end_line")
TEXTS = ("id", "document", "heading", "symbol", "title", "source", "file", "text")


@dataclass(frozen=True, slots=True)
class ExportedPassage:
    """Passage with the fields of its document. `id`: the document's and `seq`, with # between.

    `source`: as a full path, `-` for records without one. `fields`: metadata that have a column, by column.
    """

    row: int
    document: str
    seq: int
    start: int
    end: int
    line: int
    end_line: int
    heading: str
    symbol: str
    title: str
    source: str
    file: str
    text: str
    meta: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Id of the passage."""
        return f"{self.document}#{self.seq}"


class PassageBatch(NamedTuple):
    """Passages and their vectors, float32 (n, dim)."""

    passages: Sequence[ExportedPassage]
    vectors: Vectors


class ExportContent(NamedTuple):
    """Content of an export. `batches` can be read once; `total`: passages in all. `name`: of this content."""

    batches: Iterable[PassageBatch]
    fields: Sequence[MetadataField]
    dim: int
    total: int
    name: str


class ExportTarget(Protocol):
    """Engine, or file, that passages are written to."""

    def check(self) -> None:
        """Raise UsageError, EngineError or StorageError for a target that cannot be written."""

    def write(self, content: ExportContent) -> str:
        """Write all, or nothing that a reader sees. Returns where it is, in words."""
