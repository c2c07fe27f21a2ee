"""The nouns of qembed and the seams between its rooms. Imports nothing of ours.

Frozen, slotted dataclasses; what is numpy stays numpy. Higher scores are better everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

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
"""A document's metadata: JSON values under string keys, types as in the record."""

Run: TypeAlias = dict[str, dict[str, float]]
"""query id -> document id -> score."""
Qrels: TypeAlias = dict[str, dict[str, int]]
"""query id -> document id -> grade."""

Pair: TypeAlias = tuple[str, str]
"""(query, passage)."""
Tasks: TypeAlias = Sequence[str | None] | None
"""One instruction per pair, by name or in full; None stands for the reranker's own instruction."""
Track: TypeAlias = Callable[[int], None]
"""Progress callback. Called with the number of texts or pairs just finished."""


# ── corpus ───────────────────────────────────────────────────────────────────────────────────────


class SourceFile(NamedTuple):
    """A file found in a source. `name` is its path inside the source, with forward slashes.

    `location` is where it lies. A tuple and a plain string, because a refresh looks at every file and
    opens few: a Path for each of them costs as much as the whole walk, a dataclass a quarter of it.
    """

    source: str
    name: str
    location: str | os.PathLike[str]
    size: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        """The location as a Path, made when asked for."""
        return Path(self.location)


@dataclass(frozen=True, slots=True)
class Document:
    """One text with an identity. `id`: path inside its source, or the record's id.

    `line`: where a record or part begins in its file, 1-based; None for a whole file. `start`: characters
    of the file before a part of its text; what is shown of its passages counts from the file's beginning.
    """

    id: str
    text: str
    title: str = ""
    meta: Meta = field(default_factory=dict)
    line: int | None = None
    start: int = 0

    @property
    def digest(self) -> bytes:
        """16 bytes that change whenever title, text, metadata or `start` do; the id is not part of them."""
        meta = json.dumps(self.meta, sort_keys=True, ensure_ascii=False, default=str)
        h = hashlib.blake2b(digest_size=16)
        place = (str(self.start),) if self.start else ()
        for part in (self.title, self.text, meta, *place):
            data = part.encode("utf-8", "surrogatepass")
            h.update(len(data).to_bytes(8, "little"))
            h.update(data)
        return h.digest()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that was there and could not be read. `line` is 1-based, None for a whole file."""

    path: str
    error: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.error}"


@dataclass(frozen=True, slots=True)
class Skipped(Unreadable):
    """Something left out for a known reason, which is no failure: a binary file, a format not installed.

    `keep`: what was known of it stays, as nobody looked.
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


ReadItem: TypeAlias = Document | Unreadable | LeftOut
"""One item of what a reader yields for a file."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document: `text == document.text[start:end]`. Lines are 1-based, inclusive.

    `heading`: the headings it stands under (`Guide > Refunds`); `symbol`: what it defines, of code
    (`Basket.total`). "" where there are none.
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
        """What of the document it is, in a few words: its headings, or what it defines."""
        return self.heading or self.symbol


# ── models ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines a stored vector. A query's template and task do not."""

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

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all fields but the model's name: the revision is its content."""
        values = {k: v for k, v in asdict(self).items() if k != "model"}
        data = json.dumps(values, sort_keys=True).encode()
        return hashlib.blake2b(data, digest_size=8).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The fields and the fingerprint, as JSON values."""
        return {**asdict(self), "fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Capabilities of an encoder, read by callers that batch or share it.

    `batch_invariant`: a text's vector has the same bits whatever other texts share its batch.
    `thread_safe`: several threads may call `encode` at the same time.
    `preferred_batch`: number of texts per `encode` call for best throughput; None: the caller's choice.
    """

    batch_invariant: bool = False
    thread_safe: bool = False
    preferred_batch: int | None = None


class Encoder(Protocol):
    """Text to vectors. Input is finished text: templates are applied before.

    Encoders of the user's own code (`py:`) need `encode(texts)` only: PythonEncoder wraps them.
    """

    @property
    def info(self) -> EncoderInfo:
        """Declared capabilities."""
        ...

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1.

        `half_cores`: leave half of the CPU cores to other threads. A hint without effect on the
        vectors; encoders without control over their threads ignore it.
        """
        ...


class TokenEncoder(Protocol):
    """Text to one vector a token, for late interaction."""

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text float32 (tokens, dim), rows of length 1, without padding."""
        ...


class Scorer(Protocol):
    """Reranker: scores of (query, passage) pairs. One call may hold pairs of many queries.

    kind: sort of reranker (late, cross, qwen, remote, own). truncated: pairs that lost text so far.
    """

    kind: str
    truncated: list[Pair]

    @property
    def instructed(self) -> bool:
        """True if it reads an instruction beside each pair."""
        ...

    @property
    def note(self) -> str | None:
        """Message for the user about how it runs, None if there is none."""
        ...

    @property
    def calibrated(self) -> bool:
        """True if scores are probabilities, so that a threshold means the same for every query."""
        ...

    @property
    def meaning(self) -> str:
        """Explanation of the scores, one line for the user."""
        ...

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),), higher is better, unsorted.

        `tasks`: read by rerankers that are `instructed` only. Raises EncodingError for NaN and infinity.
        """
        ...


# ── results ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Query:
    """A query as the user wrote it. `task` and `where` override the command's for this one."""

    id: str
    text: str
    task: str | None = None
    where: str | None = None


class Snippet(NamedTuple):
    """The sentence of a passage that answers a query best: `text[start:end]` of the passage.

    `matches`: (start, end) of the query's words, counted from the start of the sentence.
    """

    start: int
    end: int
    matches: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `scores`: the score of each stage, by name: dense, lexical, rerank.

    `path`: the document's file, None for records from standard input. `snippet`: None unless asked for.
    """

    document: str
    path: str | None
    title: str
    passage: Passage
    score: float
    scores: Mapping[str, float | None]
    meta: Meta
    snippet: Snippet | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Hits of one query, best first. `instruction`: the text that was encoded, None for the bare words."""

    query: Query
    instruction: str | None
    hits: Sequence[Hit]
