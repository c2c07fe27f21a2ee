"""Subject of `similar`: a document of the index, a file or a text, as vectors of passages.

Of a document in the index the vectors are stored: nothing is encoded, and no model is loaded.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UnknownDocument, UnknownPart, UsageError, cannot_read
from qembed.inputs import is_folder, is_there
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.retrieval.documents.find import (
    positions_by_id,
    positions_by_place,
    unknown_document,
)
from qembed.pipeline.sequences.queries import alphabet_of, joined
from qembed.types import Document, Passage, SourceFile, Unreadable

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.documents.request import SimilarRequest
    from qembed.pipeline.retrieval.session import Session
    from qembed.sequences.alphabet import Alphabet
    from qembed.types import Rows, Vectors

MAX_PASSAGES = 256
"""Passages of a subject that are compared: of a longer one so many, evenly chosen."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Subject that others are compared with.

    `vectors`: float32 (n, dim), of the passages that are compared, whose texts are `texts`. `positions`:
    catalog positions of its documents, int64; empty for one that is not in the index. `whole`: stored text of
    each of its documents, for finding exact copies; `pictures`: digests of those that are compared by their
    pixels, in the index or not, which have their copies by these. `left_out`: number of passages beyond
    MAX_PASSAGES.
    """

    name: str
    vectors: Vectors
    texts: Sequence[str]
    positions: Rows
    whole: frozenset[str]
    left_out: int = 0
    warnings: Sequence[str] = ()
    pictures: frozenset[bytes] = frozenset()


def make_subject(session: Session, request: SimilarRequest) -> Subject:
    """Find or encode the subject of a request. Raises UnknownDocument, InputError, UsageError."""
    if request.text is not None:
        if not request.text.strip():
            raise InputError("an empty text is like nothing: no words in it")
        return _encoded(session, "-", _given(session, request.text), request.passage)
    name = request.document
    assert name is not None
    positions = positions_by_id(session, name)
    if not len(positions) and request.files:
        if is_folder(Path(name)):
            raise UsageError(f"{name} is a folder: a file or a document's id is wanted")
        positions = positions_by_place(session, Path(name))
    if len(positions):
        return _stored(session, name, positions, request.passage)
    if not request.files:
        raise unknown_document(session, name)
    return _of_file(session, Path(name), request.passage)


# ── documents of the index ───────────────────────────────────────────────────────────────────────


def _stored(session: Session, name: str, positions: Rows, passage: int | None) -> Subject:
    """Subject of the documents at catalog positions."""
    import numpy as np

    positions = np.asarray(positions, dtype=np.int64)
    entries = session.snapshot.catalog.take(positions)
    entries = [e for e in entries if e.rows]
    every = [np.arange(e.first, e.first + e.rows, dtype=np.int64) for e in entries]
    if not every:
        raise UnknownDocument(f"{name} has no text: nothing is like it")
    passages = [session.documents.passages(rows) for rows in every]
    # a picture is compared by its pixels: text that was read in it is far from all pictures
    compared = [
        rows if e.picture is None or passage is not None else rows[:1]
        for e, rows in zip(entries, every, strict=True)
    ]
    rows = np.concatenate(compared)
    if passage is not None:
        if len(every) > 1:
            raise UsageError(f"--passage: {name} has {len(every)} documents: give the id of one")
        if passage >= len(rows):
            last = len(rows) - 1
            raise UnknownPart(f"{name} has no passage {passage} (the last one is {last})")
        rows = rows[passage : passage + 1]
        passages = [passages[0][passage : passage + 1]]
    parts = list(zip(entries, passages, strict=True))
    chosen = evenly(len(rows), MAX_PASSAGES)
    n_compared = [1] if passage is not None else [len(part) for part in compared]
    flat = [p for n, group in zip(n_compared, passages, strict=True) for p in group[:n]]
    return Subject(
        name,
        session.search.vectors(rows[chosen]),
        [flat[i].text for i in chosen],
        positions,
        frozenset(stored_text(g) for e, g in parts if e.picture is None or passage),
        len(rows) - len(chosen),
        pictures=frozenset(e.picture for e in entries if e.picture is not None and not passage),
    )


def stored_text(passages: Sequence[Passage]) -> str:
    """Text of a document, or of a part of it, without the place where it begins."""
    first = min(passages, key=lambda p: p.start)
    return join_passages(passages, first.start, first.line)


def evenly(n: int, most: int) -> list[int]:
    """Positions of at most `most` of n things, evenly spread, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return [round(i * (n - 1) / (most - 1)) for i in range(most)]


# ── files and texts ──────────────────────────────────────────────────────────────────────────────


