"""Options for reading the files of a source, where these do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qembed.corpus.read_position import ReadPosition

PLACE, PAGES, OCR = "place", "pages", "ocr"
"""What of pictures is read only if asked: where one was taken; pages of a PDF, each as one; text in it."""


class ReadOptions(NamedTuple):
    """Fields of records, their ids, types of columns, and the encoding of text.

    `id_field`, `text_field`, `title_field` hold a record's id, text and title; None: `_id` or `id`, `text`,
    `title`. `id_prefix`: "file" puts the file's name in front of a record's id. `column_types`: name of a
    CSV column (`*`: every other) to "text", "number" or "boolean". `encoding`: a codec's name; None: UTF-8,
    or the likeliest. `pictures`: None: they are left out; else what beside themselves is read: PLACE, PAGES,
    OCR. `position`: told where a reader stands; where it is given, a table's types come from its first rows.
    """

    id_field: str | None = None
    text_field: str | None = None
    title_field: str | None = None
    encoding: str | None = None
    id_prefix: str | None = None
    column_types: Mapping[str, str] = MappingProxyType({})
    pictures: tuple[str, ...] | None = None
    position: ReadPosition | None = None

    def at(self, done: int, total: int) -> None:
        """Say that `done` of `total` parts of a file are given out with the next one."""
        if self.position is not None:
            self.position.set(done, total)
