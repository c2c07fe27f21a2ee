"""Nouns of qembed: the values that its packages exchange. Imports nothing of ours.

Frozen, slotted dataclasses; what is numpy stays numpy. Higher scores are better everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors: TypeAlias = npt.NDArray[np.float32]
    """float32 (n, dim), rows of length 1."""
    Rows: TypeAlias = npt.NDArray[np.int64]
    """int64 (n,), row ids of an index."""
    Scores: TypeAlias = npt.NDArray[np.float32]
    """float32 (n,), higher is better."""

Meta: TypeAlias = Mapping[str, Any]
"""Metadata of a document: JSON values under string keys, types as in the record."""

Run: TypeAlias = dict[str, dict[str, float]]
"""query id -> document id -> score."""
Qrels: TypeAlias = dict[str, dict[str, int]]
"""query id -> document id -> grade."""


class SourceFile(NamedTuple):
    """File of a source. `name` is its path inside the source, with forward slashes.

    `location` is its path on disk, a string: a Path for each file costs as much as the whole walk. Of a
    picture, `captions` is what pages of its source say of it, `shown_in` are their names; of a page,
    `pictures` are the names of its source's pictures.
    """

    source: str
    name: str
    location: str | os.PathLike[str]
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    captions: tuple[str, ...] = ()
    shown_in: tuple[str, ...] = ()
    pictures: Set[str] = frozenset()

    @property
    def path(self) -> Path:
        """Location as a Path, made at each access."""
        return Path(self.location)


class Picture(NamedTuple):
    """Picture as models get it. `png`: RGB, upright, shrunk. `digest`: of its size and pixels, 16 bytes.

    `caption`: characters of its document's text before the text that was read in it; None: all.
    """

    png: bytes
    digest: bytes
    caption: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Text with an identity, or a picture and its caption. `id`: path inside its source, or the record's id.

    `line`: first line of a record or part in its file, 1-based; None for a whole file. `start`: characters
    of the file before a part's text; offsets of shown passages count from the beginning of the file.
    """

    id: str
    text: str
    title: str = ""
    meta: Meta = field(default_factory=dict)
    line: int | None = None
    start: int = 0
    picture: Picture | None = None

    @property
    def digest(self) -> bytes:
        """Digest of title, text, metadata, `start` and picture, 16 bytes; the id is not part of it."""
        meta = json.dumps(self.meta, sort_keys=True, ensure_ascii=False, default=str)
        h = hashlib.blake2b(digest_size=16)
        place = (str(self.start),) if self.start else ()
        pixels = (self.picture.digest.hex(),) if self.picture else ()
        for part in (self.title, self.text, meta, *place, *pixels):
            data = part.encode("utf-8", "surrogatepass")
            h.update(len(data).to_bytes(8, "little"))
            h.update(data)
        return h.digest()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Failure to read a file or record. `line` is 1-based, None for a whole file."""

    path: str
    error: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.error}"


@dataclass(frozen=True, slots=True)
class Skipped(Unreadable):
    """File left out for a known reason, which is no failure: a binary file, a format not installed.

    `keep`: its documents of an earlier run stay, as the file was not looked at.
    """

    keep: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Parts of a file that was read which are not in its documents: pictures, embedded objects, frames.

    `path` is the file, `what` names the kind of part, `count` is the number of such parts.
    """

    path: str
    what: str
    count: int = 1

    def __str__(self) -> str:
        times = f"{self.count:,} × " if self.count > 1 else ""
        return f"{self.path}: {times}{self.what}"


