"""A document as the index has it: its stored text, whole or in part.

The text is joined from the passages. White space between them is not stored: its line ends come back from
the passages' lines, other characters of it are blanks, so that every offset and line is the document's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qembed.errors import UnknownPart, UsageError
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.retrieval.documents.find import find_document
from qembed.types import Hit, Meta, Passage

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.store import CatalogEntry

SCHEMA = 1
"""Version of the JSON that users get."""


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """A document to read, by its id: all of it, lines of it, or a passage.

    `first_line`, `last_line`: lines of the document, from 1, both included; None: from its beginning, to its
    end. `passage`: number of a passage, from 0, with `context` neighbours on both sides.
    """

    document: str
    first_line: int | None = None
    last_line: int | None = None
    passage: int | None = None
    context: int = 0

    model: ClassVar[None] = None
    specs: ClassVar[Sequence[str | None]] = ()
    reads_files: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> DocumentRequest:
        """Request from JSON values. Raises KeyError, TypeError for other values than `to_json`'s."""
        return cls(**body)


@dataclass(frozen=True, slots=True)
class DocumentText:
    """Text of a document, or of a part of it, and where it lies.

    `start`, `end`: offsets of the text in the document, in characters; `line`, `end_line`: its lines there,
    from 1. `file_line`, `file_end_line`: the same lines of the file, as in Hit. `lines`, `characters`:
    number of the document's last line that has text, and offset of the text's end. `first_passage`,
    `last_passage`: numbers of the passages in the text, from 0, of `passages`; None for a text without one.
    `picture`: digest of a picture's pixels, hexadecimal; its text is the caption.
    """

    generation: int
    document: str
    source: str
    path: str | None
    title: str
    meta: Meta
    text: str
    start: int
    end: int
    line: int
    end_line: int
    file_line: int | None
    file_end_line: int | None
    lines: int
    characters: int
    passages: int
    first_passage: int | None
    last_passage: int | None
    picture: str | None = None

    @property
    def fragment(self) -> str:
        """Part of the file at `path` that the document is, as in Hit."""
        passage = Passage(self.document, 0, 0, 0, "", 1, 1)
        return Hit(self.document, self.path, self.title, passage, 0.0, {}, {}).fragment

    def to_json(self) -> dict[str, Any]:
        """JSON values, for users too."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {
            "schema": SCHEMA,
            **fields,
            "meta": dict(self.meta),
            "fragment": self.fragment or None,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> DocumentText:
        """Text from JSON values."""
        return cls(**{name: body[name] for name in cls.__slots__})


def check_request(request: DocumentRequest) -> None:
    """Raise UsageError for parts that no document has."""
    first, last = request.first_line, request.last_line
    if request.passage is not None and (first is not None or last is not None):
        raise UsageError("lines or a passage: one of them")
    if first is not None and first < 1:
        raise UsageError(f"line {first}: lines count from 1")
    if last is not None and last < (first or 1):
        raise UsageError(f"lines {first or 1} to {last}: the last one is before the first")
    if request.passage is not None and request.passage < 0:
        raise UsageError(f"passage {request.passage}: passages count from 0")
    if request.context < 0:
        raise UsageError(f"context {request.context}: at least 0")


def read_stored(index: Path, request: DocumentRequest) -> DocumentText:
    """Read a document from the index at `index`, opened for it. Raises NoIndex, and as `read_document`."""
    from qembed.pipeline.retrieval.session import Session

    with Session(index) as session:
        return read_document(session, request)


def read_document(session: Session, request: DocumentRequest) -> DocumentText:
    """Read a document, or a part of it, from the index. Raises UnknownDocument, UsageError."""
    import numpy as np

    check_request(request)
    position = find_document(session, request.document)
    entry = session.snapshot.catalog.take([position])[0]
    passages: Sequence[Passage] = ()
    if entry.rows:
        with session.timer("fetch"):
            rows = np.arange(entry.first, entry.first + entry.rows, dtype=np.int64)
            passages = session.documents.passages(rows)
    if request.passage is not None:
        return _around(session, entry, passages, request.passage, request.context)
    return _lines(session, entry, passages, request)


def _around(
    session: Session, entry: CatalogEntry, passages: Sequence[Passage], number: int, context: int
) -> DocumentText:
    """A passage with its neighbours. Raises UnknownPart for a number that none has."""
    if number >= len(passages):
        last = f"the last one is {len(passages) - 1}" if passages else "it has none"
        raise UnknownPart(f"{entry.id} has no passage {number} ({last})")
    low, high = max(0, number - context), min(len(passages), number + context + 1)
    chosen = passages[low:high]
    start = min(p.start for p in chosen)
    line = min(p.line for p in chosen)
    return _text(session, entry, passages, join_passages(chosen, start, line), start, line)


def _lines(
    session: Session, entry: CatalogEntry, passages: Sequence[Passage], request: DocumentRequest
) -> DocumentText:
    """Lines of a document. Raises UnknownPart for a first line behind the last one."""
    last = max((p.end_line for p in passages), default=1)
    if request.first_line is not None and request.first_line > last:
        raise UnknownPart(f"{entry.id} has no line {request.first_line} (its last one is {last})")
    if not passages:
        return _text(session, entry, passages, "", 0, 1)
    # blank lines ahead of the first passage belong to none
    first = max(request.first_line or 1, min(p.line for p in passages))
    until = last if request.last_line is None else min(request.last_line, last)
    # the passages before and behind say what is between them and the lines
    low = max((i for i, p in enumerate(passages) if p.line < first), default=0)
    low = min((i for i, p in enumerate(passages) if p.end_line >= passages[low].line), default=0)
    high = min((i for i, p in enumerate(passages) if p.line > until), default=len(passages) - 1)
    chosen = passages[low : high + 1]
    start, line = min(p.start for p in chosen), min(p.line for p in chosen)
    text = join_passages(chosen, start, line)
    cut = _line_start(text, first - line)
    stop = _line_start(text, until - line + 1)
    ends = stop > cut and text[stop - 1] == "\n" and until < last
    part = text[cut : stop - 1 if ends else stop]
    return _text(session, entry, passages, part, start + cut, first)


def _line_start(text: str, lines: int) -> int:
    """Offset behind so many line ends; the text's length if it has fewer, 0 for none."""
    at = 0
    for _ in range(max(0, lines)):
        at = text.find("\n", at) + 1
        if not at:
            return len(text)
    return at


def _text(
    session: Session,
    entry: CatalogEntry,
    passages: Sequence[Passage],
    text: str,
    start: int,
    line: int,
) -> DocumentText:
    end, end_line = start + len(text), line + text.count("\n")
    inside = [p.seq for p in passages if p.start < end and p.end > start]
    place = Passage(entry.id, 0, start, end, text, line, end_line)
    file_line, file_end_line = session.documents.file_lines(entry, place)
    if entry.picture is not None:
        file_line = file_end_line = None
    return DocumentText(
        generation=session.snapshot.manifest.generation,
        document=entry.id,
        source=entry.source,
        path=session.documents.path_of(entry.source, entry.file),
        title=entry.title,
        meta=entry.meta,
        text=text,
        start=start,
        end=end,
        line=line,
        end_line=end_line,
        file_line=file_line,
        file_end_line=file_end_line,
        lines=max((p.end_line for p in passages), default=0),
        characters=max((p.end for p in passages), default=0),
        passages=len(passages),
        first_passage=min(inside, default=None),
        last_passage=max(inside, default=None),
        picture=None if entry.picture is None else entry.picture.hex(),
    )
