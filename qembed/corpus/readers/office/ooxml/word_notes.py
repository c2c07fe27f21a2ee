"""Footnotes, endnotes and comments of a Word document, each read where the text refers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import (
    Element,
    Package,
    attribute,
    descendants,
    name_of,
)

if TYPE_CHECKING:
    from qembed.corpus.readers.office.ooxml.word_story import StoryReader

_KINDS = ("footnote", "endnote", "comment")


class Notes:
    """The notes of a document that were not read yet."""

    def __init__(self, package: Package) -> None:
        self._left: dict[tuple[str, str], tuple[str, Element]] = {}
        self.problems: list[str] = []
        """Parts that could not be read."""
        for kind in _KINDS:
            for part in package.related(package.main, f"{kind}s"):
                try:
                    root = package.xml(part)
                except ValueError as error:
                    self.problems.append(str(error))
                    continue
                for e in root:
                    # the others are lines that separate notes from the text
                    if name_of(e) == kind and attribute(e, "type", "normal") == "normal":
                        self._left[kind, attribute(e, "id")] = part, e

    def take(self, reader: StoryReader, kind: str, key: str, is_shown: bool) -> Blocks:
        """Read a note that the text refers to, once. A note of hidden text is hidden, a comment is not."""
        if not is_shown and kind == "comment":
            return Blocks()
        part, note = self._left.pop((kind, key), ("", None))
        if note is None or not is_shown:
            return Blocks()
        found = reader.story(part, note)
        author = attribute(note, "author")
        if kind == "comment" and author and found.lines:
            found.lines[0] = f"{author}: {found.lines[0]}"
        return found

    def drop(self, deleted: Element, is_moved: bool) -> None:
        """Forget the notes of a deletion; those of a passage that was moved come with it."""
        if is_moved:
            return
        for kind in ("footnote", "endnote"):
            for e in descendants(deleted, f"{kind}Reference"):
                self._left.pop((kind, attribute(e, "id")), None)

    def rest(self, reader: StoryReader) -> Blocks:
        """Read what no text has referred to."""
        found = Blocks()
        for kind, key in list(self._left):
            found.take(self.take(reader, kind, key, True))
        for problem in self.problems:
            found.omit("notes", problem)
        return found