@dataclass(frozen=True, slots=True)
class ReadWarning:
    """Doubt about a file that was read: an encoding guessed, metadata read leniently. `line` is 1-based."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.message}"


ReadItem: TypeAlias = Document | Unreadable | LeftOut | ReadWarning
"""Item that a reader yields for a file."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Part of a document: `text == document.text[start:end]`. Lines are 1-based, inclusive.

    `heading`: the headings it stands under (`Guide > Refunds`); `symbol`: the definition in a passage of
    code (`Basket.total`). "" where there are none.
    """

    document: str
    seq: int
    start: int
    end: int
    text: str
    line: int
    end_line: int
    heading: str = ""
    symbol: str = ""

    @property
    def label(self) -> str:
        """Short description of the part: its headings, or the symbol it defines."""
        return self.heading or self.symbol


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of an index: everything that determines a stored vector. A query's template and task do not.

    `overlap`: tokens that a passage repeats of the one before. `version`: 1 where only parts of one paragraph
    overlap, 2 where all neighbours within a section do. `images`: how pictures are prepared, "" without any.
    """

    model: str
    revision: str
    dim: int
    pooling: str
    passage_text: str
    title_rule: str
    max_tokens: int
    overlap: int
    chunker: str
    version: int = 1
    images: str = ""

    @property
    def fingerprint(self) -> str:
        """Hash of all fields but the model's name, 16 hex digits: the revision is the model's content."""
        values = {k: v for k, v in self.values().items() if k != "model"}
        data = json.dumps(values, sort_keys=True).encode()
        return hashlib.blake2b(data, digest_size=8).hexdigest()

    def values(self) -> dict[str, Any]:
        """Fields by name."""
        return {k: v for k, v in asdict(self).items() if v or k != "images"}

    def to_json(self) -> dict[str, Any]:
        """Fields and fingerprint as JSON values."""
        return {**self.values(), "fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True)
class Query:
    """Query as the user wrote it. `task` and `where` override the command's for this one."""

    id: str
    text: str
    task: str | None = None
    where: str | None = None


class Snippet(NamedTuple):
    """Sentence of a passage that answers a query best: `text[start:end]` of the passage.

    `matches`: (start, end) of the query's words in all of the passage, in order. `definition`: of a passage
    within a definition of code, the line where that begins, shown before the sentence, which is shown if it
    has the query's words; `line` and `column`: of it in the document, from 1 and 0. Without a definition
    `line` is the sentence's in its file, where the hit's is not known or its record's; 0 for none.
    """

    start: int
    end: int
    matches: Sequence[tuple[int, int]] = ()
    definition: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """Found passage. `scores`: the score of each stage, by name: dense, lexical, rerank.

    `path`: the document's file, None for records from standard input. `line`, `end_line`: the passage's lines
    in that file, from 1; of a record in a file the line it begins in, and None; None both where no line is
    known, as in a PDF. `snippet`: None unless asked for. `parts`: what each feature adds to the score of the
    learned order. `index`: name of the index, where several are searched. `kind`: "text" or "image".
    `picture`: digest of the pixels of a picture, or of the one that text was read in, hexadecimal.
    """

    document: str
    path: str | None
    title: str
    passage: Passage
    score: float
    scores: Mapping[str, float | None]
    meta: Meta
    snippet: Snippet | None = None
    line: int | None = None
    end_line: int | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    index: str | None = None
    kind: str = "text"
    picture: str | None = None

    @property
    def own_id(self) -> str:
        """Id of the document in its index: without the index's name, which tells equal ids apart."""
        return self.document if self.index is None else self.passage.document

    @property
    def shown_line(self) -> int | None:
        """Line of the file in which the snippet begins, from 1; None if it is not known."""
        s = self.snippet
        if self.line is None:
            return None if s is None or s.definition else s.line or None
        return s.line if s is not None and s.definition else self.sentence_line

    @property
    def sentence_line(self) -> int | None:
        """Line of the file in which the snippet's sentence begins, from 1; None if it is not known."""
        s = self.snippet
        if s is None or self.line is None:
            return self.line
        if self.end_line is None:
            return self.line if s.definition else s.line or self.line
        return self.line + self.passage.text.count("\n", 0, s.start)

    @property
    def fragment(self) -> str:
        """Part of the file at `path` that the document is: `page=3`, or a record's id; "" for all of it."""
        if self.path is None:
            return ""
        name = "/" + self.path.rpartition("/")[2]
        whole = "/" + self.own_id
        if whole.endswith(name):
            return ""
        _, named, part = whole.partition(name + "#")
        return part if named else self.own_id


@dataclass(frozen=True, slots=True)
class Results:
    """Hits of one query, best first. `instruction`: the text that was encoded, None for the bare words.

    `logged_as`: id of the query in the index's feedback log, None if it was not logged. `explored`: ranks
    whose hit was exchanged with the next one, at random. `interleaved`: names of the two settings that share
    the answer, "a" and "b", and "teams", a letter for each hit; None of one that is made by one setting.
    """

    query: Query
    instruction: str | None
    hits: Sequence[Hit]
    logged_as: str | None = None
    explored: Sequence[int] = ()
    interleaved: Mapping[str, str] | None = None
