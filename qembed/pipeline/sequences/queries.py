"""Queries of an index of sequences: whether they are sequences, as they are encoded; files of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError, cannot_read
from qembed.sequences.alphabet import Alphabet
from qembed.sequences.recipe import sequence_recipe
from qembed.types import Document, Query, Recipe, Snippet, SourceFile, Unreadable

if TYPE_CHECKING:
    from qembed.types import Passage

SHOWN = 60
"""Characters of a sequence that are shown of a hit."""


def alphabet_of(recipe: Recipe) -> Alphabet | None:
    """Alphabet of an index, None for one of texts."""
    found = sequence_recipe(recipe.chunker)
    return None if found is None else found.alphabet


def check_sequences(recipe: Recipe, queries: Sequence[Query], asked: bool, encodes: bool) -> None:
    """Raise UsageError for queries of sequences in an index of texts, InputError for words where it encodes.

    `asked`: the queries are said to be sequences. `encodes`: vectors are made of them.
    """
    alphabet = alphabet_of(recipe)
    if alphabet is None:
        if asked:
            raise UsageError("--sequence: this is an index of texts (qembed index --alphabet NAME)")
        return
    if not asked and not encodes:
        return
    problems = [
        f"query {q.id}: {problem}" for q in queries if (problem := alphabet.problem(q.text))
    ]
    if problems:
        hint = "" if asked else " (words of names and descriptions are found by --mode lexical)"
        raise InputError(f"this is an index of {alphabet.name} sequences{hint}:", problems)


def read_sequences(path: str, stdin: bytes | None = None) -> list[Query]:
    """Queries of a file of sequences, or of standard input: any format that its content tells, or a bare one.

    A pipe, and a file whose suffix is of no format, are read as standard input is. Raises UsageError,
    InputError with all that cannot be read, StorageError.
    """
    from qembed.pipeline.sequences.given import given_sequences

    if stdin is not None or is_pipe(Path(path)):
        name = "-" if stdin is not None else path
        return _checked(*given_sequences(_piped(path) if stdin is None else stdin, name), name)
    return _checked(*_of_files(path), path)


def is_pipe(path: Path) -> bool:
    """True for a pipe, or what the shell puts in the place of one: `<(zcat c17.bench.gz)`."""
    try:
        return path.is_fifo() or path.is_char_device()
    except OSError:
        return False


def _piped(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as e:
        raise cannot_read(path, e) from e


def _of_files(path: str) -> tuple[list[Document], list[str]]:
    """(sequences of a file or folder, what cannot be read)."""
    from qembed.corpus import ReadOptions, read
    from qembed.corpus.source_files import walk
    from qembed.pipeline.sequences.given import sequences_by_content

    documents: list[Document] = []
    problems: list[str] = []
    for file in walk(Path(path)):
        if isinstance(file, SourceFile):
            if (found := sequences_by_content(file)) is not None:
                documents += found[0]
                problems += found[1]
                continue
            items = read(file, ReadOptions())
        else:
            items = iter([file])
        for item in items:
            if isinstance(item, Unreadable):
                problems.append(str(item))
            elif isinstance(item, Document):
                documents.append(item)
    return documents, problems


def joined(text: str) -> str:
    """Sequence whose letters stand in several lines as one line; gates have blanks between them."""
    return text if " " in text else "".join(text.split())


def _checked(documents: list[Document], problems: list[str], name: str) -> list[Query]:
    queries = [Query(d.id, joined(d.text)) for d in documents]
    ids = [q.id for q in queries]
    problems += [
        f"{name}: query id {i!r} is given twice" for i in dict.fromkeys(ids) if ids.count(i) > 1
    ]
    if problems:
        raise InputError("sequences that cannot be read:", problems)
    if not queries:
        raise InputError(f"{name}: no sequences there")
    return queries


def sequence_snippets(recipe: Recipe, query: str, passages: Sequence[Passage]) -> list[Snippet]:
    """Stretch of each passage with most letters in k-mers of the query, and these k-mers' places."""
    from qembed.search.lexical.kmers import kmer_spans

    found = sequence_recipe(recipe.chunker)
    assert found is not None
    best = []
    for p in passages:
        spans = kmer_spans(p.text, query, found)
        start = _densest(spans)
        end = min(len(p.text), start + SHOWN)
        start = max(0, end - SHOWN)
        best.append(Snippet(start, end, spans))
    return best


def _densest(spans: Sequence[tuple[int, int]]) -> int:
    """Start of the span from which on most of SHOWN characters lie in spans, 0 without any."""

    def covered(start: int) -> int:
        return sum(max(0, min(b, start + SHOWN) - max(a, start)) for a, b in spans)

    return max((a for a, _ in spans), key=covered, default=0)
