"""Word documents to Markdown: what a reader sees; notes and comments stand after their paragraph."""

from __future__ import annotations

from collections.abc import Iterator

from qembed.corpus.readers.converted import Converted, Text
from qembed.corpus.readers.office.ooxml import word_styles
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import (
    Package,
    attribute,
    child,
    descendants,
    name_of,
)
from qembed.corpus.readers.office.ooxml.word_notes import Notes
from qembed.corpus.readers.office.ooxml.word_story import StoryReader


def docx(data: bytes) -> Iterator[Converted]:
    """Read a Word document as one text. Raises ValueError."""
    package = Package(data)
    title, found = read_document(package)
    own, author = package.properties()
    text = found.text()
    if not text and found.omitted:
        raise ValueError(f"no text in it ({', '.join(found.omitted)})")
    yield Text("", text, own or title, {"author": author} if author else {})
    yield from found.left_out()


def read_document(package: Package, depth: int = 0) -> tuple[str, Blocks]:
    """Read title and content of a document, which is a chunk of `depth` others. Raises ValueError."""
    root = package.xml(package.main)
    body = child(root, "body")
    if name_of(root) != "document" or body is None:
        raise ValueError("it is no Word document")
    styles, numbering = word_styles.load(package)
    notes = Notes(package)
    reader = StoryReader(package, styles, numbering, notes, depth)
    found = reader.story(package.main, body)
    # a part each; those of later sections often say the same again
    for kind in ("header", "footer"):
        targets = (
            package.target(package.main, attribute(e, "id"))
            for e in descendants(body, f"{kind}Reference")
        )
        for target in dict.fromkeys(t for t in targets if t is not None):
            try:
                story = reader.story(target, package.xml(target))
            except ValueError as e:
                found.omit(kind, str(e))
                continue
            said = set(found.lines)
            found.lines += [line for line in story.lines if line not in said]
            found.omitted.update(story.omitted)
    found.take(notes.rest(reader))
    return reader.title, found