def _given(session: Session, text: str) -> list[Document]:
    """A text as a document; in an index of sequences those that it holds. Raises InputError."""
    from qembed.pipeline.sequences.given import given_sequences

    alphabet = alphabet_of(session.recipe)
    if alphabet is None:
        return [Document("-", text)]
    found, problems = given_sequences(text.encode(), "-")
    return _sequences(alphabet, found, problems, "-")


def _sequences(
    alphabet: Alphabet, found: Sequence[Document], problems: Sequence[str], name: str
) -> list[Document]:
    """Sequences as they are compared. Raises InputError for what is none of the alphabet."""
    documents = [replace(d, text=joined(d.text)) for d in found]
    others = [f"{name}: {d.id}: {p}" for d in documents if (p := alphabet.problem(d.text))]
    if problems or others or not documents:
        raise InputError(
            f"this is an index of {alphabet.name} sequences:",
            [*problems, *others] or [f"{name}: no sequences there"],
        )
    return documents


def _of_file(session: Session, path: Path, passage: int | None) -> Subject:
    """Subject of a file that is not in the index, read and cut as its documents are."""
    from qembed.corpus import ReadOptions
    from qembed.corpus.formats import PICTURES, suffix
    from qembed.pipeline.sequences.files import read_items
    from qembed.pipeline.sequences.given import sequences_by_content

    if not is_there(path):
        raise unknown_document(session, str(path))
    if session.recipe.images and suffix(path.name) in PICTURES:
        return _of_picture(session, path, passage)
    try:
        stat = path.stat()
    except OSError as e:
        raise cannot_read(path, e) from e
    file = SourceFile(
        str(path.parent), path.name, str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    )
    alphabet = alphabet_of(session.recipe)
    if alphabet is not None and (found := sequences_by_content(file)) is not None:
        documents = _sequences(alphabet, *found, str(path))
        return _encoded(session, str(path), documents, passage)
    documents, problems = [], []
    for item in read_items(file, ReadOptions(), session.recipe):
        if isinstance(item, Document):
            documents.append(item)
        elif isinstance(item, Unreadable):
            problems.append(str(item))
    if not documents:
        raise InputError(f"cannot read {path}:", problems or ["no text in it"])
    subject = _encoded(session, str(path), documents, passage)
    if not problems:
        return subject
    more = "" if len(problems) == 1 else f" and {len(problems) - 1:,} more like it"
    return Subject(
        subject.name,
        subject.vectors,
        subject.texts,
        subject.positions,
        subject.whole,
        subject.left_out,
        [f"not all of it could be read: {problems[0]}{more}"],
    )


def _of_picture(session: Session, path: Path, passage: int | None) -> Subject:
    """Subject of a picture file that is not in the index."""
    import numpy as np

    from qembed.corpus.readers.pictures.opened import digest_of, open_png
    from qembed.pipeline.retrieval.pictures.query_picture import (
        encode_query_picture,
        read_query_picture,
    )

    if passage:
        raise UnknownPart(f"{path} has no passage {passage} (the last is 0)")
    png = read_query_picture(path, str(path))
    return Subject(
        str(path),
        encode_query_picture(session, png, 1),
        [path.name],
        np.zeros(0, dtype=np.int64),
        frozenset(),
        pictures=frozenset((bytes.fromhex(digest_of(open_png(base64.b64decode(png)))),)),
    )


def _encoded(
    session: Session, name: str, documents: Sequence[Document], passage: int | None
) -> Subject:
    """Subject of documents that are not in the index."""
    import numpy as np

    from qembed.pipeline.passage_builder import PassageBuilder

    builder = PassageBuilder(session.loaded.model, session.recipe)
    texts: list[str] = []
    shown: list[str] = []
    whole = set()
    for document in documents:
        passages = builder.passages(document)
        if not passages:
            continue
        texts += builder.encoder_texts(document, passages)
        shown += [p.text for p in passages]
        whole.add(stored_text(passages))
    if not texts:
        raise InputError(f"{name}: no text in it")
    if passage is not None:
        if passage >= len(texts):
            raise UnknownPart(f"{name} has no passage {passage} (the last is {len(texts) - 1})")
        texts, shown = texts[passage : passage + 1], shown[passage : passage + 1]
        whole = set(shown)
    chosen = evenly(len(texts), MAX_PASSAGES)
    encoder = session.loaded.passage_encoder
    with session.timer("encode"):
        vectors = encoder.encode([texts[i] for i in chosen])
    none = np.zeros(0, dtype=np.int64)
    left_out = len(texts) - len(chosen)
    return Subject(name, vectors, [shown[i] for i in chosen], none, frozenset(whole), left_out)
